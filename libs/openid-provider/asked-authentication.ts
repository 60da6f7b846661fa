import { z } from 'zod';
import type { RelyingPartySettings } from '#libs/relying-parties/settings.js';

/** What a request asks of the authentication (OpenID Connect Core 3.1.2.1 and 5.5.1). */
export interface AskedAuthentication {
  /** `prompt=login`, or a `max_age` of 0, which is the same. */
  readonly anew: boolean;
  /** In seconds. */
  readonly maxAgeS?: number;
  /** `auth_time` is an essential claim. */
  readonly authTime: boolean;
  readonly acrValues: readonly string[];
  /** The claim `acr` is essential, with one of these values. */
  readonly acrEssential: boolean;
}

const member = z.object({
  essential: z.boolean().optional().catch(undefined),
  value: z.string().optional().catch(undefined),
  values: z.array(z.string()).optional().catch(undefined),
});
/** Of the parameter `claims`, what is read here; a request that is no JSON was refused before. */
const claimsSchema = z.object({
  id_token: z
    .object({ auth_time: member.optional().catch(undefined), acr: member.optional().catch(undefined) })
    .optional()
    .catch(undefined),
});

const idTokenClaims = (claims: unknown): z.output<typeof claimsSchema>['id_token'] => {
  if (typeof claims !== 'string') return undefined;
  try {
    return claimsSchema.safeParse(JSON.parse(claims)).data?.id_token;
  } catch {
    return undefined;
  }
};

/**
 * Whether `auth_time` must be in the ID token by the app's own word. `max_age` asks for it too, and is met otherwise
 * where a provider's policy takes a full new round trip for a fresh authentication.
 */
export const isAuthTimeEssential = (claims: unknown, requireAuthTime: boolean | undefined): boolean =>
  requireAuthTime === true || idTokenClaims(claims)?.auth_time?.essential === true;

const words = (value: unknown): readonly string[] =>
  typeof value === 'string' ? value.split(' ').filter(Boolean) : [];

/** @param params of the authorization request, as oidc-provider has checked them */
export const askedOf = (
  { prompt, max_age, acr_values, claims }: Readonly<Record<string, unknown>>,
  { requireAuthTime }: Pick<RelyingPartySettings, 'requireAuthTime'>,
): AskedAuthentication => {
  const maxAge = max_age === undefined || max_age === null || max_age === '' ? undefined : Number(max_age);
  const acr = idTokenClaims(claims)?.acr;
  const acrClaim = acr?.values ?? (acr?.value === undefined ? [] : [acr.value]);
  return {
    anew: words(prompt).includes('login') || maxAge === 0,
    ...(maxAge === undefined || !Number.isFinite(maxAge) ? {} : { maxAgeS: maxAge }),
    authTime: isAuthTimeEssential(claims, requireAuthTime),
    acrValues: acrClaim.length > 0 ? acrClaim : words(acr_values),
    acrEssential: acr?.essential === true && acrClaim.length > 0,
  };
};
