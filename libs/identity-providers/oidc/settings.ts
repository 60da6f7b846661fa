import { z } from 'zod';
import { slugSchema } from '#libs/platform/slug.js';
import { commonProviderShape, endpointSchema, scopeSchema, secretSchema } from '../provider-fields.js';
import { oidcReauthenticationSchema } from '../reauthentication.js';

/** Signature algorithms of id_tokens that Ligature knows: asymmetric ones only, never `none` (security row O1). */
export const idTokenSigningAlgs = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
] as const;

/** Which upstream claim fills which of ours; only these are ever taken over (security row L23). */
export const claimMappingSchema = z.strictObject({
  email: z.string().default('email'),
  emailVerified: z.string().default('email_verified'),
  preferredUsername: z.string().default('preferred_username'),
  name: z.string().default('name'),
  givenName: z.string().default('given_name'),
  familyName: z.string().default('family_name'),
});

/** OpenID Connect Discovery 1.0, section 3. */
const issuerSchema = endpointSchema.refine((issuer) => !issuer.includes('?'), 'must have no query');

const claimName = z.string().min(1).max(100);

/** An upstream OpenID Provider, as an operator declares it, but its id and its secrets. */
export const oidcProviderShape = {
  kind: z.literal('oidc'),
  ...commonProviderShape,
  issuer: issuerSchema,
  clientId: z.string().min(1).max(200),
  scopes: z.array(scopeSchema).refine((scopes) => scopes.includes('openid'), 'must contain openid'),
  idTokenSigningAlgs: z
    .array(z.enum(idTokenSigningAlgs))
    .min(1)
    .default([...idTokenSigningAlgs]),
  claimMapping: claimMappingSchema.prefault({}),
  /** Whether claims are also fetched from UserInfo. */
  userInfo: z.boolean().default(false),
  /**
   * How the provider hands the response to the browser. `form_post` for providers that give claims in no other way
   * (Apple).
   */
  responseMode: z.enum(['query', 'form_post']).default('query'),
  /**
   * The claims that together name the person. Other than `sub` only where the provider says that these never change and
   * are never given to somebody else (Microsoft Entra: `tid` and `oid`); they make a source of another kind, so that no
   * `sub` can equal one.
   */
  subjectClaims: z.array(claimName).min(1).max(4).default(['sub']),
  /** Claims of the id_token that must have exactly this value: a tenant, a hosted domain. */
  requiredClaims: z.record(claimName, z.string().min(1).max(500)).default({}),
  /** What it does with `prompt`, `max_age` and `acr_values`; none: all of it as specified. */
  reauthentication: oidcReauthenticationSchema.optional(),
  /** The client secret is a JWT that is signed for each request (Apple): whose it is, and with which key. */
  clientSecretJwt: z.strictObject({ teamId: z.string().min(1).max(100), keyId: z.string().min(1).max(100) }).optional(),
} as const;

export const oidcProviderSecrets = {
  clientSecret: secretSchema.optional(),
  /** PKCS #8 in PEM: signs what `clientSecretJwt` describes. */
  clientSecretKey: secretSchema.optional(),
} as const;

export const oidcProviderSettingsSchema = z.strictObject({
  id: slugSchema,
  ...oidcProviderShape,
  ...oidcProviderSecrets,
});
export type OidcProviderSettings = z.output<typeof oidcProviderSettingsSchema>;
