import { setTimeout as delay } from 'node:timers/promises';
import { userStream } from '#libs/accounts/streams.js';
import { execute, load } from '#libs/event-store/command-execution.js';
import type { Decision } from '#libs/event-store/command-execution.js';
import type { CommandContext } from '#libs/event-store/event-metadata.js';
import type { EventStore } from '#libs/event-store/event-store.js';
import type { Revision } from '#libs/event-store/recorded-event.js';
import type { Clock } from '#libs/platform/clock.js';
import type { NewId } from '#libs/platform/ids.js';
import { INSTALLATION_SUBJECT } from '#libs/privacy/subject-keys.js';
import { claimFold, nextClaimStep } from '../claim.js';
import type { Claim } from '../claim.js';
import type { ClaimEvent } from '../events.js';
import { decideAbandon } from '../decide.js';
import { externalIdentityStream } from '../external-identity.js';
import { linkingFold, settlementOf } from '../state.js';
import type { LinkingState } from '../state.js';

/** A claim may stay unsettled this long; then anybody abandons it. Long enough for the append that follows it, short enough to be waited for. */
const CLAIM_LIFETIME_MS = 5_000;
const POLL_MS = 25;

export type Ownership =
  | { readonly kind: 'owned'; readonly userId: string; readonly claimId: string; readonly owner: LinkingState }
  | { readonly kind: 'free'; readonly revision: Revision };

export interface ClaimsDependencies {
  readonly store: EventStore;
  readonly clock: Clock;
  readonly newId: NewId;
}

/** The claim protocol at work on the streams: whoever meets an external identity heals what a crash left behind. */
export class Claims {
  constructor(private readonly dependencies: ClaimsDependencies) {}

  /**
   * Who owns an external identity. Waits for a claim that is being settled, abandons one whose deadline has passed, and releases one that is
   * over; every step is idempotent by claim id and exact revision.
   */
  async ownerOf(identityKey: string, context: CommandContext): Promise<Ownership> {
    const { store, clock } = this.dependencies;
    for (;;) {
      const { state: claim, revision } = await load(store, externalIdentityStream(identityKey), claimFold);
      if (!claim) return { kind: 'free', revision };
      const owner = (await load(store, userStream(claim.ownerId), linkingFold)).state;
      const step = nextClaimStep(claim, settlementOf(owner, claim.claimId), clock());
      switch (step.step) {
        case 'owned':
          return { kind: 'owned', userId: step.ownerId, claimId: step.claimId, owner };
        case 'wait':
          await delay(POLL_MS);
          break;
        case 'abandon':
          await this.#abandon(step.claim, context);
          break;
        case 'release':
          await this.release(identityKey, step.claim.claimId, context);
          break;
        case 'claim':
          return { kind: 'free', revision };
      }
    }
  }

  /** Claims a free identity at the revision it was seen free at. @returns the fresh claim id, or nothing when somebody else was first */
  async claim(identityKey: string, revision: Revision, ownerId: string, context: CommandContext): Promise<string | undefined> {
    const { store, clock, newId } = this.dependencies;
    const claimId = newId();
    const deadline = new Date(clock().getTime() + CLAIM_LIFETIME_MS).toISOString();
    const appended = await store.append({
      stream: externalIdentityStream(identityKey),
      expectedRevision: revision,
      events: [{ type: 'ExternalIdentityClaimed', data: { claimId, ownerId, deadline } }],
      context,
      subject: ownerId,
    });
    return appended.kind === 'appended' ? claimId : undefined;
  }

  /** Releases a claim whose owner's stream shows that it is over. Does nothing when it is no longer the current one. */
  async release(identityKey: string, claimId: string, context: CommandContext): Promise<void> {
    await execute(this.dependencies.store, {
      stream: externalIdentityStream(identityKey),
      fold: claimFold,
      decide: (current): Decision<ClaimEvent, undefined> => ({
        events: current?.claimId === claimId ? [{ type: 'ExternalIdentityReleased', data: { claimId } }] : [],
        outcome: undefined,
      }),
      context,
      subject: INSTALLATION_SUBJECT,
    });
  }

  async #abandon({ claimId, ownerId }: Claim, context: CommandContext): Promise<void> {
    await execute(this.dependencies.store, {
      stream: userStream(ownerId),
      fold: linkingFold,
      decide: (owner) => decideAbandon(owner, claimId),
      context,
      subject: ownerId,
    });
  }
}
