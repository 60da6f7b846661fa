import type { Queryable } from '#libs/platform/postgres/pool.js';
import {
  isMetastream,
  isSoftDeleted,
  metastreamOf,
  readStreamMetadata,
  streamOfMetastream,
} from '../stream-metadata.js';
import type { StreamMetadata } from '../stream-metadata.js';
import { DELETED_STREAM_REVISION, NO_STREAM_REVISION } from './event.js';
import type { StoredEvent } from './event.js';

/** What an append has to know about a stream. */
export interface StreamHead {
  /** Revision of its last event, tombstone aside; {@link NO_STREAM_REVISION} when it has none. */
  readonly lastRevision: bigint;
  /** Hard-deleted, for ever. Deletes its metadata stream too. */
  readonly tombstoned: boolean;
  /** Revision of the last event of its metadata stream; {@link NO_STREAM_REVISION} when it has none. */
  readonly metadataRevision: bigint;
  /** The stream's metadata as stored, or null. */
  readonly metadataJson: Uint8Array | null;
  readonly metadata: StreamMetadata;
}

/** Whether the stream is soft-deleted: unreadable, but it may be written again. */
export const headIsSoftDeleted = (head: StreamHead): boolean => head.lastRevision >= 0n && isSoftDeleted(head.metadata);

/**
 * The head of `stream` after `event`, which may belong to the stream, to its metadata stream, or to the stream whose
 * metadata it is.
 */
export const advanceHead = (stream: string, head: StreamHead, event: StoredEvent): StreamHead => {
  if (event.revision === DELETED_STREAM_REVISION) return { ...head, tombstoned: true };
  if (event.stream === stream) return { ...head, lastRevision: event.revision };
  return {
    ...head,
    metadataRevision: event.revision,
    metadataJson: event.data,
    metadata: readStreamMetadata(stream, event.data),
  };
};

/** The streams whose heads an event moves. */
export const streamsMovedBy = (event: StoredEvent): readonly string[] => {
  if (event.revision === DELETED_STREAM_REVISION) return [event.stream, metastreamOf(event.stream)];
  return isMetastream(event.stream) ? [event.stream, streamOfMetastream(event.stream)] : [event.stream];
};

interface HeadRow {
  stream: string;
  last_revision: string | null;
  tombstoned: boolean;
  metadata_revision: string | null;
  metadata: Buffer | null;
}

const HEADS = `
  SELECT s.stream, last.revision AS last_revision, m.revision AS metadata_revision, m.data AS metadata,
    EXISTS (SELECT FROM log.events e WHERE e.stream IN (s.stream, s.owner) AND e.revision = ${DELETED_STREAM_REVISION}) AS tombstoned
  FROM unnest($1::text[], $2::text[], $3::text[]) AS s (stream, owner, metastream)
  LEFT JOIN LATERAL (
    SELECT e.revision FROM log.events e WHERE e.stream = s.stream AND e.revision < ${DELETED_STREAM_REVISION} ORDER BY e.revision DESC LIMIT 1
  ) last ON true
  LEFT JOIN LATERAL (
    SELECT e.revision, e.data FROM log.events e WHERE e.stream = s.metastream AND e.revision < ${DELETED_STREAM_REVISION}
    ORDER BY e.revision DESC LIMIT 1
  ) m ON true`;

/** Reads the heads of streams from the log, those of missing streams included. */
export const loadStreamHeads = async (
  connection: Queryable,
  streams: readonly string[],
): Promise<ReadonlyMap<string, StreamHead>> => {
  const owners = streams.map((stream) => (isMetastream(stream) ? streamOfMetastream(stream) : null));
  const { rows } = await connection.query<HeadRow>({
    name: 'stream-heads',
    text: HEADS,
    values: [streams, owners, streams.map(metastreamOf)],
  });
  const revision = (value: string | null): bigint => (value === null ? NO_STREAM_REVISION : BigInt(value));
  return new Map(
    rows.map((row) => [
      row.stream,
      {
        lastRevision: revision(row.last_revision),
        tombstoned: row.tombstoned,
        metadataRevision: revision(row.metadata_revision),
        metadataJson: row.metadata,
        metadata: readStreamMetadata(row.stream, row.metadata),
      },
    ]),
  );
};
