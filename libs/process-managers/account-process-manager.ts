import { accountFold } from '#libs/users/state.js';
import type { Account, UserStreamEvent } from '#libs/users/state.js';
import { USER_CATEGORY, USERNAME_CATEGORY, VERIFIED_EMAIL_CATEGORY } from '#libs/users/streams.js';
import type { ClaimStreamEvent } from '#libs/users/claims/claim.js';
import { claimableEmail, claimableExternalIdentity, claimableUsername } from '#libs/users/claims/claimable.js';
import type { Claimable } from '#libs/users/claims/claimable.js';
import { Claims } from '#libs/users/claims/claims.js';
import { heldBy } from '#libs/users/claims/held-by.js';
import type { Codec } from '#libs/event-store/codec.js';
import type { CommandContext } from '#libs/event-store/event-metadata.js';
import type { EventStore } from '#libs/event-store/event-store.js';
import type { RecordedEvent } from '#libs/event-store/recorded-event.js';
import type { StoreConnection } from '#libs/event-store/store-connection.js';
import type { Checkpoint } from '#libs/event-store/store-identity.js';
import { categoryOf, idOf } from '#libs/event-store/stream-name.js';
import { runSubscription } from '#libs/event-store/subscription.js';
import { EXTERNAL_IDENTITY_CATEGORY } from '#libs/users/external-identity-stream.js';
import type { Clock } from '#libs/platform/clock.js';
import type { NewId } from '#libs/platform/ids.js';
import type { Logger } from '#libs/platform/logger.js';
import type { Pool } from '#libs/platform/postgres/pool.js';
import { loadCheckpoint, storeCheckpoint } from './checkpoints.postgres.js';
import { causeOf, isAnEventsFault } from '#libs/projection-engine/causes.js';
import { retryAfterMs } from '#libs/projection-engine/retries.js';
import { aroundEvent } from './around-event.js';
import { ParkedStreams } from './parked-streams.js';
import { SoleRunner } from './sole-runner.js';

const NAME = 'accounts';
const SWEEP_MS = 250;
const PARKED_EVERY_MS = 1_000;

/** What the process manager makes happen beside releasing claims; each may be asked for again after a crash. */
export interface AccountReactions {
  /** Ends the sessions and grants that an event takes away. */
  carryOutRevocations(
    userId: string,
    event: { readonly event: UserStreamEvent; readonly revision: bigint },
    context: CommandContext,
  ): Promise<void>;
  /** Mails that are on their way prove nothing any more. */
  revokeMails(userId: string): Promise<void>;
  finishErasure(userId: string, context: CommandContext): Promise<void>;
  wantsToNotify(event: RecordedEvent<UserStreamEvent>): boolean;
  /** Tells the account's owner. @param before the account before the event: a changed address is told to the old one */
  notify(event: RecordedEvent<UserStreamEvent>, before: Account, after: Account): Promise<void>;
}

export interface AccountProcessManagerDependencies {
  readonly pool: Pool;
  readonly connection: StoreConnection;
  readonly codec: Codec;
  readonly store: EventStore;
  readonly clock: Clock;
  readonly newId: NewId;
  readonly logger: Logger;
  readonly reactions: AccountReactions;
  /** Names the code that runs; see `nameBuild`. */
  readonly build: string;
  /** When a parked stream is tried again, in milliseconds, by how often it was; a minute and more unless told. */
  readonly retryAfterMs?: (tries: number) => number;
}

/** A claim that nothing has settled yet, as far as the log was read. */
interface OpenClaim {
  readonly thing: Claimable;
  readonly deadline: Date;
  readonly position: bigint;
}

/**
 * Finishes what commands began and a crash interrupted: releases claims that nobody came back for, ends sessions that a
 * revoking event should have ended, finishes erasures, and tells the owners of accounts. A catch-up subscriber with a
 * checkpoint of its own, at least once: everything it does is idempotent by claim id, revision and event id (domain.md,
 * "Two streams, no transaction"). One instance is active, by an advisory lock.
 */
export class AccountProcessManager {
  readonly #runner: SoleRunner;

  constructor(private readonly dependencies: AccountProcessManagerDependencies) {
    const { pool, logger } = dependencies;
    this.#runner = new SoleRunner({ pool, name: NAME, logger, work: (signal) => this.#follow(signal) });
  }

  get state(): SoleRunner['state'] {
    return this.#runner.state;
  }

  get lastError(): string | undefined {
    return this.#runner.lastError;
  }

  /** Runs until `signal` is aborted; a failure is retried for ever. @throws {NotTheStoreWeKnewError} */
  run(signal: AbortSignal): Promise<void> {
    return this.#runner.run(signal);
  }

  async #follow(signal: AbortSignal): Promise<void> {
    const { pool, connection, store, codec, logger, build, retryAfterMs: pauseOf = retryAfterMs } = this.dependencies;
    const open = new Map<string, OpenClaim>();
    const parked = await ParkedStreams.load({
      pool,
      store,
      logger,
      name: NAME,
      build,
      retryAfterMs: pauseOf,
      // An erasure waits for nothing that went wrong earlier in the person's stream.
      cannotWait: ({ type }) => type === 'ErasureStarted',
      handle: async (event) => {
        for (const recorded of await codec.decode([event])) await this.#see(recorded, open);
      },
    });
    await parked.retry();
    /** Events taken and not yet in the checkpoint, in order. */
    let taken: Checkpoint[] = [];
    let stored = await loadCheckpoint(pool, NAME);

    const advance = async (): Promise<void> => {
      const oldest = [...open.values()].reduce<bigint | undefined>(
        (min, { position }) => (min === undefined || position < min ? position : min),
        undefined,
      );
      const safe = oldest === undefined ? taken.length : taken.findIndex(({ position }) => position >= oldest);
      const next = safe > 0 ? taken[safe - 1] : undefined;
      if (!next) return;
      await storeCheckpoint(pool, NAME, next);
      stored = next;
      taken = taken.slice(safe);
    };
    // Batches and sweeps wait for each other: both move the checkpoint.
    let turn: Promise<unknown> = Promise.resolve();
    const inTurn = (work: () => Promise<void>): Promise<void> => {
      const done = turn.then(work);
      turn = done.catch(() => undefined);
      return done;
    };
    const failed = new AbortController();
    let failure: unknown;
    const every = (ms: number, isDue: () => boolean, work: () => Promise<void>): NodeJS.Timeout =>
      setInterval(() => {
        if (!isDue()) return;
        void inTurn(work).catch((error: unknown) => {
          failure ??= error;
          failed.abort();
        });
      }, ms);
    const timers = [
      every(
        SWEEP_MS,
        () => open.size > 0,
        async () => {
          await this.#sweep(open);
          await advance();
        },
      ),
      every(
        PARKED_EVERY_MS,
        () => parked.size > 0,
        () => parked.retry(),
      ),
    ];
    try {
      await runSubscription({
        connection,
        logger,
        name: 'process-manager',
        prefixes: [
          `${USER_CATEGORY}-`,
          `${EXTERNAL_IDENTITY_CATEGORY}-`,
          `${USERNAME_CATEGORY}-`,
          `${VERIFIED_EMAIL_CATEGORY}-`,
        ],
        checkpoint: stored,
        signal: AbortSignal.any([signal, failed.signal]),
        onBatch: (events) =>
          inTurn(async () => {
            for (const event of events) {
              // The process is to end, or another one has taken over: what is left is met again.
              if (signal.aborted) break;
              await parked.take(event, signal);
              taken.push({ position: event.position, eventId: event.id });
            }
            await advance();
          }),
      });
    } finally {
      timers.forEach(clearInterval);
      await turn;
    }
    if (failure !== undefined && !signal.aborted) throw failure as Error;
  }

  async #see(recorded: RecordedEvent, open: Map<string, OpenClaim>): Promise<void> {
    if (categoryOf(recorded.stream) === USER_CATEGORY)
      await this.#onUserEvent(recorded as RecordedEvent<UserStreamEvent>, open);
    else this.#onClaimEvent(recorded as RecordedEvent<ClaimStreamEvent>, open);
  }

  #onClaimEvent(
    { event: { data }, stream, position }: RecordedEvent<ClaimStreamEvent>,
    open: Map<string, OpenClaim>,
  ): void {
    if ('ownerId' in data)
      open.set(data.claimId, { thing: claimableOf(stream), deadline: new Date(data.deadline), position });
    else open.delete(data.claimId);
  }

  async #onUserEvent(recorded: RecordedEvent<UserStreamEvent>, open: Map<string, OpenClaim>): Promise<void> {
    const { reactions } = this.dependencies;
    const { event, stream, revision } = recorded;
    const userId = idOf(stream);
    const context = this.#contextOf(recorded);
    if (event.type === 'ClaimAbandoned') {
      const claim = open.get(event.data.claimId);
      if (claim) await this.#heal(claim.thing, context);
    }
    // Whatever the event says of the claim, the claim is settled now.
    if ('claimId' in event.data) open.delete(event.data.claimId);
    await reactions.carryOutRevocations(userId, { event, revision }, context);
    if (event.type === 'AccountRecovered') await reactions.revokeMails(userId);
    if (event.type === 'ErasureStarted') await reactions.finishErasure(userId, context);
    if (!GIVES_UP_A_CLAIM.has(event.type) && !reactions.wantsToNotify(recorded)) return;
    const history = (await this.dependencies.store.read(stream)) as readonly RecordedEvent<UserStreamEvent>[];
    const { before, after } = aroundEvent(history, recorded, accountFold);
    for (const { thing, claimId } of heldBy(before))
      if (after.settlements.get(claimId) === 'over')
        await new Claims(this.dependencies).release(thing, claimId, context);
    await reactions.notify(recorded, before, after);
  }

  /**
   * Claims whose deadline has passed: abandoned and released, unless they were settled meanwhile. Where the events of
   * the thing or of its owner cannot be read, the claim is left to whoever meets it next (domain.md, "Two streams, no
   * transaction").
   */
  async #sweep(open: Map<string, OpenClaim>): Promise<void> {
    const { clock, newId, logger } = this.dependencies;
    const now = clock();
    for (const [claimId, { thing, deadline }] of open) {
      if (deadline > now) continue;
      const commandId = newId();
      await this.#heal(thing, { commandId, correlationId: commandId, actor: SYSTEM }).catch((error: unknown) => {
        if (!isAnEventsFault(error)) throw error;
        logger.error({ claimId, cause: causeOf(error) }, 'an abandoned claim cannot be released');
      });
      open.delete(claimId);
    }
  }

  async #heal(thing: Claimable, context: CommandContext): Promise<void> {
    await new Claims(this.dependencies).ownerOf(thing, context);
  }

  #contextOf({ metadata }: RecordedEvent): CommandContext {
    return {
      commandId: this.dependencies.newId(),
      correlationId: metadata.$correlationId,
      causationId: metadata.commandId,
      actor: SYSTEM,
      ...(metadata.organizationId === undefined ? {} : { organizationId: metadata.organizationId }),
    };
  }
}

/** Events that may end a claim that the account held until then. */
const GIVES_UP_A_CLAIM: ReadonlySet<string> = new Set(['ExternalIdentityUnlinked', 'UsernameChanged', 'EmailChanged']);

const SYSTEM = { type: 'system', id: 'process-manager' } as const;

const claimableOf = (stream: RecordedEvent['stream']): Claimable => {
  switch (categoryOf(stream)) {
    case USERNAME_CATEGORY:
      return claimableUsername(stream);
    case VERIFIED_EMAIL_CATEGORY:
      return claimableEmail(stream);
    default:
      return claimableExternalIdentity(stream);
  }
};
