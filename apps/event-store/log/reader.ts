import type { QueryResultRow } from 'pg';
import type { Queryable } from '#libs/platform/postgres/pool.js';
import {
  firstReadableRevision,
  isMetastream,
  isSoftDeleted,
  metastreamOf,
  readStreamMetadata,
  streamOfMetastream,
} from '../stream-metadata.js';
import type { StreamMetadata } from '../stream-metadata.js';
import { DELETED_STREAM_REVISION } from './event.js';
import type { StoredEvent } from './event.js';
import { asLogError } from './unavailable.js';

export type Direction = 'forwards' | 'backwards';

/** One page holds no more than this, but at least one event. */
export const PAGE_MAX_EVENTS = 512;
const PAGE_MAX_BYTES = 1024 * 1024;

/** A part of a stream, or why there is none. */
export type StreamPage =
  | {
      readonly kind: 'page';
      readonly events: readonly StoredEvent[];
      /** Where the next page begins; undefined when the stream has nothing more in this direction. */
      readonly next: bigint | undefined;
    }
  /** Never written, or soft-deleted. */
  | { readonly kind: 'not-found' }
  /** Has a tombstone. */
  | { readonly kind: 'deleted' };

interface EventRow {
  position: string;
  stream: string;
  revision: string;
  id: string;
  type: string;
  is_json: boolean;
  data: Buffer;
  metadata: Buffer;
  created_ms: string;
}

interface StreamRow extends Omit<EventRow, 'position'> {
  /** None: the range holds no row. */
  position: string | null;
  last: string | null;
  stream_metadata: Buffer | null;
  tombstoned: boolean;
}

const toEvent = (row: EventRow): StoredEvent => ({
  position: BigInt(row.position),
  stream: row.stream,
  revision: BigInt(row.revision),
  id: row.id,
  type: row.type,
  isJson: row.is_json,
  data: row.data,
  metadata: row.metadata,
  createdMs: Number(row.created_ms),
});

/** Rows of a range in order, cut where they would exceed the size of a page. The first is always there. */
const pageOf = (range: string, order: string): string => `
  SELECT position, stream, revision, id, type, is_json, data, metadata, created_ms FROM (
    SELECT *, sum(octet_length(data) + octet_length(metadata)) OVER (ORDER BY ${order}) - octet_length(data) - octet_length(metadata) AS before
    FROM (SELECT * FROM log.events WHERE ${range} ORDER BY ${order} LIMIT $2) rows
  ) sized WHERE before < ${PAGE_MAX_BYTES} ORDER BY ${order}`;

const ALL_FORWARDS = pageOf('position > $1', 'position');
const ALL_BACKWARDS = pageOf('position < $1', 'position DESC');

const STREAM_STATE = `
  SELECT
    (SELECT e.revision FROM log.events e WHERE e.stream = $3 AND e.revision < ${DELETED_STREAM_REVISION} ORDER BY e.revision DESC LIMIT 1) AS last,
    (SELECT e.data FROM log.events e WHERE e.stream = $4 AND e.revision < ${DELETED_STREAM_REVISION} ORDER BY e.revision DESC LIMIT 1) AS stream_metadata,
    EXISTS (SELECT FROM log.events e WHERE e.stream IN ($3, $5) AND e.revision = ${DELETED_STREAM_REVISION}) AS tombstoned`;

/** A stream's state beside each row of a range of it; beside nothing where the range holds none. As of one moment. */
const streamPageOf = (range: string, order: string): string => `
  SELECT * FROM (${STREAM_STATE}) state
  LEFT JOIN (${pageOf(`stream = $3 AND ${range} AND revision < ${DELETED_STREAM_REVISION}`, order)}) page ON true ORDER BY ${order}`;

const STREAM_FORWARDS = streamPageOf('revision >= $1', 'revision');
const STREAM_BACKWARDS = streamPageOf('revision <= $1', 'revision DESC');

/**
 * Reads the committed log, one page at a time, by ranges of an index. Its methods throw LogUnavailableError while
 * PostgreSQL is away.
 */
export class LogReader {
  constructor(
    private readonly pool: Queryable,
    private readonly nowMs: () => number,
  ) {}

  /**
   * Events after (forwards) or before (backwards) a position, which is itself left out. None: the log has no more in
   * this direction.
   */
  async allPage(direction: Direction, position: bigint, limit = PAGE_MAX_EVENTS): Promise<StoredEvent[]> {
    const most = Math.min(limit, PAGE_MAX_EVENTS);
    const { rows } = await this.#query<EventRow>({
      name: `all-${direction}`,
      text: direction === 'forwards' ? ALL_FORWARDS : ALL_BACKWARDS,
      values: [position, most],
    });
    return rows.map(toEvent);
  }

  /** The event that stands at this very position. */
  async eventAt(position: bigint): Promise<StoredEvent | undefined> {
    const { rows } = await this.#query<EventRow>({
      name: 'event-at',
      text: 'SELECT * FROM log.events WHERE position = $1',
      values: [position],
    });
    return rows[0] === undefined ? undefined : toEvent(rows[0]);
  }

  /**
   * Events of a stream from a revision on, which is included, as far as its metadata lets them be read.
   * @param revision beyond the end is allowed in both directions
   */
  async streamPage(
    stream: string,
    direction: Direction,
    revision: bigint,
    limit = PAGE_MAX_EVENTS,
  ): Promise<StreamPage> {
    const most = Math.min(limit, PAGE_MAX_EVENTS);
    const start = revision > DELETED_STREAM_REVISION ? DELETED_STREAM_REVISION : revision;
    const { found, ...state } = await this.#streamRows(stream, direction, start, most);
    if (state.tombstoned) return { kind: 'deleted' };
    if (state.last === undefined || isSoftDeleted(state.metadata)) return { kind: 'not-found' };
    const first = firstReadableRevision(state.metadata, state.last);
    const hidden = direction === 'forwards' && start < first;
    const rows = !hidden
      ? found
      : first > state.last
        ? []
        : (await this.#streamRows(stream, direction, first, most)).found;
    const last = rows.at(-1)?.revision;
    const isLast = last === undefined || (direction === 'forwards' ? last >= state.last : last <= first);
    const oldestMs =
      state.metadata.maxAgeSeconds === undefined ? -Infinity : this.nowMs() - state.metadata.maxAgeSeconds * 1000;
    return {
      kind: 'page',
      events: rows.filter((event) => event.revision >= first && event.createdMs >= oldestMs),
      next: isLast ? undefined : direction === 'forwards' ? last + 1n : last - 1n,
    };
  }

  #query<Row extends QueryResultRow>(query: {
    name: string;
    text: string;
    values: unknown[];
  }): Promise<{ rows: Row[] }> {
    return this.pool.query<Row>(query).catch((error: unknown) => {
      throw asLogError(error);
    });
  }

  /** Rows of a stream from a revision on, and what is true of the stream. */
  async #streamRows(
    stream: string,
    direction: Direction,
    revision: bigint,
    limit: number,
  ): Promise<{
    readonly found: readonly StoredEvent[];
    readonly last: bigint | undefined;
    readonly metadata: StreamMetadata;
    readonly tombstoned: boolean;
  }> {
    const { rows } = await this.#query<StreamRow>({
      name: `stream-${direction}`,
      text: direction === 'forwards' ? STREAM_FORWARDS : STREAM_BACKWARDS,
      values: [revision, limit, stream, metastreamOf(stream), isMetastream(stream) ? streamOfMetastream(stream) : null],
    });
    const [{ last, stream_metadata: metadata, tombstoned }] = rows as [StreamRow];
    return {
      found: rows.filter((row): row is StreamRow & EventRow => row.position !== null).map(toEvent),
      last: last === null ? undefined : BigInt(last),
      metadata: readStreamMetadata(stream, metadata),
      tombstoned,
    };
  }
}
