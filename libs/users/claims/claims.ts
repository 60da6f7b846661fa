import { setTimeout as delay } from 'node:timers/promises';
import { accountFold, settlementOf } from '../state.js';
import type { Account } from '../state.js';
import { userStream } from '../streams.js';
import { execute, load } from '#libs/event-store/command-execution.js';
import type { Decision } from '#libs/event-store/command-execution.js';
import type { CommandContext } from '#libs/event-store/event-metadata.js';
import type { EventStore } from '#libs/event-store/event-store.js';
import type { Revision } from '#libs/event-store/recorded-event.js';
import type { Clock } from '#libs/platform/clock.js';
import type { NewId } from '#libs/platform/ids.js';
import { INSTALLATION_SUBJECT } from '#libs/privacy/subject-keys.js';
import { claimFold, nextClaimStep } from './claim.js';
import type { Claim, ClaimStreamEvent } from './claim.js';
import type { Claimable } from './claimable.js';
import { decideAbandon } from './decide.js';

/**
 * A claim may stay unsettled this long; then anybody abandons it. Long enough for the append that follows it, short
 * enough to be waited for.
 */
export const CLAIM_LIFETIME_MS = 5_000;
const POLL_MS = 25;

export type Ownership =
  | {
      readonly kind: 'owned';
      readonly userId: string;
      readonly claimId: string;
      readonly owner: Account;
      readonly ownerRevision: Revision;
    }
  | { readonly kind: 'free'; readonly revision: Revision };

export interface ClaimsDependencies {
  readonly store: EventStore;
  readonly clock: Clock;
  readonly newId: NewId;
}

/** The claim protocol at work on the streams: whoever meets a claimed thing heals what a crash left behind. */
export class Claims {
  constructor(private readonly dependencies: ClaimsDependencies) {}

  /**
   * Who owns a thing. Waits for a claim that is being settled, abandons one whose deadline has passed, and releases one
   * that is over; every step is idempotent by claim id and exact revision.
   */
  async ownerOf(thing: Claimable, context: CommandContext): Promise<Ownership> {
    const { store, clock } = this.dependencies;
    for (;;) {
      const { state: claim, revision } = await load(store, thing.stream, claimFold);
      if (!claim) return { kind: 'free', revision };
      const { state: owner, revision: ownerRevision } = await load(store, userStream(claim.ownerId), accountFold);
      const step = nextClaimStep(claim, settlementOf(owner, claim.claimId), clock());
      switch (step.step) {
        case 'owned':
          return { kind: 'owned', userId: step.ownerId, claimId: step.claimId, owner, ownerRevision };
        case 'wait':
          await delay(POLL_MS);
          break;
        case 'abandon':
          await this.#abandon(step.claim, context);
          break;
        case 'release':
          await this.release(thing, step.claim.claimId, context);
          break;
        case 'claim':
          return { kind: 'free', revision };
      }
    }
  }

  /**
   * Claims a free thing at the revision it was seen free at. @returns the fresh claim id, or nothing when somebody else
   * was first
   * @throws {SubjectErasedError} when the person was erased meanwhile
   */
  async claim(
    thing: Claimable,
    revision: Revision,
    ownerId: string,
    context: CommandContext,
  ): Promise<string | undefined> {
    const { store, clock, newId } = this.dependencies;
    const claimId = newId();
    const deadline = new Date(clock().getTime() + CLAIM_LIFETIME_MS).toISOString();
    const appended = await store.append({
      stream: thing.stream,
      expectedRevision: revision,
      events: [thing.claimed({ claimId, ownerId, deadline })],
      context,
      subject: ownerId,
    });
    return appended.kind === 'appended' ? claimId : undefined;
  }

  /** Claims a thing for somebody, if nobody owns it. @returns the fresh claim id, or who owns it */
  async claimIfFree(
    thing: Claimable,
    ownerId: string,
    context: CommandContext,
  ): Promise<{ readonly kind: 'claimed'; readonly claimId: string } | Extract<Ownership, { kind: 'owned' }>> {
    for (;;) {
      const ownership = await this.ownerOf(thing, context);
      if (ownership.kind === 'owned') return ownership;
      const claimId = await this.claim(thing, ownership.revision, ownerId, context);
      if (claimId !== undefined) return { kind: 'claimed', claimId };
    }
  }

  /** Releases a claim whose owner's stream shows that it is over. Does nothing when it is no longer the current one. */
  async release(thing: Claimable, claimId: string, context: CommandContext): Promise<void> {
    await execute(this.dependencies.store, {
      stream: thing.stream,
      fold: claimFold,
      decide: (current): Decision<ClaimStreamEvent, undefined> => ({
        events: current?.claimId === claimId ? [thing.released({ claimId })] : [],
        outcome: undefined,
      }),
      context,
      subject: INSTALLATION_SUBJECT,
    });
  }

  /** Gives up a claim of one's own that did not come to be held, so that nobody has to wait for its deadline. */
  async giveUp(thing: Claimable, claim: Pick<Claim, 'claimId' | 'ownerId'>, context: CommandContext): Promise<void> {
    await this.#abandon(claim, context);
    const { state: owner } = await load(this.dependencies.store, userStream(claim.ownerId), accountFold);
    if (settlementOf(owner, claim.claimId) !== 'held') await this.release(thing, claim.claimId, context);
  }

  async #abandon({ claimId, ownerId }: Pick<Claim, 'claimId' | 'ownerId'>, context: CommandContext): Promise<void> {
    await execute(this.dependencies.store, {
      stream: userStream(ownerId),
      fold: accountFold,
      decide: (owner) => decideAbandon(owner, claimId),
      context,
      subject: ownerId,
    });
  }
}
