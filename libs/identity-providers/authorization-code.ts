import { UpstreamError } from './upstream-error.js';

/**
 * The code of an authorization response whose flow is known: `iss` first (RFC 9207; security row O5), then an error of
 * the provider, then the code.
 * @param issRequired the provider says that it always sends `iss`
 * @throws {UpstreamError}
 */
export const authorizationCode = (
  { iss, error, code }: Readonly<Record<string, unknown>>,
  issuer: string,
  issRequired: boolean,
): string => {
  if (iss !== undefined ? iss !== issuer : issRequired) {
    throw new UpstreamError(
      'issuer_mismatch',
      'authorization_response',
      'the iss parameter is missing or names another issuer',
    );
  }
  if (error !== undefined) {
    const known = typeof error === 'string' && /^[a-z_]{1,60}$/.test(error) ? error : 'unreadable error';
    throw new UpstreamError('provider_error', 'authorization_response', known);
  }
  if (typeof code !== 'string' || code === '')
    throw new UpstreamError('code_missing', 'authorization_response', 'no code');
  return code;
};
