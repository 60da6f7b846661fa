import { usableCredentials } from './credentials.js';
import type { Credential, CredentialRules } from './credentials.js';
import type { Account } from './state.js';

/**
 * How much a way in proves, as its organization ranks it: 0 for a password, a recovery mail and a provider that grants
 * nothing; above that, the place of what the provider grants among the organization's authentication context classes
 * (OIDC Core 2, `acr`).
 */
export type Assurance = number;

/** What an organization allows now, and how much each of its providers proves. */
export interface AssuranceRules extends CredentialRules {
  readonly granted: (providerId: string) => Assurance;
}

/** A way in that proves control of an account when a person uses it. A mail proves less than that. */
export type ProvenCredential = Exclude<Credential, { kind: 'recovery_email' }>;

/**
 * @param acrValues the organization's, lowest first; a class that is granted and not among them is above a password
 * only
 */
export const assuranceOfAcr = (acrValues: readonly string[], acr: string | undefined): Assurance =>
  acr === undefined ? 0 : Math.max(1, acrValues.indexOf(acr) + 1);

/** The most that any usable way into the account proves. */
export const enrolledAssurance = (account: Account, rules: AssuranceRules): Assurance =>
  Math.max(0, ...usableCredentials(account, rules).map((credential) => assuranceOf(account, credential, rules)));

/**
 * The ways in that prove as much as any of the account's: what changing them, and proving control of it, takes
 * (invariant 12, L30).
 */
export const sufficientProofs = (account: Account, rules: AssuranceRules): readonly ProvenCredential[] => {
  const enrolled = enrolledAssurance(account, rules);
  return usableCredentials(account, rules).filter(
    (credential): credential is ProvenCredential =>
      credential.kind !== 'recovery_email' && assuranceOf(account, credential, rules) === enrolled,
  );
};

/** Whether what was proven is among those. */
export const isAmong = (proofs: readonly ProvenCredential[], proven: ProvenCredential): boolean =>
  proofs.some((proof) => claimIdOf(proof) === claimIdOf(proven));

/** A password has none, and there is one password at most. */
const claimIdOf = (proof: ProvenCredential): string | undefined =>
  proof.kind === 'external_identity' ? proof.claimId : undefined;

const assuranceOf = ({ links }: Account, credential: Credential, { granted }: AssuranceRules): Assurance => {
  const link =
    credential.kind === 'external_identity' ? links.find(({ claimId }) => claimId === credential.claimId) : undefined;
  return link ? granted(link.providerId) : 0;
};
