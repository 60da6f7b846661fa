import { setTimeout as delay } from 'node:timers/promises';
import type { EventStoreDBClient } from '@eventstore/db-client';
import { remainingMs, withDeadline } from '#libs/platform/deadline.js';
import type { Logger } from '#libs/platform/logger.js';
import { openClient, retireClient } from './store-client.js';
import { classify, isNotLeader, StoreAwayError } from './store-errors.js';
import { holds } from './store-identity.js';
import type { Checkpoint } from './store-identity.js';
import { checkStoreUrl } from './store-url.js';
import { unobserved } from './store-metrics.js';
import type { StoreObserver, StoreState } from './store-metrics.js';

export interface StoreConnectionOptions {
  /** `esdb://…` */
  readonly url: string;
  readonly logger: Logger;
  readonly observer?: StoreObserver;
  /**
   * Upper bound for one try of one request, in milliseconds; shorter than the callers' own deadlines. 3,000 unless
   * told.
   */
  readonly requestTimeoutMs?: number;
}

const PROBE_MS = { first: 50, most: 500 };
/** How long a read waits for a store that is away: it may be on its way back. Appends do not wait. */
const READ_PATIENCE_MS = 1_000;
/**
 * The store is asked this often for the last event that we stored, so that the state is the truth also where nothing
 * happens.
 */
const HEARTBEAT_MS = 1_000;

/**
 * A client for reads and subscriptions, and the signal that it was replaced: a subscription that its client ended says
 * nothing by itself.
 */
export interface ReadingClient {
  readonly client: EventStoreDBClient;
  readonly replaced: AbortSignal;
}

/**
 * The one place that owns the clients. One appends and does nothing else (H2: pending appends are global in the client
 * library, so that a failed read, which makes a client change its connection, could end the process); another reads and
 * subscribes. It knows whether the store answers, refuses appends quickly while it does not (H3), and comes back with
 * clients that can do their work.
 */
export class StoreConnection {
  #appending: EventStoreDBClient;
  #appendingIsSuspect = false;
  #reading: EventStoreDBClient;
  #readingReplaced = new AbortController();
  #state: StoreState = 'ready';
  #lastStored: Checkpoint | undefined;
  #probing: Promise<void> | undefined;
  readonly #retiring = new Set<Promise<unknown>>();
  readonly #closing = new AbortController();
  #beating = false;
  readonly #heart: NodeJS.Timeout;
  readonly #options: StoreConnectionOptions;
  readonly observer: StoreObserver;
  readonly requestTimeoutMs: number;

  constructor(options: StoreConnectionOptions) {
    this.#options = options;
    this.observer = options.observer ?? unobserved;
    this.requestTimeoutMs = options.requestTimeoutMs ?? 3_000;
    checkStoreUrl(options.url);
    this.#appending = this.#open();
    this.#reading = this.#open();
    this.#heart = setInterval(() => this.#beat(), HEARTBEAT_MS).unref();
  }

  get state(): StoreState {
    return this.#state;
  }

  /** For reads and subscriptions. Taken anew for each request: the client may have been replaced. */
  get client(): EventStoreDBClient {
    return this.#reading;
  }

  get reading(): ReadingClient {
    return { client: this.#reading, replaced: this.#readingReplaced.signal };
  }

  /**
   * Runs one append. It always comes to an end: the client itself waits for ever for an answer that a hung store never
   * gives.
   * @throws {StoreAwayError} at once while the store is away: nothing was sent
   */
  async append<T>(request: (client: EventStoreDBClient, timeoutMs: number) => Promise<T>): Promise<T> {
    if (this.#state !== 'ready') throw new StoreAwayError();
    const client = this.#appending;
    try {
      return await this.#bounded((timeoutMs) => request(client, timeoutMs));
    } catch (error) {
      this.#noteFailure(error, client);
      throw error;
    }
  }

  /**
   * Runs one read, or any other request that changes nothing.
   * @throws {StoreAwayError} when the store is away, and was not back within a second
   */
  async read<T>(request: (client: EventStoreDBClient, timeoutMs: number) => Promise<T>): Promise<T> {
    await this.whenReady(Date.now() + Math.min(READ_PATIENCE_MS, remainingMs()));
    if (this.#state !== 'ready') throw new StoreAwayError();
    const client = this.#reading;
    try {
      return await this.#bounded((timeoutMs) => request(client, timeoutMs));
    } catch (error) {
      this.#noteFailure(error, client);
      throw error;
    }
  }

  /** The last event that this process stored: a store that comes back without it is not the one we knew. */
  noteStored(last: Checkpoint): void {
    if (last.position > (this.#lastStored?.position ?? -1n)) this.#lastStored = last;
  }

  /** Resolves when the store answers, or at the deadline. */
  async whenReady(deadline: number): Promise<void> {
    while (this.#state !== 'ready' && !this.#closing.signal.aborted && Date.now() < deadline) {
      await delay(Math.min(25, Math.max(1, deadline - Date.now())));
    }
  }

  async close(): Promise<void> {
    clearInterval(this.#heart);
    this.#closing.abort();
    await this.#probing;
    this.#readingReplaced.abort();
    await Promise.all([retireClient(this.#appending), retireClient(this.#reading), ...this.#retiring]);
  }

  #open(): EventStoreDBClient {
    return openClient(this.#options.url, this.requestTimeoutMs);
  }

  async #bounded<T>(request: (timeoutMs: number) => Promise<T>): Promise<T> {
    const left = remainingMs();
    if (left <= 0 || this.#closing.signal.aborted) throw new StoreAwayError();
    const timeoutMs = Math.max(1, Math.min(this.requestTimeoutMs, left));
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new RequestTimeout(timeoutMs < this.requestTimeoutMs)), timeoutMs);
    });
    try {
      return await Promise.race([request(timeoutMs), timeout]);
    } finally {
      clearTimeout(timer);
    }
  }

  #noteFailure(error: unknown, client: EventStoreDBClient): void {
    const kind = classify(error);
    if (kind !== 'away' && kind !== 'unknown_outcome') return;
    // The client is at the leader the next time (H8). A caller without patience says nothing about the store.
    if (
      isNotLeader(error) ||
      error instanceof StoreAwayError ||
      (error instanceof RequestTimeout && error.callersPatience)
    )
      return;
    // What became of a client that was replaced meanwhile says nothing about the one that is in use.
    if (client !== this.#appending && client !== this.#reading) return;
    if (client === this.#appending) this.#appendingIsSuspect = true;
    this.#lose((error as Error).message);
  }

  #lose(reason: string): void {
    if (this.#closing.signal.aborted || this.#probing) return;
    this.#enter('away', reason);
    // It goes on for as long as the store is away, whosever request noticed, and however little time that one had left.
    this.#probing = withDeadline(Infinity, () => this.#recover()).finally(() => {
      this.#probing = undefined;
    });
  }

  #enter(state: StoreState, reason?: string): void {
    if (this.#state === state) return;
    this.#state = state;
    this.observer.state(state);
    const { logger } = this.#options;
    if (state === 'not_the_store_we_knew') {
      const { position, eventId } = this.#lastStored ?? {};
      logger.error(
        { position: String(position), eventId },
        'the event store came back without an event that this process stored: not the store we knew; nothing is read or written until it is',
      );
    } else if (state === 'away') logger.warn({ reason }, 'event store is away');
    else
      logger.info(
        { eventStore: state },
        state === 'ready' ? 'event store is back' : 'event store answers; replacing clients',
      );
  }

  #beat(): void {
    if (this.#state !== 'ready' || this.#beating) return;
    this.#beating = true;
    const known = this.#lastStored;
    void this.read((client, timeoutMs) =>
      known ? holds(client, known) : readOneEvent(client, timeoutMs).then(() => true),
    )
      .then(
        (isKnown) => isKnown || this.#lose('it does not hold the last event that this process stored'),
        () => undefined,
      )
      .finally(() => {
        this.#beating = false;
      });
  }

  async #recover(): Promise<void> {
    const { signal } = this.#closing;
    for (let wait = PROBE_MS.first; !signal.aborted; wait = Math.min(wait * 2, PROBE_MS.most)) {
      await delay(wait, undefined, { signal }).catch(() => undefined);
      if (!signal.aborted && (await this.#recoverOnce())) return;
    }
  }

  /**
   * Tries with a client of its own each time: one that has failed for minutes waits up to two more before it connects
   * again, and one that could not discover its cluster may never append again (H3).
   */
  async #recoverOnce(): Promise<boolean> {
    const fresh = this.#open();
    try {
      if (!(await this.#isTheStoreWeKnew(fresh))) {
        this.#enter('not_the_store_we_knew');
      } else {
        this.#enter('recovering');
        if (await this.#replaceAppendingClient()) {
          this.#replaceReadingClient(fresh);
          this.#enter('ready');
          return true;
        }
      }
    } catch (error) {
      this.#enter('away', (error as Error).message);
    }
    void retireClient(fresh);
    return false;
  }

  async #isTheStoreWeKnew(client: EventStoreDBClient): Promise<boolean> {
    await this.#bounded((timeoutMs) =>
      readOneEvent(client, timeoutMs).catch((error: unknown) => {
        if (!isNotLeader(error)) throw error;
        return readOneEvent(client, timeoutMs);
      }),
    );
    const known = this.#lastStored;
    return known === undefined || (await this.#bounded(() => holds(client, known)));
  }

  /** H2: a new client appends only when the old one has nothing pending and can touch nothing any more. */
  async #replaceAppendingClient(): Promise<boolean> {
    if (!this.#appendingIsSuspect) return true;
    if (!(await retireClient(this.#appending))) return false;
    this.#appending = this.#open();
    this.#appendingIsSuspect = false;
    this.observer.clientReplaced('appending');
    return true;
  }

  #replaceReadingClient(fresh: EventStoreDBClient): void {
    const old = this.#reading;
    this.#reading = fresh;
    this.#readingReplaced.abort();
    this.#readingReplaced = new AbortController();
    // Reads that are under way on the old one have their own end.
    const patience = delay(this.requestTimeoutMs, undefined, { signal: this.#closing.signal, ref: false }).catch(
      () => undefined,
    );
    const retired = patience.then(() => retireClient(old)).finally(() => this.#retiring.delete(retired));
    this.#retiring.add(retired);
    this.observer.clientReplaced('reading');
  }
}

/** No answer within our own time-out; typed like the client's own so that it is classified with them. */
class RequestTimeout extends Error {
  readonly type = 'timeout';
  constructor(readonly callersPatience: boolean) {
    super('The event store did not answer in time');
  }
}

const readOneEvent = async (client: EventStoreDBClient, timeoutMs: number): Promise<void> => {
  // Read to the end: a stream that is left early keeps the client's dispose() waiting for ever.
  for await (const _ of client.readAll({ maxCount: 1, requiresLeader: true, deadline: timeoutMs }));
};
