import { z } from 'zod';
import { userActivityStream, userStream } from '#libs/accounts/streams.js';
import type { EventStore } from '#libs/event-store/event-store.js';
import type { Actor, Source } from '#libs/event-store/event-metadata.js';
import type { RecordedEvent } from '#libs/event-store/recorded-event.js';
import type { StreamName } from '#libs/event-store/stream-name.js';
import { sentenceFor } from './sentences.js';

/** One event of a user's history, as it was stored. */
export interface HistoryEntry {
  /** Commit position; order is position, always. A decimal string, because it may exceed what JSON numbers hold. */
  readonly position: string;
  readonly eventId: string;
  /** ISO 8601, UTC. */
  readonly occurredAt: string;
  readonly type: string;
  readonly sentence: string;
  readonly actor: Actor;
  readonly organizationId?: string | undefined;
  readonly providerId?: string | undefined;
  readonly clientId?: string | undefined;
  readonly source?: Source | undefined;
  readonly correlationId: string;
  readonly payload: object;
  /** Fields that can no longer be read because their subject was erased. */
  readonly erased: readonly string[];
}

export const historyQuerySchema = z.strictObject({
  /** Event types, comma-separated. */
  types: z
    .string()
    .max(1_000)
    .transform((types) => new Set(types.split(',')))
    .optional(),
  from: z.iso.datetime().optional(),
  to: z.iso.datetime().optional(),
  /** A cursor from an earlier answer. */
  after: z.string().max(2_000).optional(),
  limit: z.coerce.number().int().min(1).max(1_000).default(100),
  order: z.enum(['asc', 'desc']).default('asc'),
});
export type HistoryQuery = z.output<typeof historyQuerySchema>;

export interface HistoryPage {
  readonly entries: readonly HistoryEntry[];
  /** Where to go on; missing when everything there is was read. Stays valid while events arrive. */
  readonly next?: string;
}

/** The cursor is not one that this query gave out. */
export class InvalidCursorError extends Error {
  readonly code = 'invalid_cursor';
}

/** Stop filtering after this many events, so that a rare filter on a long stream answers in pieces instead of late. */
const MAX_SCANNED = 5_000;

const MAX_REVISION = 2n ** 63n - 1n;

const cursorSchema = z.strictObject({
  order: z.enum(['asc', 'desc']),
  next: z.record(
    z.string(),
    z.string().refine((revision) => revision === 'end' || (/^\d{1,19}$/.test(revision) && BigInt(revision) <= MAX_REVISION)),
  ),
});

/**
 * A user's history: the replayed streams, merged by position (never a copy of them). Costs what a page costs, whatever the streams' length.
 */
export const readHistory = async (store: EventStore, userId: string, query: HistoryQuery): Promise<HistoryPage> => {
  const direction = query.order === 'asc' ? 'forwards' : 'backwards';
  const streams = [userStream(userId), userActivityStream(userId)];
  const resume = query.after === undefined ? undefined : parseCursor(query.after, query.order, streams);
  const sources = streams.map((stream) => new StreamReader(store, stream, direction, query.limit, resume?.[stream]));
  const entries: HistoryEntry[] = [];
  for (let scanned = 0; scanned < MAX_SCANNED && entries.length < query.limit; scanned += 1) {
    const nearest = await nextInOrder(sources, query.order);
    if (!nearest) break;
    const recorded = nearest.take();
    if (matches(recorded, query)) entries.push(entryOf(recorded));
  }
  const more = (await nextInOrder(sources, query.order)) !== undefined;
  return more ? { entries, next: cursorOf(sources, query.order) } : { entries };
};

const nextInOrder = async (sources: readonly StreamReader[], order: HistoryQuery['order']): Promise<StreamReader | undefined> => {
  let best: { source: StreamReader; position: bigint } | undefined;
  for (const source of sources) {
    const head = await source.peek();
    if (!head) continue;
    const sooner = !best || (order === 'asc' ? head.position < best.position : head.position > best.position);
    if (sooner) best = { source, position: head.position };
  }
  return best?.source;
};

const matches = ({ event, metadata }: RecordedEvent, { types, from, to }: HistoryQuery): boolean =>
  (!types || types.has(event.type)) &&
  (!from || Date.parse(metadata.occurredAt) >= Date.parse(from)) &&
  (!to || Date.parse(metadata.occurredAt) <= Date.parse(to));

const entryOf = (recorded: RecordedEvent): HistoryEntry => {
  const { event, metadata } = recorded;
  return {
    position: recorded.position.toString(),
    eventId: recorded.id,
    occurredAt: metadata.occurredAt,
    type: event.type,
    sentence: sentenceFor(event),
    actor: metadata.actor,
    organizationId: metadata.organizationId,
    providerId: (event.data as { providerId?: string }).providerId,
    clientId: metadata.clientId,
    source: metadata.source,
    correlationId: metadata.$correlationId,
    payload: event.data,
    erased: recorded.erased,
  };
};

/** Where each stream goes on: a revision, or `end` of a stream read backwards to its beginning. */
const cursorOf = (sources: readonly StreamReader[], order: HistoryQuery['order']): string =>
  Buffer.from(JSON.stringify({ order, next: Object.fromEntries(sources.map((source) => [source.stream, source.next()])) })).toString(
    'base64url',
  );

const parseCursor = (cursor: string, order: HistoryQuery['order'], streams: readonly StreamName[]): Readonly<Record<string, string>> => {
  try {
    const parsed = cursorSchema.parse(JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8')));
    if (parsed.order !== order) throw new InvalidCursorError('The cursor belongs to the other order');
    if (streams.some((stream) => parsed.next[stream] === undefined)) throw new InvalidCursorError('The cursor belongs to another history');
    return parsed.next;
  } catch {
    throw new InvalidCursorError('This is not a cursor of this query; begin again without "after"');
  }
};

/** Reads a stream piece by piece in one direction, one event ahead. */
class StreamReader {
  #buffer: RecordedEvent[] = [];
  #from: bigint | undefined;
  #exhausted: boolean;

  constructor(
    private readonly store: EventStore,
    readonly stream: StreamName,
    private readonly direction: 'forwards' | 'backwards',
    private readonly chunk: number,
    resumeAt: string | undefined,
  ) {
    this.#exhausted = resumeAt === 'end';
    this.#from = resumeAt === undefined || resumeAt === 'end' ? undefined : BigInt(resumeAt);
  }

  async peek(): Promise<RecordedEvent | undefined> {
    if (this.#buffer.length === 0 && !this.#exhausted) {
      this.#buffer = [
        ...(await this.store.read(this.stream, {
          direction: this.direction,
          limit: this.chunk + 1,
          ...(this.#from === undefined ? {} : { from: this.#from }),
        })),
      ];
      if (this.#buffer.length <= this.chunk) this.#exhausted = true;
      const last = this.#buffer.at(-1);
      if (last) this.#from = this.#after(last.revision);
      if (this.#from !== undefined && this.#from < 0n) this.#exhausted = true;
    }
    return this.#buffer[0];
  }

  take(): RecordedEvent {
    const taken = this.#buffer.shift();
    if (!taken) throw new Error('take() follows a peek() that found an event');
    return taken;
  }

  /** The revision to go on from. */
  next(): string {
    const head = this.#buffer[0];
    if (head) return head.revision.toString();
    if (this.#from !== undefined && this.#from >= 0n) return this.#from.toString();
    return this.direction === 'forwards' ? '0' : 'end';
  }

  #after(revision: bigint): bigint {
    return this.direction === 'forwards' ? revision + 1n : revision - 1n;
  }
}
