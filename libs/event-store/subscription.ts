import { setTimeout as delay } from 'node:timers/promises';
import { START, streamNameFilter } from '@eventstore/db-client';
import type { AllStreamSubscription } from '@eventstore/db-client';
import type { Logger } from '#libs/platform/logger.js';
import type { StoredEvent } from './codec.js';
import { storedFrom } from './event-store.js';
import { classify } from './store-errors.js';
import type { StoreConnection } from './store-connection.js';
import { checkCheckpoint, NotTheStoreWeKnewError } from './store-identity.js';
import type { Checkpoint } from './store-identity.js';

export interface SubscriptionOptions {
  readonly connection: StoreConnection;
  readonly logger: Logger;
  /** Whose subscription it is, for messages. */
  readonly name: string;
  /** Stream name prefixes, filtered at the server. */
  readonly prefixes: readonly string[];
  /** `null`: from the beginning. */
  readonly checkpoint: Checkpoint | null;
  /** Batches are at most this long; 500 unless told. */
  readonly batchSize?: number;
  readonly signal: AbortSignal;
  /**
   * Handles events in order. It is called with what has arrived when it is free again, so batches are large when behind
   * and immediate when live. `considered` is how far the server has looked, which may be beyond the last event
   * (progress for waits and lag; nothing resumes from it). `caughtUp`: everything that the log held when this
   * subscription began has been handed over.
   */
  readonly onBatch: (events: readonly StoredEvent[], considered: bigint, caughtUp: boolean) => Promise<void>;
}

/** Reading ahead stops at this many events that were not taken yet. */
const MAX_BUFFERED = 4_000;
const RETRY_MS = { first: 20, most: 2_000 };

/**
 * A catch-up subscription to `$all` by the resume protocol: before every subscription the event at the checkpoint is
 * read at the leader and must be the one we know; then subscribe after it; positions at or below the checkpoint are
 * discarded. Being dropped is routine (H6).
 *
 * Returns when `signal` is aborted. @throws {NotTheStoreWeKnewError}, or what `onBatch` throws
 */
export const runSubscription = async (options: SubscriptionOptions): Promise<void> => {
  let checkpoint = options.checkpoint;
  let wait = RETRY_MS.first;
  while (!options.signal.aborted) {
    let progressed = false;
    const reason = await subscribeOnce(options, checkpoint, (taken) => {
      checkpoint = taken;
      progressed = true;
    });
    if (options.signal.aborted) return;
    options.connection.observer.resubscribed(options.name, reason);
    options.logger.info({ subscription: options.name, reason }, 'resubscribing');
    wait = progressed ? RETRY_MS.first : Math.min(wait * 2, RETRY_MS.most);
    await delay(wait, undefined, { signal: options.signal }).catch(() => undefined);
  }
};

const subscribeOnce = async (
  options: SubscriptionOptions,
  from: Checkpoint | null,
  taken: (checkpoint: Checkpoint) => void,
): Promise<string> => {
  const { connection, prefixes, signal } = options;
  if (from) {
    try {
      await checkCheckpoint(connection, options.name, from);
    } catch (error) {
      const kind = classify(error);
      if (error instanceof NotTheStoreWeKnewError || (kind !== 'away' && kind !== 'unknown_outcome')) throw error;
      return (error as Error).message;
    }
  }
  // Aborted while that was read: the listener below would never be told.
  if (signal.aborted) return 'stopped';
  const buffer = new Buffered(from?.position ?? -1n);
  const { client, replaced } = connection.reading;
  const subscription = client.subscribeToAll({
    fromPosition: from ? { commit: from.position, prepare: from.position } : START,
    filter: streamNameFilter({
      prefixes: [...prefixes],
      checkpointInterval: 1,
      checkpointReached: (_subscription, position) => {
        buffer.considered(position.commit);
        return Promise.resolve();
      },
    }),
    requiresLeader: true,
  });
  const stop = (): void => buffer.end('stopped');
  const onReplaced = (): void => buffer.end('the client was replaced');
  signal.addEventListener('abort', stop, { once: true });
  replaced.addEventListener('abort', onReplaced, { once: true });
  buffer.feedFrom(subscription);
  try {
    for (;;) {
      const batch = await buffer.take(options.batchSize ?? 500);
      if (batch.events.length > 0 || batch.considered > 0n || batch.caughtUp)
        await options.onBatch(batch.events, batch.considered, batch.caughtUp);
      const last = batch.events.at(-1);
      if (last) taken({ position: last.position, eventId: last.id });
      if (batch.ended !== undefined || signal.aborted) return batch.ended ?? 'stopped';
    }
  } finally {
    signal.removeEventListener('abort', stop);
    replaced.removeEventListener('abort', onReplaced);
    subscription.removeAllListeners('data');
    subscription.on('error', () => undefined);
    void subscription.unsubscribe().catch(() => undefined);
  }
};

interface Batch {
  readonly events: readonly StoredEvent[];
  readonly considered: bigint;
  readonly caughtUp: boolean;
  /** Why the subscription ended, when it did and everything before was taken. */
  readonly ended: string | undefined;
}

/**
 * Reads events off the socket at once, so that the server does not end us as a slow consumer while a batch is being
 * stored (H6).
 */
class Buffered {
  #events: StoredEvent[] = [];
  #considered = 0n;
  #caughtUp: 'no' | 'to tell' | 'told' = 'no';
  #ended: string | undefined;
  #wake: (() => void) | undefined;
  #source: AllStreamSubscription | undefined;
  #lastPosition: bigint;

  constructor(after: bigint) {
    this.#lastPosition = after;
  }

  feedFrom(subscription: AllStreamSubscription): void {
    this.#source = subscription;
    subscription.on('data', (resolved) => {
      try {
        const stored = storedFrom(resolved);
        if (stored.position <= this.#lastPosition) return;
        this.#lastPosition = stored.position;
        this.#events.push(stored);
        this.considered(stored.position);
        if (this.#events.length >= MAX_BUFFERED) subscription.pause();
      } catch (error) {
        this.end((error as Error).message);
      }
    });
    subscription.on('caughtUp', () => {
      if (this.#caughtUp === 'no') this.#caughtUp = 'to tell';
      this.#wake?.();
    });
    subscription.on('error', (error: Error) => this.end(error.message || error.name));
    subscription.on('end', () => this.end('ended by the store'));
    subscription.on('close', () => this.end('closed'));
  }

  considered(position: bigint): void {
    if (position > this.#considered) this.#considered = position;
    this.#wake?.();
  }

  end(reason: string): void {
    this.#ended ??= reason;
    this.#wake?.();
  }

  async take(most: number): Promise<Batch> {
    while (
      this.#events.length === 0 &&
      this.#ended === undefined &&
      this.#considered === 0n &&
      this.#caughtUp !== 'to tell'
    ) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = undefined;
    }
    const events = this.#events.splice(0, most);
    if (this.#events.length < MAX_BUFFERED / 2) this.#source?.resume();
    const drained = this.#events.length === 0;
    const considered = drained ? this.#considered : (events.at(-1)?.position ?? 0n);
    if (drained) this.#considered = 0n;
    if (drained && this.#caughtUp === 'to tell') this.#caughtUp = 'told';
    return { events, considered, caughtUp: this.#caughtUp === 'told', ended: drained ? this.#ended : undefined };
  }
}
