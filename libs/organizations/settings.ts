import { z } from 'zod';
import { linkingPolicySchema } from '#libs/linking/policy.js';
import { loginPolicySchema } from './events.js';

/** A slug: names an organization or a provider in URLs and stream names. */
export const slugSchema = z
  .string()
  .regex(/^[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$/, 'must be 1 to 40 of a-z, 0-9 and -, not beginning or ending with -');

/** What an operator declares of an organization. */
export const organizationSettingsSchema = z.strictObject({
  id: slugSchema,
  displayName: z.string().min(1).max(100),
  loginPolicy: loginPolicySchema.prefault({}),
  identityProviders: z.array(z.strictObject({ id: slugSchema, policy: linkingPolicySchema.prefault({}) })).default([]),
});
export type OrganizationSettings = z.infer<typeof organizationSettingsSchema>;
