import { errors, jwtVerify } from 'jose';
import type { JWTPayload, JWTVerifyGetKey, ProtectedHeaderParameters } from 'jose';
import { UpstreamError } from '../upstream-error.js';
import type { OidcProviderSettings } from './settings.js';

/** By how much a provider's clock may differ, in seconds. */
export const CLOCK_SKEW_S = 60;

export interface ExpectedJwt {
  readonly settings: OidcProviderSettings;
  readonly keys: JWTVerifyGetKey;
  readonly now: Date;
  readonly step: 'id_token' | 'logout_token';
  /** Beside those that every token has. */
  readonly requiredClaims: readonly string[];
}

/**
 * What a token of a provider says, once its signature is verified: by one of the issuer's published keys, under an
 * allowed asymmetric algorithm; and its issuer, audience and times, within 60 seconds of skew (security rows O1, O2).
 * @throws {UpstreamError}
 */
export const verifiedJwt = async (
  jwt: string,
  { settings, keys, now, step, requiredClaims }: ExpectedJwt,
): Promise<{ readonly payload: JWTPayload; readonly header: ProtectedHeaderParameters }> => {
  const verified = await verifiedSignature(jwt, { settings, keys, now, step, requiredClaims });
  const { iat, aud, azp } = verified.payload;
  // Others who got the same token could present it: it must say that it is ours (OIDC Core 3.1.3.7, steps 3 to 5).
  const several = Array.isArray(aud) && aud.length > 1;
  if (azp !== undefined && typeof azp !== 'string') throw new UpstreamError(`${step}_claims_invalid`, step, 'azp');
  if (azp === undefined ? several : azp !== settings.clientId)
    throw new UpstreamError('audience_mismatch', step, 'azp is not this client');
  if (typeof iat !== 'number' || iat > now.getTime() / 1_000 + CLOCK_SKEW_S)
    throw new UpstreamError('token_not_yet_valid', step, 'iat lies in the future');
  return verified;
};

const verifiedSignature = async (jwt: string, { settings, keys, now, step, requiredClaims }: ExpectedJwt) => {
  try {
    const { payload, protectedHeader } = await jwtVerify(jwt, keys, {
      issuer: settings.issuer,
      audience: settings.clientId,
      algorithms: [...settings.idTokenSigningAlgs],
      clockTolerance: CLOCK_SKEW_S,
      currentDate: now,
      requiredClaims: ['exp', 'iat', 'aud', 'iss', ...requiredClaims],
    });
    return { payload, header: protectedHeader };
  } catch (error) {
    if (error instanceof errors.JWTExpired) throw new UpstreamError('token_expired', step, error.message);
    if (error instanceof errors.JWTClaimValidationFailed) {
      throw new UpstreamError(CODE_BY_CLAIM[error.claim] ?? `${step}_claims_invalid`, step, error.message);
    }
    if (error instanceof errors.JOSEError)
      throw new UpstreamError(`${step}_signature_invalid`, step, `${error.code}: ${error.message}`);
    throw new UpstreamError('provider_unreachable', step, (error as Error).message);
  }
};

const CODE_BY_CLAIM: Readonly<Record<string, string>> = {
  iss: 'issuer_mismatch',
  aud: 'audience_mismatch',
  nbf: 'token_not_yet_valid',
};
