import { setTimeout as delay } from 'node:timers/promises';
import type { Codec, StoredEvent } from '#libs/event-store/codec.js';
import type { RecordedEvent } from '#libs/event-store/recorded-event.js';
import type { Checkpoint } from '#libs/event-store/store-identity.js';
import type { Connection } from '#libs/platform/postgres/pool.js';
import { inTransaction } from '#libs/platform/postgres/pool.js';
import { causeOf, isAnEventsFault, RETRIES_MS } from './causes.js';
import { carryOutErasures } from './erasure.postgres.js';
import { generationSchema, moveCheckpoint } from './generations.postgres.js';
import type { Generation } from './generations.postgres.js';
import { noteWaiting, park, parkedIn, refuseRequest, skipParked, skippedEvents, unpark } from './parked.postgres.js';
import type { ParkedStream } from './parked.postgres.js';
import { wantedAs } from './projection.js';
import type { Projection } from './projection.js';
import type { ProjectionDependencies } from './projection-dependencies.js';

/** More than this is not a few poison events but a defect: nothing more is parked, and the projection stops. */
const MOST_PARKED = 100;
const TAKEN_UP_AT_ONCE = 500;

/** So many streams are parked that the handlers must be wrong. */
export class TooManyParkedError extends Error {
  constructor(projection: string) {
    super(`${projection}: ${MOST_PARKED} streams are parked; the projection stops until they are retried or skipped`);
  }
}

/**
 * Writes events into one generation: rows, checkpoint, parked streams and erasures of a batch in one transaction, so
 * that an event has its effect exactly once. A batch that fails is divided until the event that fails is found; that
 * one is tried again, then its stream is parked and the others go on.
 */
export class GenerationWriter {
  #checkpoint: Checkpoint | null;

  private constructor(
    private readonly dependencies: ProjectionDependencies,
    private readonly projection: Projection,
    readonly generation: Generation,
    private readonly parked: Set<string>,
    private readonly skipped: ReadonlySet<string>,
  ) {
    this.#checkpoint = generation.checkpoint;
  }

  static async open(
    dependencies: ProjectionDependencies,
    projection: Projection,
    generation: Generation,
  ): Promise<GenerationWriter> {
    const { pool } = dependencies;
    const parked = (await parkedIn(pool, generation)).map(({ stream }) => stream as string);
    return new GenerationWriter(
      dependencies,
      projection,
      generation,
      new Set(parked),
      await skippedEvents(pool, generation),
    );
  }

  get checkpoint(): Checkpoint | null {
    return this.#checkpoint;
  }

  /** Whether the projection reads an event's stream and has not had it yet. */
  wants({ stream, position }: StoredEvent): boolean {
    return (
      position > (this.#checkpoint?.position ?? -1n) &&
      this.projection.streamPrefixes.some((prefix) => stream.startsWith(prefix))
    );
  }

  /**
   * Writes what it wants of a batch. @param considered how far the log was looked at, when that is beyond the last
   * event
   * @param decode how events are decoded, for who shares that with others
   * @throws when the fault is not an event's; nothing of the part that failed is stored then
   */
  async write(
    batch: readonly StoredEvent[],
    considered: bigint,
    signal: AbortSignal,
    decode: Codec['decode'] = this.dependencies.codec.decode,
  ): Promise<void> {
    const events = batch.filter((event) => this.wants(event));
    if (events.length > 0) await this.#divide(events, considered, signal, decode);
  }

  async #divide(
    events: readonly StoredEvent[],
    considered: bigint,
    signal: AbortSignal,
    decode: Codec['decode'],
  ): Promise<void> {
    try {
      await this.#store(events, considered, decode);
    } catch (error) {
      if (!isAnEventsFault(error)) throw error;
      const [only] = events;
      if (events.length === 1 && only) return this.#retryOrPark(only, considered, signal);
      const middle = events.length >> 1;
      await this.#divide(events.slice(0, middle), 0n, signal, decode);
      await this.#divide(events.slice(middle), considered, signal, decode);
    }
  }

  async #store(
    events: readonly StoredEvent[],
    considered: bigint,
    decode = this.dependencies.codec.decode,
  ): Promise<void> {
    const waiting = events.filter(({ stream }) => this.parked.has(stream));
    const decoded = await this.#decode(
      waiting.length === 0 ? events : events.filter(({ stream }) => !this.parked.has(stream)),
      decode,
    );
    await this.#commit(events, considered, async (db) => {
      if (decoded.length > 0) await this.projection.handle(decoded, db, generationSchema(this.generation));
      for (const event of waiting)
        await noteWaiting(db, this.generation, event, this.dependencies.subjects.deniedBy(event));
    });
  }

  async #commit(
    events: readonly StoredEvent[],
    considered: bigint,
    work: (db: Connection) => Promise<void>,
  ): Promise<void> {
    const last = events.at(-1);
    if (!last) return;
    const { pool, subjects, onApplied } = this.dependencies;
    const next: Checkpoint = { position: last.position, eventId: last.id };
    const store = async (db: Connection): Promise<void> => {
      await work(db);
      await moveCheckpoint(db, this.generation, this.#checkpoint, next, considered, events.length);
      await carryOutErasures(db, subjects, this.generation, events, () => this.#givenOf(events));
    };
    // Where it is built, rows and checkpoint are lost together in a crash, and built again.
    await inTransaction(pool, store, { isFlushed: this.generation.state !== 'building' });
    this.#checkpoint = next;
    onApplied?.(this.projection.name, events.length, this.generation.state);
  }

  #decode(events: readonly StoredEvent[], decode = this.dependencies.codec.decode): Promise<readonly RecordedEvent[]> {
    const wanted = events.filter(
      ({ id, type }) => !this.skipped.has(id) && wantedAs(this.projection, type) !== undefined,
    );
    return decode(wanted, (type) => (wantedAs(this.projection, type) === 'plain' ? 'plain' : 'data'));
  }

  /** Whose personal values the handlers are given of these events. */
  #givenOf(events: readonly StoredEvent[]): readonly string[] {
    return this.dependencies.codec.subjectsOf(events.filter(({ type }) => wantedAs(this.projection, type) === 'whole'));
  }

  async #retryOrPark(event: StoredEvent, considered: bigint, signal: AbortSignal): Promise<void> {
    let cause: unknown;
    for (const pause of RETRIES_MS) {
      await delay(pause, undefined, { signal });
      try {
        return await this.#store([event], considered);
      } catch (error) {
        if (!isAnEventsFault(error)) throw error;
        cause = error;
      }
    }
    if (this.parked.size >= MOST_PARKED) throw new TooManyParkedError(this.projection.name);
    const denied = this.dependencies.subjects.deniedBy(event);
    await this.#commit([event], considered, (db) => park(db, this.generation, event, causeOf(cause), denied));
    this.parked.add(event.stream);
    this.dependencies.logger.error(
      {
        projection: this.projection.name,
        stream: event.stream,
        revision: String(event.revision),
        type: event.type,
        cause: causeOf(cause),
        denied,
      },
      denied === undefined
        ? 'stream parked'
        : 'stream parked; its subject cannot sign in until it is retried or skipped',
    );
  }

  /** Does what operators asked for of parked streams. Never while a batch is written. */
  async takeUpParked(signal: AbortSignal): Promise<void> {
    if (this.parked.size === 0) return;
    for (const parked of await parkedIn(this.dependencies.pool, this.generation))
      if (parked.request !== null && !signal.aborted) await this.#takeUp(parked);
  }

  async #takeUp(parked: ParkedStream): Promise<void> {
    const { pool, logger } = this.dependencies;
    const skip = parked.request === 'skip';
    if (skip) await inTransaction(pool, (db) => skipParked(db, this.generation, parked));
    let from = skip ? parked.revision + 1n : parked.revision;
    const upTo = this.#checkpoint?.position ?? -1n;
    for (;;) {
      const read = await this.#readParked(parked, from);
      if (!read) return;
      const events = read.filter(({ position }) => position <= upTo);
      const isLast = read.length < TAKEN_UP_AT_ONCE || events.length < read.length;
      for (const event of events) if (!(await this.#applyParked(event))) return;
      if (isLast) break;
      from += BigInt(read.length);
    }
    await unpark(pool, this.generation, parked.stream);
    this.parked.delete(parked.stream);
    logger.warn(
      { projection: this.projection.name, stream: parked.stream, request: parked.request },
      'parked stream taken up',
    );
  }

  /**
   * @returns nothing where the stream cannot be read, such as one that was deleted in the store: it stays parked, and
   * the operator is told why
   */
  async #readParked({ stream }: ParkedStream, from: bigint): Promise<readonly StoredEvent[] | undefined> {
    const { store, pool } = this.dependencies;
    try {
      return await store.readStored(stream, { from, limit: TAKEN_UP_AT_ONCE });
    } catch (error) {
      if (!isAnEventsFault(error)) throw error;
      await refuseRequest(pool, this.generation, stream, causeOf(error));
      return undefined;
    }
  }

  /** Applies one event of a parked stream and moves the place from which it waits behind it, in one transaction. */
  async #applyParked(event: StoredEvent): Promise<boolean> {
    const { pool, subjects } = this.dependencies;
    try {
      const decoded = await this.#decode([event]);
      await inTransaction(pool, async (db) => {
        if (decoded.length > 0) await this.projection.handle(decoded, db, generationSchema(this.generation));
        await db.query(
          `UPDATE models.parked_streams SET revision = $4, waiting = greatest(0, waiting - 1)
           WHERE projection = $1 AND generation = $2 AND stream = $3`,
          [this.generation.projection, this.generation.generation, event.stream, event.revision + 1n],
        );
        await carryOutErasures(db, subjects, this.generation, [event], () => this.#givenOf([event]));
      });
      return true;
    } catch (error) {
      if (!isAnEventsFault(error)) throw error;
      await park(pool, this.generation, event, causeOf(error), subjects.deniedBy(event));
      return false;
    }
  }
}
