import { counts } from './state.js';
import type { Account } from './state.js';

/** What the user's organization allows now, from its stream and its providers' streams. */
export interface CredentialRules {
  readonly passwordAllowed: boolean;
  /** Whether a verified e-mail gets a person back in. */
  readonly recoveryAllowed: boolean;
  /** Whether a link to this provider is a way in: active, offered, external sign-in allowed. */
  readonly isUsable: (providerId: string) => boolean;
}

/** A way to sign in. */
export type Credential =
  | { readonly kind: 'password' }
  | { readonly kind: 'recovery_email' }
  | { readonly kind: 'external_identity'; readonly claimId: string };

/**
 * The ways to sign in that count now: allowed by the current policy of the user's organization (invariant 2; domain.md,
 * "Usable"), and not on hold since a recovery (L32). A recovery ends in a password, so it counts only where passwords
 * do.
 */
export const usableCredentials = (account: Account, rules: CredentialRules): readonly Credential[] => [
  ...(account.passwordHash !== undefined && rules.passwordAllowed ? [{ kind: 'password' } as const] : []),
  ...(account.verifiedEmail && rules.recoveryAllowed && rules.passwordAllowed
    ? [{ kind: 'recovery_email' } as const]
    : []),
  ...account.links
    .filter((link) => counts(link) && rules.isUsable(link.providerId))
    .map(({ claimId }) => ({ kind: 'external_identity', claimId }) as const),
];
