import { createHash } from 'node:crypto';
import { errors, jwtVerify } from 'jose';
import type { JWTPayload, JWTVerifyGetKey } from 'jose';
import { z } from 'zod';
import type { Clock } from '#libs/platform/clock.js';
import type { OidcProviderSettings } from './settings.js';
import { UpstreamError } from '../upstream-error.js';

const CLOCK_SKEW_S = 60;
const NOT_PRINTABLE = /[\u0000-\u001f\u007f]/;

/** OIDC Core 2: at most 255 ASCII characters, case-sensitive. */
const subjectSchema = z
  .string()
  .min(1)
  .max(255)
  .regex(/^[\x20-\x7e]+$/);
const textSchema = z
  .string()
  .max(1_000)
  .refine((text) => !NOT_PRINTABLE.test(text));

/** The claims whose types later code relies on; jose has checked exp, iat, nbf, iss and aud. */
const claimsSchema = z.object({
  sub: subjectSchema,
  nonce: z.string(),
  iat: z.number(),
  azp: z.string().optional(),
  auth_time: z.number().int().optional(),
  acr: textSchema.optional(),
  amr: z.array(textSchema).max(20).optional(),
  jti: textSchema.optional(),
  sid: textSchema.optional(),
});

export interface VerifiedIdToken {
  readonly subject: string;
  readonly authTime: Date | undefined;
  readonly acr: string | undefined;
  readonly amr: readonly string[];
  /** The session at the provider (`sid`), which its back-channel logout names. */
  readonly session: string | undefined;
  /** Names the token without being usable as one. */
  readonly id: string;
  readonly payload: JWTPayload;
}

/**
 * Verifies an id_token (OIDC Core 3.1.3.7; security rows O1–O3): signature by one of the issuer's published keys under an allowed asymmetric
 * algorithm, issuer, audience, authorized party, times within 60 seconds of skew, nonce, and the type of every claim.
 * @throws {UpstreamError}
 */
export const verifyIdToken = async (
  idToken: unknown,
  expected: { readonly settings: OidcProviderSettings; readonly keys: JWTVerifyGetKey; readonly nonce: string; readonly clock: Clock },
): Promise<VerifiedIdToken> => {
  const { settings, keys, nonce, clock } = expected;
  if (typeof idToken !== 'string') throw new UpstreamError('id_token_missing', 'id_token', 'the token response has no id_token');
  const now = clock();
  const payload = await verifiedPayload(idToken, settings, keys, now);
  const parsed = claimsSchema.safeParse(payload);
  if (!parsed.success) {
    throw new UpstreamError('id_token_claims_invalid', 'id_token', parsed.error.issues.map(({ path }) => path.join('.')).join(', '));
  }
  const claims = parsed.data;
  if (claims.nonce !== nonce) throw new UpstreamError('nonce_mismatch', 'id_token', 'the nonce is not the one of this flow');
  const several = Array.isArray(payload.aud) && payload.aud.length > 1;
  if ((several && claims.azp === undefined) || (claims.azp !== undefined && claims.azp !== settings.clientId)) {
    throw new UpstreamError('audience_mismatch', 'id_token', 'azp is not this client');
  }
  for (const [claim, value] of Object.entries(settings.requiredClaims)) {
    if (!Object.hasOwn(payload, claim) || payload[claim] !== value)
      throw new UpstreamError('required_claim_mismatch', 'id_token', `${claim} is not what the settings require`);
  }
  if (claims.iat > now.getTime() / 1_000 + CLOCK_SKEW_S)
    throw new UpstreamError('token_not_yet_valid', 'id_token', 'iat lies in the future');
  return {
    subject: claims.sub,
    authTime: claims.auth_time === undefined ? undefined : new Date(claims.auth_time * 1_000),
    acr: claims.acr,
    amr: claims.amr ?? [],
    session: claims.sid,
    id: claims.jti ?? createHash('sha256').update(idToken).digest('base64url'),
    payload,
  };
};

const verifiedPayload = async (idToken: string, settings: OidcProviderSettings, keys: JWTVerifyGetKey, now: Date): Promise<JWTPayload> => {
  try {
    const { payload } = await jwtVerify(idToken, keys, {
      issuer: settings.issuer,
      audience: settings.clientId,
      algorithms: [...settings.idTokenSigningAlgs],
      clockTolerance: CLOCK_SKEW_S,
      currentDate: now,
      requiredClaims: ['exp', 'iat', 'sub', 'aud', 'iss'],
    });
    return payload;
  } catch (error) {
    if (error instanceof errors.JWTExpired) throw new UpstreamError('token_expired', 'id_token', error.message);
    if (error instanceof errors.JWTClaimValidationFailed) {
      throw new UpstreamError(CODE_BY_CLAIM[error.claim] ?? 'id_token_claims_invalid', 'id_token', error.message);
    }
    if (error instanceof errors.JOSEError)
      throw new UpstreamError('id_token_signature_invalid', 'id_token', `${error.code}: ${error.message}`);
    throw new UpstreamError('provider_unreachable', 'id_token', (error as Error).message);
  }
};

const CODE_BY_CLAIM: Readonly<Record<string, string>> = { iss: 'issuer_mismatch', aud: 'audience_mismatch', nbf: 'token_not_yet_valid' };
