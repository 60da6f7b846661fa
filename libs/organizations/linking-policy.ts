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
  /**
   * A full new round trip through the provider counts where an app asks for a fresh authentication and the provider
   * cannot prove one; when the person authenticated is then unknown (L33). None: it does not.
   */
  freshRoundTripCounts: z.boolean().optional(),
});
export type LinkingPolicy = z.infer<typeof linkingPolicySchema>;

/**
 * What a sign-in through the provider amounts to (OIDC Core 2, `acr` and `amr`): what its policy grants, no more; of a
 * provider that is granted nothing, how it says that it authenticated the person says nothing either (invariant 12,
 * L30). Where the provider was asked for a class, its answer counts too: the lower of the two, and nothing for a class
 * that the organization does not know.
 * @param ranked the organization's authentication context classes, lowest first
 */
export const authenticationContextOf = (
  { grantsAcr }: Pick<LinkingPolicy, 'grantsAcr'>,
  {
    acr,
    amr,
    requestedAcrValues = [],
  }: { readonly acr?: string; readonly amr: readonly string[]; readonly requestedAcrValues?: readonly string[] },
  ranked: readonly string[],
): { readonly acr?: string; readonly amr: readonly string[] } => {
  const granted = requestedAcrValues.length === 0 || acr === grantsAcr ? grantsAcr : lowerOf(ranked, grantsAcr, acr);
  return granted === undefined ? { amr: [] } : { acr: granted, amr };
};

const lowerOf = (ranked: readonly string[], one?: string, other?: string): string | undefined => {
  const ranks = [one, other].map((acr) => (acr === undefined ? -1 : ranked.indexOf(acr)));
  return ranked[Math.min(...ranks)];
};

/**
 * Of the classes that an app asks for, those that are worth asking the provider for: no more than its policy grants is
 * ever granted.
 * @param ranked the organization's authentication context classes, lowest first
 */
export const acrValuesToAsk = (
  { grantsAcr }: Pick<LinkingPolicy, 'grantsAcr'>,
  asked: readonly string[],
  ranked: readonly string[],
): readonly string[] => {
  const most = grantsAcr === undefined ? -1 : ranked.indexOf(grantsAcr);
  return asked.filter((acr) => acr === grantsAcr || (ranked.includes(acr) && ranked.indexOf(acr) < most));
};

/** Whether the provider's word that an address of this domain is verified is believed (L5). */
export const trustsEmailDomain = ({ emailTrustedDomains }: LinkingPolicy, domain: string): boolean =>
  emailTrustedDomains.includes('*') || emailTrustedDomains.includes(domain);
