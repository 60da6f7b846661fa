import { z } from 'zod';
import { isSecureOrLoopback } from '#libs/platform/secure-url.js';
import { slugSchema } from '#libs/platform/slug.js';

/** Signature algorithms of id_tokens that Ligature knows: asymmetric ones only, never `none` (security row O1). */
export const idTokenSigningAlgs = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA'] as const;

/** Which upstream claim fills which of ours; only these are ever taken over (security row L23). */
export const claimMappingSchema = z.strictObject({
  email: z.string().default('email'),
  emailVerified: z.string().default('email_verified'),
  preferredUsername: z.string().default('preferred_username'),
  name: z.string().default('name'),
  givenName: z.string().default('given_name'),
  familyName: z.string().default('family_name'),
});

/** OpenID Connect Discovery 1.0, section 3: https, no query, no fragment; http on a loopback host only, for development (security row O10). */
const issuerSchema = z
  .string()
  .refine(
    (issuer) => isSecureOrLoopback(issuer) && !/[?#]/.test(issuer),
    'must be https (http on a loopback host only), without query and fragment',
  );

/** An upstream OpenID Provider, as an operator declares it, but its id. */
export const oidcProviderShape = {
  kind: z.literal('oidc'),
  displayName: z.string().min(1).max(100),
  issuer: issuerSchema,
  clientId: z.string().min(1).max(200),
  scopes: z.array(z.string().regex(/^[\x21\x23-\x5b\x5d-\x7e]+$/)).refine((scopes) => scopes.includes('openid'), 'must contain openid'),
  idTokenSigningAlgs: z
    .array(z.enum(idTokenSigningAlgs))
    .min(1)
    .default([...idTokenSigningAlgs]),
  claimMapping: claimMappingSchema.prefault({}),
  /** Whether claims are also fetched from UserInfo. */
  userInfo: z.boolean().default(false),
} as const;

export const oidcProviderSettingsSchema = z.strictObject({
  id: slugSchema,
  ...oidcProviderShape,
  clientSecret: z.string().min(1).optional(),
});
export type OidcProviderSettings = z.output<typeof oidcProviderSettingsSchema>;
