import { z } from 'zod';
import { exchange, HttpExchangeError } from '#libs/platform/guarded-http.js';
import type { HttpAnswer, HttpPolicy } from '#libs/platform/guarded-http.js';
import { inspectClient, inspectClock, inspectRedirectUri } from '../inspection-steps.js';
import type { Finding, Inspection } from '../inspection-steps.js';
import { clientAuthentication } from './client-authentication.js';
import { Discovery } from './discovery.js';
import type { OidcProviderSettings } from './settings.js';

/** Metadata, keys, clock, redirect URI and client of an OpenID Provider. */
export const inspectOidc = async (
  settings: OidcProviderSettings,
  inspection: Inspection,
): Promise<readonly Finding[]> => {
  const { policy, now } = inspection;
  try {
    const { metadata } = await new Discovery(policy, () => now).find(settings.issuer);
    const keys = await exchange(metadata.jwks_uri, policy);
    const parameters = {
      response_type: 'code',
      client_id: settings.clientId,
      scope: 'openid',
      prompt: 'none',
      nonce: 'n',
      state: 's',
    };
    return [
      { check: 'metadata', state: 'ok', detail: `issuer ${metadata.issuer}` },
      inspectKeys(settings, metadata.jwks_uri, keys),
      inspectClock(keys, now),
      await inspectRedirectUri(metadata.authorization_endpoint, { ...parameters, ...CHALLENGE }, inspection),
      await inspectClient(
        metadata.token_endpoint,
        await clientAuthentication(settings, metadata, () => now),
        inspection,
      ),
    ];
  } catch (error) {
    if (!(error instanceof HttpExchangeError)) throw error;
    return [{ check: 'metadata', state: 'failed', detail: error.message, fix: unreachableFix(policy) }];
  }
};

/** A PKCE challenge as RFC 7636 shows one (appendix B). */
const CHALLENGE = { code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM', code_challenge_method: 'S256' };

const unreachableFix = ({ allowLoopback }: HttpPolicy): string =>
  `See that the provider can be reached from here${allowLoopback ? '' : ', by https'}, and that the issuer is the one it names itself.`;

const parsed = (body: string): unknown => {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
};

const keySetSchema = z.object({
  keys: z.array(z.looseObject({ kty: z.string(), use: z.string().optional(), alg: z.string().optional() })),
});

const inspectKeys = ({ idTokenSigningAlgs }: OidcProviderSettings, jwksUri: string, answer: HttpAnswer): Finding => {
  const fix = `See ${jwksUri}: the provider signs with none of ${idTokenSigningAlgs.join(', ')}.`;
  const keySet = answer.status === 200 ? keySetSchema.safeParse(parsed(answer.body)) : undefined;
  if (!keySet?.success) return { check: 'keys', state: 'failed', detail: `there is no key set at ${jwksUri}`, fix };
  const usable = keySet.data.keys.filter(
    ({ kty, use, alg }) =>
      kty !== 'oct' && use !== 'enc' && (alg === undefined || (idTokenSigningAlgs as readonly string[]).includes(alg)),
  );
  return usable.length > 0
    ? { check: 'keys', state: 'ok', detail: `${usable.length} of ${keySet.data.keys.length} may sign` }
    : { check: 'keys', state: 'failed', detail: 'none of its keys may sign', fix };
};
