import type { ReservationEvent } from '../events.js';
import type { ClaimSettlement } from '../state.js';
import type { Fold } from '#libs/event-store/command-execution.js';
import type { ClaimEvent } from '../link-events.js';

/** An event on the stream of something that has at most one owner. */
export type ClaimStreamEvent = ClaimEvent | ReservationEvent;

/** The claim that the stream of an external identity, a username or a verified e-mail currently shows. */
export interface Claim {
  readonly claimId: string;
  readonly ownerId: string;
  readonly deadline: Date;
}

/** Folds such a stream to its current claim. */
export const claimFold: Fold<Claim | undefined, ClaimStreamEvent> = {
  initial: undefined,
  evolve: (current, { data }) => {
    if ('ownerId' in data) return { claimId: data.claimId, ownerId: data.ownerId, deadline: new Date(data.deadline) };
    return current?.claimId === data.claimId ? undefined : current;
  },
};

/** What anybody who meets a claimed thing has to do next. */
export type ClaimStep =
  | { readonly step: 'claim' }
  | { readonly step: 'owned'; readonly ownerId: string; readonly claimId: string }
  | { readonly step: 'wait'; readonly until: Date }
  | { readonly step: 'abandon'; readonly claim: Claim }
  | { readonly step: 'release'; readonly claim: Claim };

/**
 * The claim protocol of the design ("Two streams, no transaction"): the owner's stream settles every claim, the first
 * event naming the claim id wins; only the command that claimed may hold it; everybody else waits until the deadline,
 * abandons, then releases.
 * @param settlement what the owner's stream, read at the leader, says of the current claim
 */
export const nextClaimStep = (claim: Claim | undefined, settlement: ClaimSettlement, now: Date): ClaimStep => {
  if (!claim) return { step: 'claim' };
  switch (settlement) {
    case 'held':
      return { step: 'owned', ownerId: claim.ownerId, claimId: claim.claimId };
    case 'abandoned':
    case 'over':
      return { step: 'release', claim };
    case 'unsettled':
      return now < claim.deadline ? { step: 'wait', until: claim.deadline } : { step: 'abandon', claim };
  }
};
