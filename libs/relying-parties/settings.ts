import { z } from 'zod';
import { isSecureOrLoopback } from '#libs/platform/secure-url.js';
import { slugSchema } from '#libs/platform/slug.js';

/** No fragment (RFC 6749, section 3.1.2). */
const redirectUriSchema = z
  .string()
  .refine((uri) => isSecureOrLoopback(uri) && !uri.includes('#'), 'must be https (http on a loopback host only) and without a fragment');

/** Scopes of OpenID Connect that relying parties may ask for. */
export const OPENID_SCOPES = ['openid', 'profile', 'email', 'offline_access'] as const;
/** Scopes of Ligature's own APIs. */
export const API_SCOPES = ['history:read', 'users:write', 'identity-providers:write'] as const;

/** A relying party (OIDC client), as an operator declares it, but its id. */
export const relyingPartyShape = {
  /** The organization whose users sign in to it. */
  organizationId: slugSchema,
  displayName: z.string().min(1).max(100),
  redirectUris: z.array(redirectUriSchema).default([]),
  postLogoutRedirectUris: z.array(redirectUriSchema).default([]),
  grantTypes: z.array(z.enum(['authorization_code', 'refresh_token', 'client_credentials'])).min(1),
  tokenEndpointAuthMethod: z.enum(['client_secret_basic', 'client_secret_post', 'private_key_jwt', 'none']).default('client_secret_basic'),
  scopes: z.array(z.enum([...OPENID_SCOPES, ...API_SCOPES])).default(['openid']),
  applicationType: z.enum(['web', 'native']).default('web'),
} as const;

/** What a client id may look like; checked before a stranger's id names a stream. */
export const clientIdSchema = z.string().regex(/^[A-Za-z0-9_.-]{1,100}$/, 'must be 1 to 100 of A-Z, a-z, 0-9, _, . and -');

export const relyingPartySettingsSchema = z.strictObject({
  clientId: clientIdSchema,
  ...relyingPartyShape,
  clientSecret: z.string().min(1).optional(),
});
export type RelyingPartySettings = z.output<typeof relyingPartySettingsSchema>;
