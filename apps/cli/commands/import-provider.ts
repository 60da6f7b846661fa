import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { declareFromMetadata } from '#libs/identity-providers/saml/declare-from-metadata.js';
import { parseProviderMetadata } from '#libs/identity-providers/saml/provider-metadata.js';
import { UpstreamError } from '#libs/identity-providers/upstream-error.js';
import { exchange, HttpExchangeError } from '#libs/platform/guarded-http.js';
import type { HttpPolicy } from '#libs/platform/guarded-http.js';
import { UsageError } from '../exit-codes.js';

const discoverySchema = z.object({ issuer: z.string(), scopes_supported: z.array(z.string()).default([]) });

/**
 * What a provider publishes of itself (SAML metadata, or OpenID Connect discovery), as its entry in a configuration
 * file.
 * @param source an address, or a file
 */
export const importProvider = async (
  source: string,
  named: { readonly id: string; readonly entityId: string | undefined },
  policy: HttpPolicy,
  now: Date,
): Promise<object> => {
  const isAddress = /^https?:\/\//.test(source);
  try {
    const text = isAddress ? await fetched(source, policy) : await readFile(source, 'utf8');
    if (!text.trimStart().startsWith('<')) return openIdEntry(named.id, text);
    return declareFromMetadata(
      parseProviderMetadata(text, now, named.entityId),
      named.id,
      isAddress ? source : undefined,
    );
  } catch (error) {
    const isExpected =
      error instanceof HttpExchangeError ||
      error instanceof UpstreamError ||
      (error as { code?: string }).code === 'ENOENT';
    throw isExpected ? new UsageError(`Nothing can be imported: ${(error as Error).message}`) : error;
  }
};

const fetched = async (address: string, policy: HttpPolicy): Promise<string> => {
  const { status, body } = await exchange(address, policy, { headers: { accept: '*/*' } });
  if (status !== 200) throw new HttpExchangeError(`${address}: status ${status}`);
  return body;
};

const openIdEntry = (id: string, text: string): object => {
  const { issuer, scopes_supported: supported } = parsed(text);
  return {
    id,
    template: 'oidc',
    displayName: id,
    issuer,
    clientId: 'what the provider calls us',
    clientSecret: { env: 'PROVIDER_CLIENT_SECRET' },
    scopes: ['openid', ...['profile', 'email'].filter((scope) => supported.includes(scope))],
  };
};

const parsed = (text: string): z.output<typeof discoverySchema> => {
  try {
    return discoverySchema.parse(JSON.parse(text));
  } catch {
    throw new UsageError(
      'Nothing can be imported: it is neither SAML metadata nor an OpenID Provider’s discovery document',
    );
  }
};
