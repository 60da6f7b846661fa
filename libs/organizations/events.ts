import { z } from 'zod';
import { defineEvent } from '#libs/event-store/event-definition.js';
import type { EventOf } from '#libs/event-store/event-definition.js';
import { linkingPolicySchema } from './linking-policy.js';
import { isSecureOrLoopback } from '#libs/platform/secure-url.js';

/** No policy lets a session last longer, in seconds. */
export const LONGEST_SESSION_S = 90 * 24 * 3_600;

/** How people of an organization get in. */
export const loginPolicySchema = z.strictObject({
  /** Whether people may sign in through external identity providers at all. */
  externalSignIn: z.boolean().default(true),
  /** Whether people may sign in with a password. */
  password: z.boolean().default(false),
  /** Whether strangers may create an account by hand. */
  registration: z.boolean().default(false),
  /** Whether a verified e-mail gets a person back in who forgot the password; only where passwords are allowed. */
  recovery: z.boolean().default(false),
  /** What people type to say who they are. */
  loginNames: z
    .array(z.enum(['username', 'email']))
    .min(1)
    .default(['username', 'email']),
  /** A session ends this long after its sign-in, in seconds. */
  sessionLifetimeS: z
    .int()
    .min(300)
    .max(LONGEST_SESSION_S)
    .default(14 * 24 * 3_600),
  /**
   * The authentication context classes that this organization's providers grant, lowest first. Each is above a
   * password. Whoever has a way in of a higher class needs it to change how the account can be used (L30).
   */
  acrValues: z.array(z.string().min(1)).optional(),
});
export type LoginPolicy = z.infer<typeof loginPolicySchema>;

const colorSchema = z.string().regex(/^#[0-9a-fA-F]{6}$/, 'must be a colour such as #3553d6');

/**
 * How an organization's pages look. Shades that text can be read on are derived from the colours, in light and in dark.
 */
export const brandingSchema = z.strictObject({
  /** A picture of at most 160 × 40 pixels, by its address; shown beside the name. */
  logoUrl: z.url().refine(isSecureOrLoopback, 'must be https (http on a loopback host only)').optional(),
  /** Of buttons and links. */
  accentColor: colorSchema.optional(),
  /** Behind the cards. */
  backgroundColor: colorSchema.optional(),
});
export type OrganizationBranding = z.infer<typeof brandingSchema>;

/** First event of `organization-<id>`. */
export const organizationCreated = defineEvent('OrganizationCreated', { displayName: z.string() });
export const organizationRenamed = defineEvent('OrganizationRenamed', { displayName: z.string() });
export const loginPolicyChanged = defineEvent('LoginPolicyChanged', { policy: loginPolicySchema }, [
  // Before version 2 there were external identities only.
  ({ policy }) => ({
    policy: {
      password: false,
      registration: false,
      recovery: false,
      loginNames: ['username', 'email'],
      sessionLifetimeS: 14 * 24 * 3_600,
      ...(policy as object),
    },
  }),
]);
export const brandingChanged = defineEvent('BrandingChanged', { branding: brandingSchema });
/** The organization offers an identity provider under this policy, or changes the policy of one that it offers. */
export const identityProviderOffered = defineEvent(
  'IdentityProviderOffered',
  { providerId: z.string(), policy: linkingPolicySchema },
  [
    // Before version 2 nothing was linked but by hand.
    ({ providerId, policy }) => ({
      providerId,
      policy: {
        autoLink: [],
        onMatch: 'ask',
        emailTrustedDomains: [],
        usernameAuthoritative: false,
        autoUpdate: false,
        ...(policy as object),
      },
    }),
  ],
);
/** The provider is no longer offered; links to it stay (invariant 6). */
export const identityProviderWithdrawn = defineEvent('IdentityProviderWithdrawn', { providerId: z.string() });

/** What a change of settings takes away from people as a way in. */
export const restrictionSchema = z.strictObject({
  /** Methods that the login policy is to forbid. */
  methods: z.array(z.enum(['password', 'recovery', 'external_sign_in'])),
  /** Identity providers that are to be withdrawn. */
  providers: z.array(z.string()),
});
export type Restriction = z.infer<typeof restrictionSchema>;

/**
 * Ways in are to be taken away: from here on they count for nobody as one that would be left (domain.md, "Settings that
 * take ways in away"). People still sign in by them.
 */
export const restrictionAnnounced = defineEvent('RestrictionAnnounced', { restriction: restrictionSchema });
/** They stay: somebody's last one would have gone, or whoever announced it changed their mind. */
export const restrictionCancelled = defineEvent('RestrictionCancelled', {});
/** What was announced is done; the changes follow in the same append. */
export const restrictionCommitted = defineEvent('RestrictionCommitted', {
  /** How many people lost their last way in; more than 0 only when it was forced. */
  peopleWithoutWayIn: z.int().min(0),
});

export const organizationEvents = [
  organizationCreated,
  organizationRenamed,
  loginPolicyChanged,
  brandingChanged,
  identityProviderOffered,
  identityProviderWithdrawn,
  restrictionAnnounced,
  restrictionCancelled,
  restrictionCommitted,
] as const;
export type OrganizationEvent = EventOf<(typeof organizationEvents)[number]>;
