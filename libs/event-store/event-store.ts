import { AsyncLocalStorage } from 'node:async_hooks';
import { BACKWARDS, END, FORWARDS, jsonEvent, StreamNotFoundError } from '@eventstore/db-client';
import type {
  AppendResult as ClientAppended,
  EventStoreDBClient,
  JSONType,
  ResolvedEvent,
} from '@eventstore/db-client';
import type { Clock } from '#libs/platform/clock.js';
import { askTogether } from '#libs/platform/ask-together.js';
import { remainingMs } from '#libs/platform/deadline.js';
import type { NewId } from '#libs/platform/ids.js';
import { appendUntilKnown } from './append-protocol.js';
import type { Codec, EncodedEvent, StoredEvent } from './codec.js';
import type { DomainEvent } from './event-definition.js';
import type { CommandContext } from './event-metadata.js';
import type { RecordedEvent, Revision } from './recorded-event.js';
import { isStreamName } from './stream-name.js';
import type { StreamName } from './stream-name.js';
import { actualRevisionOf, classify, StoreAwayError, StoreRefusedError, UnknownOutcomeError } from './store-errors.js';
import type { StoreConnection } from './store-connection.js';

/** Below EventStoreDB's default limit of 1 MiB for one append, with room for its own framing. */
const MAX_APPEND_BYTES = 1_000_000;

export interface AppendRequest {
  readonly stream: StreamName;
  /** The exact revision that the decision was made at; `any` and `stream_exists` are never used (H4). */
  readonly expectedRevision: Revision;
  readonly events: readonly DomainEvent[];
  readonly context: CommandContext;
  /** Whose key encrypts personal fields of these events. */
  readonly subject: string;
}

export type AppendResult =
  | { readonly kind: 'appended'; readonly revision: bigint; readonly position: bigint }
  | { readonly kind: 'conflict'; readonly actual: Revision };

export interface ReadOptions {
  /** First revision to read (forwards) or to begin from (backwards); the stream's beginning or end unless told. */
  readonly from?: bigint;
  readonly direction?: 'forwards' | 'backwards';
  readonly limit?: number;
}

export interface EventStoreOptions {
  readonly connection: StoreConnection;
  readonly codec: Codec;
  readonly clock: Clock;
  readonly newId: NewId;
  /** Upper bound for learning what became of an append, in milliseconds; 8,000 unless told. */
  readonly appendDeadlineMs?: number;
}

/** Reading and appending, by the append protocol of the design; the only way to write. */
export class EventStore {
  /**
   * What is to be appended while appends are under way leaves together: fewer and larger messages, and commits of the
   * store, under load. Each has its own outcome.
   */
  readonly #together = askTogether<() => Promise<ClientAppended>, ClientAppended>(
    (appends) => Promise.all(appends.map((append) => append().catch((error: Error) => error))),
    () => false,
  );

  constructor(private readonly options: EventStoreOptions) {}

  /**
   * Reads a stream at the leader, decoded. A stream that does not exist reads as empty.
   * @throws {StoreAwayError} when the store does not answer
   */
  async read(stream: StreamName, options: ReadOptions = {}): Promise<readonly RecordedEvent[]> {
    return this.options.codec.decode(await this.readStored(stream, options));
  }

  /**
   * Appends events in one batch at an exact revision, and finds out what became of them.
   * @throws {UnknownOutcomeError} when that could not be learned in time; {StoreAwayError} when nothing was sent;
   * {StoreRefusedError} when the
   *   store will never take it
   */
  async append(request: AppendRequest): Promise<AppendResult> {
    const { clock, newId, codec, connection } = this.options;
    const occurredAt = clock();
    const encoded: EncodedEvent[] = [];
    for (const event of request.events) {
      encoded.push(
        await codec.encode({
          id: newId(),
          event,
          stream: request.stream,
          occurredAt,
          context: request.context,
          subject: request.subject,
        }),
      );
    }
    checkAppend(request.stream, encoded);
    const deadline = Date.now() + Math.min(this.options.appendDeadlineMs ?? 8_000, remainingMs());
    let tries = 0;
    const outcome = await appendUntilKnown(
      encoded.map((event) => event.id),
      {
        tryAppend: async () => {
          try {
            const send = (): Promise<ClientAppended> =>
              connection.append((client, timeoutMs) => {
                tries += 1;
                if (tries > 1) connection.observer.appendRetried();
                return appendOnce(client, request, encoded, timeoutMs);
              });
            // Bound: whoever it leaves with, the deadline is that of the request which it serves.
            const result = await this.#together(AsyncLocalStorage.bind(send));
            return {
              kind: 'appended',
              revision: result.nextExpectedRevision,
              position:
                result.position?.commit ?? (await this.#positionOf(request.stream, result.nextExpectedRevision)),
            };
          } catch (error) {
            const kind = classify(error);
            if (kind === 'conflict') return { kind: 'conflict', actual: actualRevisionOf(error) ?? 'no_stream' };
            if (kind === 'away' && tries === 0) throw error;
            // What refuses a second try says nothing about the first.
            if (kind === 'refused' && tries <= 1)
              throw new StoreRefusedError(`The event store refused to append to ${request.stream}`, { cause: error });
            if (kind === 'broken' && tries <= 1) throw error;
            return { kind: 'unknown_outcome', cause: error };
          }
        },
        readAfterExpected: async (count) => {
          const from = request.expectedRevision === 'no_stream' ? 0n : request.expectedRevision + 1n;
          try {
            return await this.readStored(request.stream, { from, limit: count });
          } catch {
            return undefined;
          }
        },
        pause: async () => {
          await connection.whenReady(deadline);
          await new Promise((resolve) => setTimeout(resolve, 20));
        },
      },
      () => Date.now() >= deadline,
    );
    if (outcome.kind === 'unknown') throw new UnknownOutcomeError({ cause: outcome.cause });
    const last = encoded.at(-1);
    if (outcome.kind === 'appended' && last) connection.noteStored({ position: outcome.position, eventId: last.id });
    return outcome;
  }

  /** Reads a stream without decoding it; requires the leader, and retries once when another node names it (H8). */
  async readStored(stream: StreamName, options: ReadOptions = {}): Promise<readonly StoredEvent[]> {
    if (!isStreamName(stream)) throw new StoreRefusedError('A stream name must be <category>-<id>; nothing was sent');
    return this.#atTheLeader((client, timeoutMs) => readAllOf(client, stream, options, timeoutMs));
  }

  /**
   * The position of the last event in the log, whosever it is, read at the leader: what is stored later has a higher
   * one. 0 in an empty log.
   * @throws {StoreAwayError} when the store does not answer
   */
  async endOfLog(): Promise<bigint> {
    return this.#atTheLeader(async (client, deadline) => {
      let end = 0n;
      const last = client.readAll({
        direction: BACKWARDS,
        fromPosition: END,
        maxCount: 1,
        requiresLeader: true,
        deadline,
      });
      for await (const { event } of last) end = event?.position?.commit ?? end;
      return end;
    });
  }

  /**
   * Reads the log, whosever the events, from the event at a position on, at the leader; those at `wanted` positions are
   * decoded.
   * @param limit how many events to look at
   * @returns the wanted ones that were met, and how many were looked at
   * @throws {StoreAwayError} when the store does not answer; what the client throws when there is no event at `from`
   */
  async readLog(
    from: bigint,
    limit: number,
    wanted: ReadonlySet<bigint>,
  ): Promise<{ readonly events: readonly RecordedEvent[]; readonly lookedAt: number }> {
    const { stored, lookedAt } = await this.#atTheLeader(async (client, deadline) => {
      const met: StoredEvent[] = [];
      let looked = 0;
      const fromPosition = { commit: from, prepare: from };
      for await (const resolved of client.readAll({ fromPosition, maxCount: limit, requiresLeader: true, deadline })) {
        looked += 1;
        if (wanted.has(resolved.event?.position?.commit ?? -1n)) met.push(storedFrom(resolved));
      }
      return { stored: met, lookedAt: looked };
    });
    return { events: await this.options.codec.decode(stored), lookedAt };
  }

  /** Runs a read, which retries once when another node than the one asked is the leader (H8). */
  async #atTheLeader<T>(request: (client: EventStoreDBClient, timeoutMs: number) => Promise<T>): Promise<T> {
    const { connection } = this.options;
    try {
      return await connection.read(request);
    } catch (error) {
      const kind = classify(error);
      if (kind !== 'unknown_outcome' && kind !== 'away') throw error;
      try {
        return await connection.read(request);
      } catch (again) {
        throw new StoreAwayError({ cause: again });
      }
    }
  }

  async #positionOf(stream: StreamName, revision: bigint): Promise<bigint> {
    const [event] = await this.readStored(stream, { from: revision, limit: 1 });
    if (!event) throw new StoreAwayError();
    return event.position;
  }
}

/** H1: what reaches the client must be something that the server answers once. */
const checkAppend = (stream: string, events: readonly EncodedEvent[]): void => {
  if (!isStreamName(stream)) throw new StoreRefusedError('A stream name must be <category>-<id>; nothing was sent');
  if (events.length === 0) throw new StoreRefusedError('An append needs at least one event; nothing was sent');
  if (events.some((event) => event.type.trim() === ''))
    throw new StoreRefusedError('An event type must not be empty; nothing was sent');
  const bytes = events.reduce((sum, event) => sum + Buffer.byteLength(JSON.stringify(event)), 0);
  if (bytes > MAX_APPEND_BYTES)
    throw new StoreRefusedError(
      `An append of ${bytes} bytes is over the limit of ${MAX_APPEND_BYTES}; nothing was sent`,
    );
};

const appendOnce = (
  client: EventStoreDBClient,
  request: AppendRequest,
  events: readonly EncodedEvent[],
  deadline: number,
) =>
  client.appendToStream(
    request.stream,
    events.map(({ id, type, data, metadata }) => jsonEvent({ id, type, data: data as JSONType & object, metadata })),
    { expectedRevision: request.expectedRevision, requiresLeader: true, deadline },
  );

const readAllOf = async (
  client: EventStoreDBClient,
  stream: StreamName,
  options: ReadOptions,
  deadline: number,
): Promise<readonly StoredEvent[]> => {
  const backwards = options.direction === 'backwards';
  const stored: StoredEvent[] = [];
  try {
    for await (const resolved of client.readStream(stream, {
      direction: backwards ? BACKWARDS : FORWARDS,
      fromRevision: options.from ?? (backwards ? 'end' : 'start'),
      ...(options.limit === undefined ? {} : { maxCount: options.limit }),
      requiresLeader: true,
      deadline,
    })) {
      stored.push(storedFrom(resolved));
    }
  } catch (error) {
    if (error instanceof StreamNotFoundError) return [];
    throw error;
  }
  return stored;
};

/**
 * What the store keeps, as JSON. What is not is handed on without its content, which the codec then refuses: somebody
 * else wrote it, or deleted the stream for good (`$streamDeleted`), and that must stop this stream and no other.
 * @throws when the store answers an event without a position
 */
export const storedFrom = ({ event }: Pick<ResolvedEvent, 'event'>): StoredEvent => {
  const position = (event as { position?: { commit: bigint } } | undefined)?.position;
  if (!event || !position) throw new Error(`Event ${event?.revision} of ${event?.streamId} came without its position`);
  const { data, metadata } = event.isJson ? event : {};
  return {
    id: event.id,
    type: event.type,
    stream: event.streamId as StreamName,
    revision: event.revision,
    position: position.commit,
    data: (data ?? {}) as Record<string, unknown>,
    metadata: (metadata ?? {}) as Record<string, unknown>,
  };
};
