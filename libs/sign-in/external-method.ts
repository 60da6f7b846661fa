import type { VerifiedAssertion } from '#libs/identity-providers/verified-assertion.js';
import type { SignInMethod } from './open-session.js';

/** A sign-in through a provider, with the row of the login table that took it, and the policy that it was read from. */
export const externalMethodOf = (
  { providerId, claims, atProvider, authTime }: VerifiedAssertion,
  claimId: string,
  { row, policyRevision }: { readonly row: string; readonly policyRevision: string },
): SignInMethod => ({
  kind: 'external_identity',
  providerId,
  claimId,
  atProvider,
  authenticatedAt: authTime,
  decision: { row, policyRevision, ...assertedInputs(claims) },
});

/** What a provider asserted, as the events of sign-ins carry it. */
export const assertedInputs = ({ email, emailVerified, preferredUsername }: VerifiedAssertion['claims']) => ({
  assertedEmail: email,
  assertedEmailVerified: emailVerified,
  assertedUsername: preferredUsername,
});
