import { z } from 'zod';
import { defineEvent } from '#libs/event-store/event-definition.js';
import type { EventOf } from '#libs/event-store/event-definition.js';
import { linkingPolicySchema } from '#libs/linking/policy.js';

export const loginPolicySchema = z.strictObject({
  /** Whether people may sign in through external identity providers at all. */
  externalSignIn: z.boolean().default(true),
});
export type LoginPolicy = z.infer<typeof loginPolicySchema>;

/** First event of `organization-<id>`. */
export const organizationCreated = defineEvent('OrganizationCreated', { displayName: z.string() });
export const organizationRenamed = defineEvent('OrganizationRenamed', { displayName: z.string() });
export const loginPolicyChanged = defineEvent('LoginPolicyChanged', { policy: loginPolicySchema });
/** The organization offers an identity provider under this policy, or changes the policy of one that it offers. */
export const identityProviderOffered = defineEvent('IdentityProviderOffered', { providerId: z.string(), policy: linkingPolicySchema });
/** The provider is no longer offered; links to it stay (invariant 6). */
export const identityProviderWithdrawn = defineEvent('IdentityProviderWithdrawn', { providerId: z.string() });

export const organizationEvents = [
  organizationCreated,
  organizationRenamed,
  loginPolicyChanged,
  identityProviderOffered,
  identityProviderWithdrawn,
] as const;
export type OrganizationEvent = EventOf<(typeof organizationEvents)[number]>;
