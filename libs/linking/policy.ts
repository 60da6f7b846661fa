import { z } from 'zod';

/**
 * What an organization allows an identity provider that it offers (domain.md, "Policy of a provider in an organization"). The safe answer is
 * the default everywhere.
 */
export const linkingPolicySchema = z.strictObject({
  /** A first sign-in may create a user. */
  creationAllowed: z.boolean().default(false),
  /** … without asking. */
  autoCreate: z.boolean().default(false),
  /** A signed-in person may link an identity of this provider. */
  linkingAllowed: z.boolean().default(false),
  /** … and unlink it. */
  unlinkAllowed: z.boolean().default(true),
});
export type LinkingPolicy = z.infer<typeof linkingPolicySchema>;
