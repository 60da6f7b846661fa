import { setTimeout as delay } from 'node:timers/promises';
import type { StoredEvent } from '#libs/event-store/codec.js';
import type { EventStore } from '#libs/event-store/event-store.js';
import type { StreamName } from '#libs/event-store/stream-name.js';
import type { Logger } from '#libs/platform/logger.js';
import type { Pool } from '#libs/platform/postgres/pool.js';
import { causeOf, isAnEventsFault, RETRIES_MS } from '#libs/projection-engine/causes.js';
import { parkStream, revisionsOfParked, unparkStream } from './parked-streams.postgres.js';

/**
 * More than this is not a few poison events but a defect: nothing more is parked, and the process manager fails until
 * it is mended.
 */
const MOST_PARKED = 100;

export interface ParkedStreamsDependencies {
  readonly pool: Pool;
  readonly store: Pick<EventStore, 'readStored'>;
  readonly logger: Logger;
  /** The process manager's. */
  readonly name: string;
  /** Sees to one event; may be asked for the same one again. */
  readonly handle: (event: StoredEvent) => Promise<void>;
}

/**
 * Hands events to a process manager one by one. What a single event causes stops its own stream and nobody else's: the
 * stream is parked, its later events wait behind it, and they are taken up in order once the event can be handled, by a
 * newer release for example.
 */
export class ParkedStreams {
  private constructor(
    private readonly dependencies: ParkedStreamsDependencies,
    private readonly parked: Map<StreamName, bigint>,
  ) {}

  static async load(dependencies: ParkedStreamsDependencies): Promise<ParkedStreams> {
    return new ParkedStreams(dependencies, await revisionsOfParked(dependencies.pool, dependencies.name));
  }

  /** How many streams wait. */
  get size(): number {
    return this.parked.size;
  }

  /** @throws what is not the event's fault: it would fail for any other event too */
  async take(event: StoredEvent, signal: AbortSignal): Promise<void> {
    if (this.parked.has(event.stream)) return;
    for (const pause of [...RETRIES_MS, undefined]) {
      try {
        return await this.dependencies.handle(event);
      } catch (error) {
        if (signal.aborted || !isAnEventsFault(error)) throw error;
        if (pause === undefined) return await this.#park(event, error);
        await delay(pause, undefined, { signal });
      }
    }
  }

  /** Tries every parked stream again, from the event on that it waits at. */
  async retry(): Promise<void> {
    const { pool, name, store, handle, logger } = this.dependencies;
    for (const [stream, revision] of this.parked) {
      let at: StoredEvent | undefined;
      try {
        for (at of await store.readStored(stream, { from: revision })) await handle(at);
        await unparkStream(pool, name, stream);
        this.parked.delete(stream);
        logger.info({ processManager: name, stream }, 'a parked stream was taken up again');
      } catch (error) {
        if (!isAnEventsFault(error)) throw error;
        // Without an event it is the stream that cannot be read, which was deleted in the store.
        if (at && at.revision > revision) await this.#park(at, error);
      }
    }
  }

  async #park(event: StoredEvent, error: unknown): Promise<void> {
    const { pool, name, logger } = this.dependencies;
    const { stream, revision, type } = event;
    if (this.parked.size >= MOST_PARKED && !this.parked.has(stream)) throw error;
    const cause = causeOf(error);
    await parkStream(pool, name, event, cause);
    this.parked.set(stream, revision);
    logger.error(
      { processManager: name, stream, revision: String(revision), type, cause },
      'an event cannot be handled; its stream waits',
    );
  }
}
