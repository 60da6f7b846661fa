import type { Fold } from '#libs/event-store/command-execution.js';
import type { ClaimEvent } from './events.js';
import type { ClaimSettlement } from './state.js';

/** The claim that an external identity's stream currently shows. */
export interface Claim {
  readonly claimId: string;
  readonly ownerId: string;
  readonly deadline: Date;
}

/** Folds `externalIdentity-<key>` to its current claim. */
export const claimFold: Fold<Claim | undefined, ClaimEvent> = {
  initial: undefined,
  evolve: (current, { type, data }) => {
    if (type === 'ExternalIdentityClaimed') return { claimId: data.claimId, ownerId: data.ownerId, deadline: new Date(data.deadline) };
    return current?.claimId === data.claimId ? undefined : current;
  },
};

/** What anybody who meets an external identity has to do next. */
export type ClaimStep =
  | { readonly step: 'claim' }
  | { readonly step: 'owned'; readonly ownerId: string; readonly claimId: string }
  | { readonly step: 'wait'; readonly until: Date }
  | { readonly step: 'abandon'; readonly claim: Claim }
  | { readonly step: 'release'; readonly claim: Claim };

/**
 * The claim protocol of the design ("Two streams, no transaction"): the owner's stream settles every claim, the first event naming the claim
 * id wins; only the command that claimed may link; everybody else waits until the deadline, abandons, then releases.
 * @param settlement what the owner's stream, read at the leader, says of the current claim
 */
export const nextClaimStep = (claim: Claim | undefined, settlement: ClaimSettlement, now: Date): ClaimStep => {
  if (!claim) return { step: 'claim' };
  switch (settlement) {
    case 'linked':
      return { step: 'owned', ownerId: claim.ownerId, claimId: claim.claimId };
    case 'abandoned':
    case 'unlinked':
      return { step: 'release', claim };
    case 'unsettled':
      return now < claim.deadline ? { step: 'wait', until: claim.deadline } : { step: 'abandon', claim };
  }
};
