import { z } from 'zod';
import { isSecureOrLoopback } from '#libs/platform/secure-url.js';
import { slugSchema } from '#libs/platform/slug.js';

/** No fragment (RFC 6749, section 3.1.2). */
const urlSchema = z
  .string()
  .refine(
    (uri) => isSecureOrLoopback(uri) && !uri.includes('#'),
    'must be https (http on a loopback host only) and without a fragment',
  );

/**
 * Scopes of OpenID Connect that relying parties may ask for, and one of ours: `linked_identities` tells which
 * identities a person linked.
 */
export const OPENID_SCOPES = ['openid', 'profile', 'email', 'linked_identities', 'offline_access'] as const;
/** Scopes of Ligature's own APIs. */
export const API_SCOPES = ['history:read', 'users:write', 'identity-providers:write'] as const;

/** RFC 8628, section 3.4. */
export const DEVICE_CODE_GRANT = 'urn:ietf:params:oauth:grant-type:device_code';
export const GRANT_TYPES = ['authorization_code', 'refresh_token', 'client_credentials', DEVICE_CODE_GRANT] as const;

/** Members of a JWK that only its owner may know (RFC 7518, sections 6.2.2, 6.3.2 and 6.4.1). */
const PRIVATE_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k', 'priv'];
const jwksSchema = z.strictObject({
  keys: z
    .array(
      z
        .record(z.string(), z.unknown())
        .refine((key) => !PRIVATE_MEMBERS.some((name) => name in key), 'must be a public key'),
    )
    .min(1),
});

/** A relying party (OIDC client), as an operator declares it, but its id. */
export const relyingPartyShape = {
  /**
   * The organization whose users sign in to it; for an app of several, the one that a request means which names none.
   */
  organizationId: slugSchema,
  /** Other organizations that a request may name by the parameter `organization`. */
  organizations: z.array(slugSchema).default([]),
  displayName: z.string().min(1).max(100),
  redirectUris: z.array(urlSchema).default([]),
  postLogoutRedirectUris: z.array(urlSchema).default([]),
  grantTypes: z.array(z.enum(GRANT_TYPES)).min(1),
  tokenEndpointAuthMethod: z
    .enum(['client_secret_basic', 'client_secret_post', 'private_key_jwt', 'none'])
    .default('client_secret_basic'),
  /** Public keys for `private_key_jwt`: these, or … */
  jwks: jwksSchema.optional(),
  /** … those at this address (security row P13). */
  jwksUri: urlSchema.optional(),
  scopes: z.array(z.enum([...OPENID_SCOPES, ...API_SCOPES])).default(['openid']),
  /**
   * Resource servers that it may ask access tokens for (RFC 8707), and the scopes there; those tokens are JWTs (RFC
   * 9068).
   */
  resources: z
    .array(z.strictObject({ resource: urlSchema, scopes: z.array(z.string().regex(/^[\x21\x23-\x5b\x5d-\x7e]+$/)) }))
    .default([]),
  applicationType: z.enum(['web', 'native']).default('web'),
  /** Who agrees to what the app gets: whoever registered it for the organization, or each person on a page. */
  consent: z.enum(['by_organization', 'by_person']).default('by_organization'),
  /** `pairwise`: a `sub` of its own for each sector (OpenID Connect Core 8). */
  subjectType: z.enum(['public', 'pairwise']).default('public'),
  sectorIdentifierUri: urlSchema.optional(),
  /** Told when a session ends in which it got an ID token (OpenID Connect Back-Channel Logout 1.0). */
  backchannelLogoutUri: urlSchema.optional(),
  requirePushedAuthorizationRequests: z.boolean().default(false),
  /** Only access tokens that are bound to a key (RFC 9449). */
  dpopBoundAccessTokens: z.boolean().default(false),
  /** `auth_time` must be in its ID tokens (OpenID Connect Dynamic Registration 2, `require_auth_time`). */
  requireAuthTime: z.boolean().optional(),
} as const;

/** What a client id may look like; checked before a stranger's id names a stream. */
export const clientIdSchema = z
  .string()
  .regex(/^[A-Za-z0-9_.-]{1,100}$/, 'must be 1 to 100 of A-Z, a-z, 0-9, _, . and -');

type Declared = z.output<z.ZodObject<Omit<typeof relyingPartyShape, 'organizationId'>>> & {
  readonly clientSecret?: unknown;
};

/** What a relying party's settings say together that none of them says alone. */
export const checkRelyingParty = (declared: Declared, context: z.RefinementCtx): void => {
  const refuse = (path: keyof Declared, message: string): void => {
    context.addIssue({ code: 'custom', path: [path], message, input: declared[path] });
  };
  const {
    grantTypes,
    tokenEndpointAuthMethod: method,
    jwks,
    jwksUri,
    clientSecret,
    subjectType,
    sectorIdentifierUri,
    redirectUris,
  } = declared;
  if (grantTypes.includes('authorization_code') && redirectUris.length === 0)
    refuse('redirectUris', 'are needed for authorization_code');
  if (method.startsWith('client_secret') && clientSecret === undefined)
    refuse('clientSecret', `is needed for ${method}`);
  if (method === 'private_key_jwt' && !jwks && !jwksUri) refuse('jwks', 'or jwksUri is needed for private_key_jwt');
  if (jwks && jwksUri) refuse('jwksUri', 'and jwks exclude each other');
  if (method === 'none' && grantTypes.includes('client_credentials'))
    refuse('grantTypes', 'client_credentials needs a client that can authenticate');
  if (subjectType !== 'pairwise') return;
  if (!sectorIdentifierUri && new Set(redirectUris.map((uri) => new URL(uri).host)).size > 1)
    refuse(
      'sectorIdentifierUri',
      'is needed for pairwise subjects with redirect URIs on several hosts (OpenID Connect Core 8.1)',
    );
  if (grantTypes.includes(DEVICE_CODE_GRANT) && (method !== 'private_key_jwt' || !jwksUri))
    refuse('subjectType', 'pairwise with the device flow needs private_key_jwt with jwksUri, whose host is the sector');
};

const settingsShape = z.strictObject({
  clientId: clientIdSchema,
  ...relyingPartyShape,
  clientSecret: z.string().min(1).optional(),
});
export const relyingPartySettingsSchema = settingsShape.superRefine(checkRelyingParty);
export type RelyingPartySettings = z.output<typeof settingsShape>;

/** The organizations whose users may sign in to it. */
export const organizationsOf = ({ organizationId, organizations }: RelyingPartySettings): readonly string[] => [
  organizationId,
  ...organizations,
];
