import { setTimeout as delay } from 'node:timers/promises';
import type { Codec, StoredEvent } from '#libs/event-store/codec.js';
import { latestEvents } from '#libs/event-store/read-log.js';
import type { RecordedEvent } from '#libs/event-store/recorded-event.js';
import type { Checkpoint } from '#libs/event-store/store-identity.js';
import type { Connection } from '#libs/platform/postgres/pool.js';
import { inTransaction } from '#libs/platform/postgres/pool.js';
import { causeOf, failureOf, isAnEventsFault, RETRIES_MS } from './causes.js';
import { carryOutErasures } from './erasure.postgres.js';
import { generationSchema, liveGeneration, moveCheckpoint } from './generations.postgres.js';
import type { Generation } from './generations.postgres.js';
import { ParkedCauses } from './parked-causes.js';
import type { Failure } from './parked-causes.js';
import {
  dueIn,
  makeDueForBuild,
  noteOrganizations,
  noteUnreadable,
  noteWaiting,
  organizationsOf,
  park,
  parkedIn,
  skipParked,
  skippedEvents,
  unpark,
} from './parked.postgres.js';
import type { ParkedStream, Parking } from './parked.postgres.js';
import { wantedAs } from './projection.js';
import type { Projection } from './projection.js';
import type { ProjectionDependencies } from './projection-dependencies.js';
import { MOST_FAILED_AT_ONCE, MOST_HEALED_AT_ONCE, retryAfterMs, TAKEN_UP_AT_ONCE } from './retries.js';

const READ_AT_ONCE = 500;
/** So many events that were applied before are tried, to see whether the handlers are at fault. */
const TRIED_AGAIN = 50;
/** Where a handler inserts without asking, an event that was applied before fails so: that says nothing of it. */
const UNIQUE_VIOLATION = ' 23505';

/** The handlers, not single events, are at fault: nothing more is parked, and the read model stops. */
export class ReadModelDefectError extends Error {
  constructor(projection: string, failure: string, reason: string) {
    super(`${projection}: ${reason} (${failure}); the read model stops until a release can apply the event`);
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
    private readonly parked: ParkedCauses,
    private readonly skipped: ReadonlySet<string>,
    private readonly organizations: Set<string>,
  ) {
    this.#checkpoint = generation.checkpoint;
  }

  static async open(
    dependencies: ProjectionDependencies,
    projection: Projection,
    generation: Generation,
  ): Promise<GenerationWriter> {
    const { pool, build } = dependencies;
    if (generation.state === 'live') await makeDueForBuild(pool, generation, build);
    const parked = (await parkedIn(pool, generation)).map((each) => [each.stream, each] as const);
    return new GenerationWriter(
      dependencies,
      projection,
      generation,
      new ParkedCauses(parked),
      await skippedEvents(pool, generation),
      await organizationsOf(pool, projection.name),
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
      if (events.length === 1 && only) return this.#retryOrPark(only, considered, signal, error);
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
      const { deniedBy, erasedBy } = this.dependencies.subjects;
      for (const event of waiting)
        await noteWaiting(db, this.generation, event, deniedBy(event), erasedBy(event) !== undefined);
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
    const organizations = this.#newAmong(events);
    const store = async (db: Connection): Promise<void> => {
      await work(db);
      if (organizations.length > 0) await noteOrganizations(db, this.projection.name, organizations);
      await moveCheckpoint(db, this.generation, this.#checkpoint, next, considered, events.length);
      await carryOutErasures(db, subjects, this.generation, events, () => this.#givenOf(events));
    };
    // Where it is built, rows and checkpoint are lost together in a crash, and built again.
    await inTransaction(pool, store, { isFlushed: this.generation.state !== 'building' });
    this.#checkpoint = next;
    for (const each of organizations) this.organizations.add(each);
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

  #organizationOf(event: StoredEvent): string | null {
    return this.dependencies.subjects.organizationOf(event);
  }

  /** Organizations that the read model has had no event of before these. */
  #newAmong(events: readonly StoredEvent[]): readonly string[] {
    const named = new Set(events.map((event) => this.#organizationOf(event)).filter((each) => each !== null));
    return [...named].filter((each) => !this.organizations.has(each));
  }

  /** A cause that is known already is not waited for: a client that sends it a thousand times holds nobody up. */
  async #retryOrPark(event: StoredEvent, considered: bigint, signal: AbortSignal, first: unknown): Promise<void> {
    let error = first;
    for (const pause of RETRIES_MS) {
      if (this.parked.streamsOf(failureOf(event.type, error)) > 0) break;
      await delay(pause, undefined, { signal });
      try {
        return await this.#store([event], considered);
      } catch (again) {
        if (!isAnEventsFault(again)) throw again;
        error = again;
      }
    }
    const parking = this.#parkingOf(event, error);
    await this.#throwOnDefect(event, parking);
    await this.#commit([event], considered, (db) => park(db, this.generation, event, parking));
    this.parked.set(event.stream, parking);
    const { failure, cause, organizationId, deniedSubject: denied } = parking;
    this.dependencies.logger.error(
      {
        projection: this.projection.name,
        stream: event.stream,
        revision: String(event.revision),
        type: event.type,
        failure,
        cause,
        organizationId,
        denied,
      },
      denied === undefined ? 'stream parked' : 'stream parked; its subject cannot sign in until it goes on',
    );
  }

  #parkingOf(event: StoredEvent, error: unknown, tries = 0): Parking {
    const { subjects, build } = this.dependencies;
    return {
      failure: failureOf(event.type, error),
      cause: causeOf(error),
      organizationId: this.#organizationOf(event),
      deniedSubject: subjects.deniedBy(event),
      build,
      tries,
      pauseMs: this.#pauseMs(tries),
    };
  }

  #pauseMs(tries: number): number {
    return (this.dependencies.retryAfterMs ?? retryAfterMs)(tries);
  }

  /**
   * However many streams a client makes fail, they are parked and the others go on. What no input explains is a defect
   * of ours, and everybody whose streams would be parked for it would be kept from signing in: the read model stops
   * (decision 0162). @throws {ReadModelDefectError}
   */
  async #throwOnDefect(event: StoredEvent, failed: Failure): Promise<void> {
    const { name } = this.projection;
    const { organizationId } = failed;
    const organizations = new Set([...this.organizations, ...(organizationId === null ? [] : [organizationId])]);
    if (this.parked.isDefectWith(failed, organizations))
      throw new ReadModelDefectError(name, failed.failure, 'events fail in many different ways');
    if (!this.parked.isToBeLookedInto(failed.failure)) return;
    const { tried, refused } = await this.#tryAgain(event.type, failed.failure);
    if (refused * 2 > tried)
      throw new ReadModelDefectError(
        name,
        failed.failure,
        `${refused} of ${tried} events that it had taken are refused now`,
      );
    this.parked.noteLookedInto(failed.failure);
  }

  /**
   * Tries the latest events of a type that the live generation has applied, one of each stream, and leaves nothing of
   * it.
   */
  async #tryAgain(type: string, failure: string): Promise<{ readonly tried: number; readonly refused: number }> {
    const { pool, connection } = this.dependencies;
    const live = await liveGeneration(pool, this.projection.name);
    if (!live?.checkpoint || failure.includes(UNIQUE_VIOLATION)) return { tried: 0, refused: 0 };
    const parked = new ParkedCauses((await parkedIn(pool, live)).map((each) => [each.stream, each] as const));
    const seen = new Set<string>();
    const taken = await latestEvents(connection, live.checkpoint.position, (event) => {
      const isWanted = event.type === type && !parked.has(event.stream) && !seen.has(event.stream);
      if (isWanted) seen.add(event.stream);
      return isWanted && this.projection.streamPrefixes.some((prefix) => event.stream.startsWith(prefix));
    });
    const tried = taken.filter(({ id }) => !this.skipped.has(id)).slice(0, TRIED_AGAIN);
    let refused = 0;
    for (const event of tried) if ((await this.#failureOfTrying(event)) === failure) refused += 1;
    return { tried: tried.length, refused };
  }

  async #failureOfTrying(event: StoredEvent): Promise<string | undefined> {
    const tried = new Error('tried, not applied');
    try {
      const decoded = await this.#decode([event]);
      await inTransaction(this.dependencies.pool, async (db) => {
        if (decoded.length > 0) await this.projection.handle(decoded, db, generationSchema(this.generation));
        throw tried;
      });
    } catch (error) {
      if (error === tried) return undefined;
      if (!isAnEventsFault(error)) throw error;
      return failureOf(event.type, error);
    }
    return undefined;
  }

  /**
   * Tries again what operators asked for, what another build parked, and what has waited long enough. Never while a
   * batch is written. Nothing is asked of the database while nothing is parked.
   */
  async takeUpParked(signal: AbortSignal): Promise<void> {
    let [failed, healed] = [0, 0];
    while (this.parked.size > 0 && failed < MOST_FAILED_AT_ONCE && healed < MOST_HEALED_AT_ONCE) {
      const due = await dueIn(this.dependencies.pool, this.generation, TAKEN_UP_AT_ONCE);
      for (const parked of due) {
        if (signal.aborted || (failed >= MOST_FAILED_AT_ONCE && parked.request === null)) return;
        if (await this.#takeUp(parked)) healed += 1;
        else failed += 1;
      }
      if (due.length < TAKEN_UP_AT_ONCE) return;
    }
  }

  /** @returns whether the stream goes on */
  async #takeUp(parked: ParkedStream): Promise<boolean> {
    const { pool, logger } = this.dependencies;
    const skip = parked.request === 'skip';
    if (skip) await inTransaction(pool, (db) => skipParked(db, this.generation, parked));
    let from = skip ? parked.revision + 1n : parked.revision;
    const upTo = this.#checkpoint?.position ?? -1n;
    for (;;) {
      const read = await this.#readParked(parked, from);
      if (!read) return false;
      const events = read.filter(({ position }) => position <= upTo);
      const isLast = read.length < READ_AT_ONCE || events.length < read.length;
      for (const event of events) if (!(await this.#applyParked(event, parked))) return false;
      if (isLast) break;
      from += BigInt(read.length);
    }
    await unpark(pool, this.generation, parked.stream);
    this.parked.delete(parked.stream);
    logger.warn(
      { projection: this.projection.name, stream: parked.stream, request: parked.request, tries: parked.tries },
      'parked stream taken up',
    );
    return true;
  }

  /**
   * @returns nothing where the stream cannot be read, such as one that was deleted in the store: it stays parked, and
   * the operator is told why
   */
  async #readParked({ stream, tries }: ParkedStream, from: bigint): Promise<readonly StoredEvent[] | undefined> {
    const { store, pool, build } = this.dependencies;
    try {
      return await store.readStored(stream, { from, limit: READ_AT_ONCE });
    } catch (error) {
      if (!isAnEventsFault(error)) throw error;
      const again = { cause: causeOf(error), build, tries: tries + 1, pauseMs: this.#pauseMs(tries + 1) };
      await noteUnreadable(pool, this.generation, stream, again);
      return undefined;
    }
  }

  /** Applies one event of a parked stream and moves the place from which it waits behind it, in one transaction. */
  async #applyParked(event: StoredEvent, parked: ParkedStream): Promise<boolean> {
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
        const isLate = { isLate: true };
        await carryOutErasures(db, subjects, this.generation, [event], () => this.#givenOf([event]), isLate);
      });
      return true;
    } catch (error) {
      if (!isAnEventsFault(error)) throw error;
      const again = this.#parkingOf(event, error, event.revision === parked.revision ? parked.tries + 1 : 0);
      await park(pool, this.generation, event, again);
      this.parked.set(event.stream, again);
      return false;
    }
  }
}
