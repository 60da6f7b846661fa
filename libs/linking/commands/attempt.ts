import { claimableExternalIdentity } from '#libs/users/claims/claimable.js';
import type { Claimable } from '#libs/users/claims/claimable.js';
import { Claims } from '#libs/users/claims/claims.js';
import type { CommandContext } from '#libs/event-store/event-metadata.js';
import { externalIdentityKey } from '../external-identity.js';
import { externalIdentityStream } from '#libs/users/external-identity-stream.js';
import type { VerifiedAssertion } from '#libs/identity-providers/verified-assertion.js';
import type { LinkingDependencies } from './linking-dependencies.js';

/** One assertion that is being acted on, in one organization. */
export interface Attempt {
  readonly dependencies: LinkingDependencies;
  readonly claims: Claims;
  readonly identityKey: string;
  /** The identity's stream, which has at most one owner. */
  readonly identity: Claimable;
  readonly assertion: VerifiedAssertion;
  readonly organizationId: string;
  readonly context: CommandContext;
}

export const beginAttempt = (
  dependencies: LinkingDependencies,
  assertion: VerifiedAssertion,
  organizationId: string,
  context: CommandContext,
): Attempt => {
  const identityKey = externalIdentityKey(dependencies.indexKeys, { organizationId, ...assertion });
  const identity = claimableExternalIdentity(externalIdentityStream(identityKey));
  return { dependencies, claims: new Claims(dependencies), identityKey, identity, assertion, organizationId, context };
};
