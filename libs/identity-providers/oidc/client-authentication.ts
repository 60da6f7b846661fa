import { importPKCS8, SignJWT } from 'jose';
import type { Clock } from '#libs/platform/clock.js';
import { UpstreamError } from '../upstream-error.js';
import type { ProviderMetadata } from './discovery.js';
import type { OidcProviderSettings } from './settings.js';

/** What a token request says of who makes it. */
export interface ClientAuthentication {
  readonly headers: Readonly<Record<string, string>>;
  readonly parameters: Readonly<Record<string, string>>;
}

const SECRET_LIFETIME_S = 300;

/**
 * Authenticates us at a provider's token endpoint (OIDC Core, section 9): by secret, in the way that the provider
 * supports, or not at all.
 */
export const clientAuthentication = async (
  settings: OidcProviderSettings,
  { issuer, token_endpoint_auth_methods_supported: supported }: ProviderMetadata,
  clock: Clock,
): Promise<ClientAuthentication> => {
  const { clientId } = settings;
  const clientSecret = settings.clientSecretJwt
    ? await signedSecret(settings, settings.clientSecretJwt, issuer, clock)
    : settings.clientSecret;
  if (clientSecret === undefined) return { headers: {}, parameters: { client_id: clientId } };
  if (!supported.includes('client_secret_basic'))
    return { headers: {}, parameters: { client_id: clientId, client_secret: clientSecret } };
  // RFC 6749, section 2.3.1: both parts are form-urlencoded first.
  const [id, secret] = [clientId, clientSecret].map((part) => new URLSearchParams({ p: part }).toString().slice(2));
  return { headers: { authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}` }, parameters: {} };
};

/**
 * A client secret that is a JWT (Apple, "Creating a client secret"): ES256, good for the one request that it is made
 * for.
 */
const signedSecret = async (
  { clientId, clientSecretKey }: OidcProviderSettings,
  { teamId, keyId }: NonNullable<OidcProviderSettings['clientSecretJwt']>,
  audience: string,
  clock: Clock,
): Promise<string> => {
  const now = Math.floor(clock().getTime() / 1_000);
  try {
    return await new SignJWT({ iss: teamId, sub: clientId, aud: audience, iat: now, exp: now + SECRET_LIFETIME_S })
      .setProtectedHeader({ alg: 'ES256', kid: keyId })
      .sign(await importPKCS8(clientSecretKey ?? '', 'ES256'));
  } catch (error) {
    throw new UpstreamError(
      'client_secret_unusable',
      'token_exchange',
      `the client secret cannot be signed: ${(error as Error).name}`,
    );
  }
};
