import { readFile } from 'node:fs/promises';
import { stringify } from 'yaml';
import { z } from 'zod';
import { exchange, HttpExchangeError } from '#libs/identity-providers/http.js';
import type { HttpPolicy } from '#libs/identity-providers/http.js';
import { parseProviderMetadata } from '#libs/identity-providers/saml/provider-metadata.js';
import { UpstreamError } from '#libs/identity-providers/upstream-error.js';
import { UsageError } from '../exit-codes.js';

const discoverySchema = z.object({ issuer: z.string(), scopes_supported: z.array(z.string()).default(['openid']) });

/**
 * What a provider publishes of itself (SAML metadata, or OpenID Connect discovery), as the beginning of its entry in a configuration file.
 * @param source an https address, or a file
 */
export const importProvider = async (source: string, entityId: string | undefined, policy: HttpPolicy, now: Date): Promise<string> => {
  const isAddress = /^https?:\/\//.test(source);
  const text = isAddress ? await fetched(source, policy) : await readFile(source, 'utf8').catch((error: Error) => refuse(error.message));
  const entry = text.trimStart().startsWith('<') ? samlEntry(text, isAddress ? source : undefined, entityId, now) : oidcEntry(text);
  return stringify({ identityProviders: [entry] });
};

const refuse = (why: string): never => {
  throw new UsageError(`Nothing can be imported: ${why}`);
};

const fetched = async (address: string, policy: HttpPolicy): Promise<string> => {
  try {
    const { status, body } = await exchange(address, policy, { headers: { accept: '*/*' } });
    return status === 200 ? body : refuse(`${address} answers with status ${status}`);
  } catch (error) {
    return error instanceof HttpExchangeError ? refuse(error.message) : Promise.reject(error as Error);
  }
};

const samlEntry = (xml: string, metadataUrl: string | undefined, entityId: string | undefined, now: Date): object => {
  try {
    const metadata = parseProviderMetadata(xml, now, entityId);
    return {
      id: 'choose-an-id',
      template: 'saml',
      displayName: 'What people read on its button',
      entityId: metadata.entityId,
      singleSignOnServices: metadata.singleSignOnServices,
      ...(metadata.singleLogoutServices.length > 0 ? { singleLogoutServices: metadata.singleLogoutServices } : {}),
      // Published metadata is read again and again: the keys in it roll over without anybody's doing.
      ...(metadataUrl === undefined ? { signingCertificates: metadata.signingCertificates } : { metadataUrl }),
      ...(metadata.wantAuthnRequestsSigned ? { signRequests: true } : {}),
    };
  } catch (error) {
    return error instanceof UpstreamError ? refuse(error.message) : Promise.reject(error as Error);
  }
};

const oidcEntry = (text: string): object => {
  try {
    const { issuer, scopes_supported: scopes } = discoverySchema.parse(JSON.parse(text));
    return {
      id: 'choose-an-id',
      template: 'oidc',
      displayName: 'What people read on its button',
      issuer,
      clientId: 'what the provider calls us',
      clientSecret: { env: 'PROVIDER_CLIENT_SECRET' },
      scopes: ['openid', 'profile', 'email'].filter((scope) => scope === 'openid' || scopes.includes(scope)),
    };
  } catch {
    return refuse('it is neither SAML metadata nor an OpenID Provider’s discovery document');
  }
};
