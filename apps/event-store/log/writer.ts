import type { Clock } from '#libs/platform/clock.js';
import type { NewId } from '#libs/platform/ids.js';
import type { Logger } from '#libs/platform/logger.js';
import type { HazardSwitches } from '../hazards/switches.js';
import type { ExpectedRevision } from './event.js';
import { CommitPlan, idsNeededBy, streamsNeededBy } from './commit-plan.js';
import { insertEvents, loadKnownPlaces, loadLogEnd } from './events.postgres.js';
import { firstEventOfALog } from './first-event.js';
import { HeadCache } from './head-cache.js';
import { LOG_START } from './position.js';
import { loadStreamHeads } from './stream-head.js';
import type { LogTail } from './tail.js';
import { WriterSession } from './writer-session.js';
import type { Write, WriteOutcome } from './write.js';

export interface WriterOptions {
  /** Connection URL of the role that owns schema `log`. */
  readonly databaseUrl: string;
  readonly tail: LogTail;
  readonly clock: Clock;
  readonly newId: NewId;
  readonly logger: Logger;
  /** Told of each group that was stored: number of events and writes, and how long it took, in seconds. */
  readonly onCommit?: (group: { readonly events: number; readonly writes: number; readonly seconds: number }) => void;
  /** For tests only. */
  readonly switches?: HazardSwitches;
}

interface PendingWrite {
  readonly write: Write;
  readonly settle: (outcome: WriteOutcome) => void;
}

/** One transaction takes no more than this; what waits beyond goes into the next. */
const GROUP_MAX_EVENTS = 2_000;
const GROUP_MAX_BYTES = 4 * 1024 * 1024;
const RECONNECT_MS = 250;

/**
 * The one writer of the log. Writes that wait together are decided in order and stored in one transaction (group
 * commit); each is answered after the commit. When the outcome of a commit is not known, everything in it is answered
 * `unavailable`, and the writer starts again from what PostgreSQL has.
 */
export class LogWriter {
  readonly #heads = new HeadCache();
  #queue: PendingWrite[] = [];
  #session: WriterSession | undefined;
  #flush: Promise<void> | undefined;
  #recovery: Promise<void> | undefined;
  #stopping = false;

  private constructor(private readonly options: WriterOptions) {}

  /**
   * Takes the writer lock and finds the end of the log; writes the first event of a new one.
   * @param prepare what only the writer may do, once it has the lock: bringing the schema up to date
   * @throws AnotherWriterError when another node has this log
   */
  static async start(options: WriterOptions, prepare: () => Promise<void>): Promise<LogWriter> {
    const writer = new LogWriter(options);
    const session = await writer.#openSession();
    try {
      await prepare();
      await writer.#resume(session);
      if (options.tail.end === LOG_START) {
        const { kind } = await writer.write(firstEventOfALog(options.newId(), options.clock()));
        if (kind !== 'written') throw new Error('PostgreSQL went away while the log was made');
      }
      return writer;
    } catch (error) {
      writer.#stopping = true;
      await session.close();
      throw error;
    }
  }

  /** Whether writes can be taken now; not while PostgreSQL is away. */
  get available(): boolean {
    return this.#session !== undefined && !this.#stopping;
  }

  /** Never rejects. */
  write(write: Write): Promise<WriteOutcome> {
    if (!this.available) return Promise.resolve({ kind: 'unavailable' });
    return new Promise((settle) => {
      this.#queue.push({ write, settle });
      // On the next turn of the event loop: what arrives in this one goes into the same transaction.
      this.#flush ??= new Promise<void>((resolve) => setImmediate(resolve)).then(() => this.#flushQueue());
    });
  }

  /** Stores what waits, then gives up the lock. */
  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#flush;
    await this.#session?.close();
    this.#session = undefined;
    await this.#recovery;
  }

  async #flushQueue(): Promise<void> {
    try {
      while (this.#queue.length > 0 && this.#session !== undefined)
        await this.#commit(this.#session, this.#takeGroup());
    } finally {
      this.#flush = undefined;
    }
  }

  #takeGroup(): PendingWrite[] {
    let writes = 0;
    let events = 0;
    let bytes = 0;
    for (const { write } of this.#queue) {
      if (writes > 0 && (events >= GROUP_MAX_EVENTS || bytes >= GROUP_MAX_BYTES)) break;
      writes += 1;
      if (write.kind !== 'append') continue;
      events += write.events.length;
      for (const event of write.events) bytes += event.data.length + event.metadata.length;
    }
    return this.#queue.splice(0, writes);
  }

  async #commit(session: WriterSession, group: readonly PendingWrite[]): Promise<void> {
    const { tail, clock, newId, logger, onCommit } = this.options;
    const startedMs = performance.now();
    try {
      await this.#loadHeads(session, group);
      const known = await loadKnownPlaces(
        session.connection,
        group.flatMap(({ write }) => {
          const head = this.#heads.get(write.stream);
          if (this.options.switches?.forgetIdsOfAny && write.kind === 'append' && isWithoutRevision(write.expected))
            return [];
          return head === undefined ? [] : idsNeededBy(write, head);
        }),
      );
      const plan = new CommitPlan((stream) => this.#heads.get(stream), known, tail.end, clock().getTime(), newId);
      const outcomes = group.map(({ write }) => plan.add(write));
      if (plan.events.length > 0) await insertEvents(session.connection, plan.events);
      for (const [stream, head] of plan.movedHeads) this.#heads.set(stream, head);
      this.#heads.trim();
      tail.append(plan.events);
      for (const [index, { settle }] of group.entries()) settle(outcomes[index] as WriteOutcome);
      onCommit?.({ events: plan.events.length, writes: group.length, seconds: (performance.now() - startedMs) / 1000 });
    } catch (error) {
      logger.error({ err: error, writes: group.length }, 'A commit failed; its writes are answered "unavailable"');
      for (const { settle } of group) settle({ kind: 'unavailable' });
      this.#recover(session);
    }
  }

  async #loadHeads(session: WriterSession, group: readonly PendingWrite[]): Promise<void> {
    const missing = new Set<string>();
    for (const { write } of group) {
      for (const stream of streamsNeededBy(write)) if (this.#heads.get(stream) === undefined) missing.add(stream);
    }
    if (missing.size === 0) return;
    for (const [stream, head] of await loadStreamHeads(session.connection, [...missing])) this.#heads.set(stream, head);
  }

  #openSession(): Promise<WriterSession> {
    const session = WriterSession.open(this.options.databaseUrl, (error) => {
      this.options.logger.error({ err: error }, 'The connection to PostgreSQL is lost');
      // One that was lost before it was open is whoever opens it told of.
      void session.then(
        (lost) => this.#recover(lost),
        () => undefined,
      );
    });
    return session;
  }

  async #resume(session: WriterSession): Promise<void> {
    this.#heads.clear();
    this.options.tail.reset(await loadLogEnd(session.connection));
    this.#session = session;
  }

  /**
   * Leaves a session whose state is unknown: refuses what waits, and keeps trying for another session until it has one.
   */
  #recover(lost: WriterSession): void {
    if (this.#session !== lost) return;
    this.#session = undefined;
    for (const { settle } of this.#queue.splice(0)) settle({ kind: 'unavailable' });
    this.#recovery = this.#reconnect(lost).finally(() => {
      this.#recovery = undefined;
    });
  }

  async #reconnect(lost: WriterSession): Promise<void> {
    await lost.close();
    while (!this.#stopping && this.#session === undefined) {
      try {
        const session = await this.#openSession();
        if (this.#stopping) await session.close();
        else await this.#resume(session);
        this.options.logger.info('The writer is connected to PostgreSQL again');
      } catch (error) {
        this.options.logger.warn({ err: error }, 'The writer cannot reach PostgreSQL; trying again');
        await new Promise((resolve) => setTimeout(resolve, RECONNECT_MS));
      }
    }
  }
}

const isWithoutRevision = (expected: ExpectedRevision): boolean => expected === 'any' || expected === 'stream_exists';
