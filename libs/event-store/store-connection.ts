import { setTimeout as delay } from 'node:timers/promises';
import { EventStoreDBClient } from '@eventstore/db-client';
import type { Logger } from '#libs/platform/logger.js';
import { classify, StoreAwayError } from './store-errors.js';

export interface StoreConnectionOptions {
  /** `esdb://…` */
  readonly url: string;
  readonly logger: Logger;
  /** Upper bound for one try of one request, in milliseconds; shorter than the callers' own deadlines. 3,000 unless told. */
  readonly requestTimeoutMs?: number;
}

export type StoreState = 'ready' | 'away';

const PROBE_MS = { first: 50, most: 1_000 };

/**
 * Rejects URL forms that do not do what they say (H10): `esdb+discover://` uses only its first host.
 * @throws with the form to use instead
 */
export const checkStoreUrl = (url: string): string => {
  const match = /^(esdb(?:\+discover)?):\/\/(?:[^@/]*@)?([^/?]+)/.exec(url);
  if (!match) throw new Error('An event store URL looks like esdb://host:2113, esdb://a,b,c or esdb+discover://dns-name');
  const [, scheme, hosts] = match;
  if (scheme === 'esdb+discover' && hosts?.includes(',')) {
    throw new Error(`esdb+discover:// asks only its first host; name the cluster as esdb://${hosts}`);
  }
  return url;
};

/**
 * The one place that owns the client which appends (H2: pending appends are global in the client, so a process has one). It knows whether the
 * store answers, refuses appends quickly while it does not (H3), and replaces a client that can never append again, only when nothing is
 * pending.
 */
export class StoreConnection {
  #client: EventStoreDBClient;
  #state: StoreState = 'ready';
  #pending = 0;
  #mustReplace = false;
  #probing: Promise<void> | undefined;
  #closed = false;
  readonly #options: StoreConnectionOptions;
  readonly requestTimeoutMs: number;

  constructor(options: StoreConnectionOptions) {
    this.#options = options;
    this.requestTimeoutMs = options.requestTimeoutMs ?? 3_000;
    this.#client = EventStoreDBClient.connectionString(checkStoreUrl(options.url));
  }

  get state(): StoreState {
    return this.#state;
  }

  /** For reads and subscriptions. Taken anew for each request: the client may have been replaced. */
  get client(): EventStoreDBClient {
    return this.#client;
  }

  /** Runs one append. It always comes to an end: the client itself waits for ever for an answer that a hung store never gives. */
  async append<T>(request: (client: EventStoreDBClient) => Promise<T>): Promise<T> {
    if (this.#state === 'away') throw new StoreAwayError();
    this.#pending += 1;
    try {
      return await this.#bounded(request(this.#client));
    } catch (error) {
      this.#noteFailure(error);
      throw error;
    } finally {
      this.#pending -= 1;
    }
  }

  /** Runs one read, or any other request that changes nothing; a success shows that the store is back. */
  async read<T>(request: (client: EventStoreDBClient) => Promise<T>): Promise<T> {
    try {
      return await this.#bounded(request(this.#client));
    } catch (error) {
      this.#noteFailure(error);
      throw error;
    }
  }

  /** Resolves when the store answers, or at the deadline. */
  async whenReady(deadline: number): Promise<void> {
    while (this.#state === 'away' && !this.#closed && Date.now() < deadline) {
      await delay(Math.min(25, Math.max(1, deadline - Date.now())));
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#probing;
    await dispose(this.#client);
  }

  async #bounded<T>(work: Promise<T>): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new RequestTimeout()), this.requestTimeoutMs);
    });
    try {
      return await Promise.race([work, timeout]);
    } finally {
      clearTimeout(timer);
    }
  }

  #noteFailure(error: unknown): void {
    const kind = classify(error);
    if (kind !== 'away' && kind !== 'unknown_outcome') return;
    if (kind === 'away') this.#mustReplace = true;
    if (this.#state === 'ready') this.#options.logger.warn({ reason: (error as Error).message }, 'event store is away');
    this.#state = 'away';
    this.#probing ??= this.#probe().finally(() => {
      this.#probing = undefined;
    });
  }

  async #probe(): Promise<void> {
    for (let wait = PROBE_MS.first; !this.#closed; wait = Math.min(wait * 2, PROBE_MS.most)) {
      await delay(wait);
      if (this.#closed) return;
      try {
        await this.#replaceIfNeeded();
        await this.#bounded(readOneEvent(this.#client));
        this.#state = 'ready';
        this.#options.logger.info('event store is back');
        return;
      } catch (error) {
        if (classify(error) === 'away') this.#mustReplace = true;
      }
    }
  }

  async #replaceIfNeeded(): Promise<void> {
    if (!this.#mustReplace || this.#pending > 0) return;
    const old = this.#client;
    this.#client = EventStoreDBClient.connectionString(this.#options.url);
    this.#mustReplace = false;
    await dispose(old);
    this.#options.logger.info('event store client replaced');
  }
}

/** No answer within our own time-out; typed like the client's own so that it is classified with them. */
class RequestTimeout extends Error {
  readonly type = 'timeout';
  constructor() {
    super('The event store did not answer in time');
  }
}

const DISPOSE_MS = 1_000;

/** Ends a client's streams. Bounded: 6.2.1 waits for ever for a subscription that was resumed and ended, and the probe must not wait with it. */
const dispose = async (client: EventStoreDBClient): Promise<void> => {
  let timer: NodeJS.Timeout | undefined;
  const patience = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, DISPOSE_MS);
  });
  await Promise.race([client.dispose(), patience]);
  clearTimeout(timer);
};

const readOneEvent = async (client: EventStoreDBClient): Promise<void> => {
  // Read to the end: a stream that is left early keeps the client's dispose() waiting for ever.
  for await (const _ of client.readAll({ maxCount: 1, requiresLeader: true, deadline: 2_000 }));
};
