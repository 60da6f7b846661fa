import { z } from 'zod';
import { linkingPolicySchema } from './linking-policy.js';
import { slugSchema } from '#libs/platform/slug.js';
import { brandingSchema, loginPolicySchema } from './events.js';

/** What an operator declares of an organization. */
export const organizationSettingsSchema = z.strictObject({
  id: slugSchema,
  displayName: z.string().min(1).max(100),
  loginPolicy: loginPolicySchema.prefault({}),
  branding: brandingSchema.default({}),
  identityProviders: z.array(z.strictObject({ id: slugSchema, policy: linkingPolicySchema.prefault({}) })).default([]),
});
export type OrganizationSettings = z.infer<typeof organizationSettingsSchema>;
