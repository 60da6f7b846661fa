import { setTimeout as delay } from 'node:timers/promises';
import type { StoredEvent } from '#libs/event-store/codec.js';
import type { EventStore } from '#libs/event-store/event-store.js';
import type { Logger } from '#libs/platform/logger.js';
import type { Pool } from '#libs/platform/postgres/pool.js';
import { causeOf, failureOf, isAnEventsFault, RETRIES_MS } from '#libs/projection-engine/causes.js';
import { ParkedCauses } from '#libs/projection-engine/parked-causes.js';
import { MOST_FAILED_AT_ONCE, MOST_HEALED_AT_ONCE, TAKEN_UP_AT_ONCE } from '#libs/projection-engine/retries.js';
import {
  dueStreams,
  makeStreamsDueForBuild,
  noteUnreadableStream,
  parkStream,
  unparkStream,
  waitingStreams,
} from './parked-streams.postgres.js';
import type { Parking, Waiting } from './parked-streams.postgres.js';

export interface ParkedStreamsDependencies {
  readonly pool: Pool;
  readonly store: Pick<EventStore, 'readStored'>;
  readonly logger: Logger;
  /** The process manager's. */
  readonly name: string;
  /** Names the code that runs, so that what another one could not handle is tried again; see `nameBuild`. */
  readonly build: string;
  /** When a parked stream is tried again, in milliseconds, by how often it was. */
  readonly retryAfterMs: (tries: number) => number;
  /** Sees to one event; may be asked for the same one again. */
  readonly handle: (event: StoredEvent) => Promise<void>;
  /** Whether an event is seen to although earlier ones of its stream wait; it is seen to again after them. */
  readonly cannotWait: (event: StoredEvent) => boolean;
}

/**
 * Hands events to a process manager one by one. What a single event causes stops its own stream and nobody else's: the
 * stream is parked, its later events wait behind it, and they are taken up in order once the event can be handled, by a
 * newer release for example. However many wait, the others go on (decision 0162).
 */
export class ParkedStreams {
  private constructor(
    private readonly dependencies: ParkedStreamsDependencies,
    private readonly parked: ParkedCauses,
  ) {}

  static async load(dependencies: ParkedStreamsDependencies): Promise<ParkedStreams> {
    const { pool, name, build } = dependencies;
    await makeStreamsDueForBuild(pool, name, build);
    const waiting = await waitingStreams(pool, name);
    const failures = waiting.map(({ stream, failure }) => [stream, { organizationId: null, failure }] as const);
    return new ParkedStreams(dependencies, new ParkedCauses(failures));
  }

  /** How many streams wait. */
  get size(): number {
    return this.parked.size;
  }

  /** @throws what is not the event's fault: it would fail for any other event too */
  async take(event: StoredEvent, signal: AbortSignal): Promise<void> {
    const { handle, cannotWait, logger, name } = this.dependencies;
    if (this.parked.has(event.stream)) {
      if (!cannotWait(event)) return;
      return await handle(event).catch((error: unknown) => {
        if (!isAnEventsFault(error)) throw error;
        const { stream, type } = event;
        logger.error({ processManager: name, stream, type, cause: causeOf(error) }, 'an event waits that should not');
      });
    }
    for (const pause of [...RETRIES_MS, undefined]) {
      try {
        return await handle(event);
      } catch (error) {
        if (signal.aborted || !isAnEventsFault(error)) throw error;
        // A cause that is known already is not waited for: a client that sends it a thousand times holds nobody up.
        const isKnown = this.parked.streamsOf(failureOf(event.type, error)) > 0;
        if (pause === undefined || isKnown) return await this.#park(event, error, 0);
        await delay(pause, undefined, { signal });
      }
    }
  }

  /** Tries the parked streams again that are due, from the event on that each waits at. */
  async retry(): Promise<void> {
    const { pool, name } = this.dependencies;
    let [failed, healed] = [0, 0];
    while (this.parked.size > 0 && failed < MOST_FAILED_AT_ONCE && healed < MOST_HEALED_AT_ONCE) {
      const due = await dueStreams(pool, name, TAKEN_UP_AT_ONCE);
      for (const waiting of due) {
        if (failed >= MOST_FAILED_AT_ONCE) return;
        if (await this.#tryAgain(waiting)) healed += 1;
        else failed += 1;
      }
      if (due.length < TAKEN_UP_AT_ONCE) return;
    }
  }

  /** @returns whether the stream goes on */
  async #tryAgain({ stream, revision, tries }: Waiting): Promise<boolean> {
    const { pool, name, store, handle, logger } = this.dependencies;
    let at: StoredEvent | undefined;
    try {
      for (at of await store.readStored(stream, { from: revision })) await handle(at);
    } catch (error) {
      if (!isAnEventsFault(error)) throw error;
      if (at) await this.#park(at, error, at.revision === revision ? tries + 1 : 0);
      // Without an event it is the stream that cannot be read, which was deleted in the store.
      else await noteUnreadableStream(pool, name, stream, this.#parkingOf(error, tries + 1));
      return false;
    }
    await unparkStream(pool, name, stream);
    this.parked.delete(stream);
    logger.info({ processManager: name, stream }, 'a parked stream was taken up again');
    return true;
  }

  #parkingOf(error: unknown, tries: number): Omit<Parking, 'failure'> {
    const { build, retryAfterMs } = this.dependencies;
    return { cause: causeOf(error), build, tries, pauseMs: retryAfterMs(tries) };
  }

  async #park(event: StoredEvent, error: unknown, tries: number): Promise<void> {
    const { pool, name, logger } = this.dependencies;
    const { stream, revision, type } = event;
    const parking = { ...this.#parkingOf(error, tries), failure: failureOf(type, error) };
    await parkStream(pool, name, event, parking);
    this.parked.set(stream, { organizationId: null, failure: parking.failure });
    const { failure, cause } = parking;
    logger.error(
      { processManager: name, stream, revision: String(revision), type, failure, cause, tries },
      'an event cannot be handled; its stream waits',
    );
  }
}
