import { z } from 'zod';

/**
 * What an organization allows an identity provider that it offers (domain.md, "Policy of a provider in an
 * organization"). The safe answer is the default everywhere.
 */
export const linkingPolicySchema = z.strictObject({
  /** A first sign-in may create a user. */
  creationAllowed: z.boolean().default(false),
  /** … without asking. */
  autoCreate: z.boolean().default(false),
  /** A person who proved control of an account may link an identity of this provider to it. */
  linkingAllowed: z.boolean().default(false),
  /** … and unlink it. */
  unlinkAllowed: z.boolean().default(true),
  /**
   * By what an account is looked for that a first sign-in might belong to, in this order; never what identifies a user
   * (L6).
   */
  autoLink: z.array(z.enum(['email', 'username'])).default([]),
  /** What to do with the account found: ask its owner to prove control of it, or link where that is safe. */
  onMatch: z.enum(['ask', 'automatic']).default('ask'),
  /** Domains for whose addresses this provider's "verified" is believed; `*` for all (L5). */
  emailTrustedDomains: z.array(z.string().toLowerCase().min(1)).default([]),
  /** The provider's usernames are this organization's. */
  usernameAuthoritative: z.boolean().default(false),
  /** Each sign-in brings the profile up to date. */
  autoUpdate: z.boolean().default(false),
  /** The authentication context class that a sign-in through this provider amounts to; no more than this (L30). */
  grantsAcr: z.string().min(1).optional(),
});
export type LinkingPolicy = z.infer<typeof linkingPolicySchema>;

/**
 * What a sign-in through the provider amounts to (OIDC Core 2, `acr` and `amr`): what its policy grants, no more; of a
 * provider that is granted nothing, how it says that it authenticated the person says nothing either (invariant 12,
 * L30).
 */
export const authenticationContextOf = (
  { grantsAcr }: LinkingPolicy,
  { amr }: { readonly amr: readonly string[] },
): { readonly acr?: string; readonly amr: readonly string[] } =>
  grantsAcr === undefined ? { amr: [] } : { acr: grantsAcr, amr };

/** Whether the provider's word that an address of this domain is verified is believed (L5). */
export const trustsEmailDomain = ({ emailTrustedDomains }: LinkingPolicy, domain: string): boolean =>
  emailTrustedDomains.includes('*') || emailTrustedDomains.includes(domain);
