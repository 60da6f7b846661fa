import { createHash } from 'node:crypto';
import type { JWTPayload, JWTVerifyGetKey } from 'jose';
import { z } from 'zod';
import type { Clock } from '#libs/platform/clock.js';
import { isLine } from '#libs/platform/text.js';
import { AUTH_TIME_SKEW_MS, notInTheFuture } from '../reauthentication.js';
import type { OidcProviderSettings } from './settings.js';
import { UpstreamError } from '../upstream-error.js';
import { verifiedJwt } from './verified-jwt.js';

/** OIDC Core 2: at most 255 ASCII characters, case-sensitive. */
const subjectSchema = z
  .string()
  .min(1)
  .max(255)
  .regex(/^[\x20-\x7e]+$/);
/** Left out where it breaks the rule for text (security row T1); of another type it is refused. */
const textSchema = z.string().transform((text) => (isLine(text, 1_000) ? text : undefined));
const textsSchema = z
  .array(textSchema)
  .max(20)
  .transform((texts) => texts.filter((text) => text !== undefined));

/** The claims whose types later code relies on; jose has checked exp, iat, nbf, iss and aud. */
const claimsSchema = z.object({
  sub: subjectSchema,
  nonce: z.string(),
  /** Up to the year 9999: what lies beyond is no time. */
  auth_time: z.int().min(0).max(253_402_300_799).optional(),
  acr: textSchema.optional(),
  amr: textsSchema.optional(),
  jti: textSchema.optional(),
  sid: textSchema.optional(),
});

export interface VerifiedIdToken {
  readonly subject: string;
  /** Never in the future. */
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
 * Verifies an id_token (OIDC Core 3.1.3.7; security rows O1–O3): signature by one of the issuer's published keys under
 * an allowed asymmetric algorithm, issuer, audience, authorized party, times within 60 seconds of skew, nonce, and the
 * type of every claim.
 * @throws {UpstreamError}
 */
export const verifyIdToken = async (
  idToken: unknown,
  expected: {
    readonly settings: OidcProviderSettings;
    readonly keys: JWTVerifyGetKey;
    readonly nonce: string;
    readonly clock: Clock;
  },
): Promise<VerifiedIdToken> => {
  const { settings, keys, nonce, clock } = expected;
  const now = clock();
  if (typeof idToken !== 'string')
    throw new UpstreamError('id_token_missing', 'id_token', 'the token response has no id_token');
  const { payload } = await verifiedJwt(idToken, {
    settings,
    keys,
    now,
    step: 'id_token',
    requiredClaims: ['sub'],
  });
  const parsed = claimsSchema.safeParse(payload);
  if (!parsed.success) {
    throw new UpstreamError(
      'id_token_claims_invalid',
      'id_token',
      parsed.error.issues.map(({ path }) => path.join('.')).join(', '),
    );
  }
  const claims = parsed.data;
  if (claims.nonce !== nonce)
    throw new UpstreamError('nonce_mismatch', 'id_token', 'the nonce is not the one of this flow');
  for (const [claim, value] of Object.entries(settings.requiredClaims)) {
    if (!Object.hasOwn(payload, claim) || payload[claim] !== value)
      throw new UpstreamError('required_claim_mismatch', 'id_token', `${claim} is not what the settings require`);
  }
  const authTime = claims.auth_time === undefined ? undefined : new Date(claims.auth_time * 1_000);
  if (authTime && authTime.getTime() > now.getTime() + AUTH_TIME_SKEW_MS)
    throw new UpstreamError('auth_time_in_the_future', 'id_token', 'auth_time is still to come');
  return {
    subject: claims.sub,
    authTime: authTime && notInTheFuture(authTime, now),
    acr: claims.acr,
    amr: claims.amr ?? [],
    session: claims.sid,
    id: claims.jti ?? createHash('sha256').update(idToken).digest('base64url'),
    payload,
  };
};
