import type { AskedOfProvider } from '#libs/identity-providers/reauthentication.js';
import { AUTH_TIME_SKEW_MS, provesReauthentication } from '#libs/identity-providers/reauthentication.js';
import type { IdentityProviderSettings } from '#libs/identity-providers/settings.js';
import type { LinkingPolicy } from '#libs/organizations/linking-policy.js';

/**
 * What a relying party asks of the authentication (OpenID Connect Core 3.1.2.1 and 5.5.1): `prompt=login`, `max_age`,
 * an essential `auth_time`, `acr_values` or the claim `acr`.
 */
export type AskedAuthentication = AskedOfProvider;

/** Whether it takes a proof of when the person authenticated. */
export const asksForProof = ({ anew, maxAgeS, authTime }: AskedAuthentication): boolean =>
  anew || maxAgeS !== undefined || authTime;

/**
 * - `proven`: it was asked for nothing, or the time of the authentication shows it;
 * - `by_round_trip`: it does not, and the provider's policy takes a full new round trip for it;
 * - `unproven`: the app gets `login_required`, never a sign-in by our own clock (L33).
 */
export type Freshness = 'proven' | 'by_round_trip' | 'unproven';

/**
 * Whether a person's authentication is what the app asked for.
 * @param request.begunAt when the request came: whoever authenticated since did so anew
 * @param authentication.at when the person did so; none: nobody knows, which is never fresh
 */
export const freshnessOf = (
  { asked, begunAt }: { readonly asked: AskedAuthentication; readonly begunAt: Date },
  { at, roundTripCounts }: { readonly at: Date | undefined; readonly roundTripCounts: boolean },
  now: Date,
): Freshness => {
  const since = earliestOf(asked, begunAt, now);
  const isFresh = since === undefined || (at !== undefined && at.getTime() >= since - AUTH_TIME_SKEW_MS);
  const isTold = !asked.authTime || at !== undefined;
  if (isFresh && isTold) return 'proven';
  return !isFresh && roundTripCounts && !asked.authTime ? 'by_round_trip' : 'unproven';
};

/** The earliest authentication that will do, in milliseconds since the epoch. */
const earliestOf = ({ anew, maxAgeS }: AskedAuthentication, begunAt: Date, now: Date): number | undefined => {
  if (anew) return begunAt.getTime();
  return maxAgeS === undefined ? undefined : Math.min(begunAt.getTime(), now.getTime() - maxAgeS * 1_000);
};

/** Whether a sign-in through the provider can be what the app asked for: by its settings, or by its policy. */
export const mayMeet = (
  asked: AskedAuthentication,
  { settings, policy }: { readonly settings: IdentityProviderSettings; readonly policy: LinkingPolicy },
): boolean =>
  !asksForProof(asked) || provesReauthentication(settings) || (policy.freshRoundTripCounts === true && !asked.authTime);
