import type { JWTPayload } from 'jose';
import { z } from 'zod';
import type { Clock } from '#libs/platform/clock.js';
import { isLine } from '#libs/platform/text.js';
import { HttpExchangeError } from '#libs/platform/guarded-http.js';
import { UpstreamError } from '../upstream-error.js';
import { refusing } from '../upstream-protocol.js';
import type { UpstreamRefusal } from '../upstream-protocol.js';
import type { Discovery } from './discovery.js';
import type { OidcProviderSettings } from './settings.js';
import { verifiedJwt } from './verified-jwt.js';

/** A provider's word that somebody has logged out there, verified to the end. */
export interface VerifiedLogout {
  readonly kind: 'logout';
  readonly providerId: string;
  readonly issuer: string;
  /** At least one of the two is there. */
  readonly subject: string | undefined;
  readonly session: string | undefined;
  /** `jti`: used once. */
  readonly messageId: string;
  readonly expiresAt: Date;
}

const LOGOUT_EVENT = 'http://schemas.openid.net/event/backchannel-logout';
const MAX_TOKEN_LENGTH = 16_000;
const MAX_LIFETIME_S = 24 * 3_600;
/** Sessions are found by these, byte for byte (security row T1). */
const name = z
  .string()
  .min(1)
  .refine((text) => isLine(text, 1_000));

/** OpenID Connect Back-Channel Logout 1.0, section 2.4. */
const claimsSchema = z
  .object({
    sub: name.optional(),
    sid: name.optional(),
    jti: name,
    iat: z.number(),
    exp: z.number(),
    events: z.looseObject({ [LOGOUT_EVENT]: z.record(z.string(), z.unknown()) }),
  })
  .refine(({ sub, sid }) => sub !== undefined || sid !== undefined, { path: ['sub'] })
  // Its id is remembered until it expires, so that is bounded; section 4 recommends two minutes.
  .refine(({ iat, exp }) => exp - iat <= MAX_LIFETIME_S, { path: ['exp'] });

/** Logout tokens of external OpenID Providers (OpenID Connect Back-Channel Logout 1.0). */
export class BackChannelLogout {
  constructor(private readonly options: { readonly discovery: Discovery; readonly clock: Clock }) {}

  /**
   * Validates a logout token by section 2.6, steps 1 to 6; whether it was met before (step 7), and what it ends, the
   * caller knows. It is signed like an id_token, and can never be one: a token with a nonce is refused here, one
   * without a nonce there.
   */
  verify(settings: OidcProviderSettings, token: unknown): Promise<VerifiedLogout | UpstreamRefusal> {
    return refusing(async () => {
      if (typeof token !== 'string' || token.length > MAX_TOKEN_LENGTH)
        throw new UpstreamError('logout_token_missing', 'logout_token', 'no logout token, or too long a one');
      const { clock } = this.options;
      const keys = await this.#keysOf(settings);
      const { payload, header } = await verifiedJwt(token, {
        settings,
        keys,
        now: clock(),
        step: 'logout_token',
        requiredClaims: ['jti', 'events'],
      });
      // Section 2.4: typ is recommended to be logout+jwt; a token that says that it is something else is something
      // else.
      if (header.typ !== undefined && !['logout+jwt', 'jwt'].includes(header.typ.toLowerCase()))
        throw new UpstreamError('logout_token_claims_invalid', 'logout_token', 'typ is of another kind of token');
      return logoutOf(settings, payload);
    });
  }

  async #keysOf({ issuer }: OidcProviderSettings) {
    try {
      return (await this.options.discovery.find(issuer)).keys;
    } catch (error) {
      if (error instanceof HttpExchangeError)
        throw new UpstreamError('provider_unreachable', 'discovery', error.message);
      throw error;
    }
  }
}

const logoutOf = (settings: OidcProviderSettings, payload: JWTPayload): VerifiedLogout => {
  const parsed = claimsSchema.safeParse(payload);
  if (!parsed.success || 'nonce' in payload) {
    const wrong = parsed.success ? 'nonce' : parsed.error.issues.map(({ path }) => path.join('.')).join(', ');
    throw new UpstreamError('logout_token_claims_invalid', 'logout_token', wrong);
  }
  const { sub, sid, jti, exp } = parsed.data;
  return {
    kind: 'logout',
    providerId: settings.id,
    issuer: settings.issuer,
    subject: sub,
    session: sid,
    messageId: jti,
    expiresAt: new Date(exp * 1_000),
  };
};
