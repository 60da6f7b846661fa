import { DELETED_STREAM_REVISION } from './log/event.js';

/**
 * The part of a stream's metadata that decides which of its events can still be read (EventStoreDB, "Stream metadata",
 * reserved names).
 */
export interface StreamMetadata {
  /** `$maxCount`: only the last so many events. */
  readonly maxCount?: bigint;
  /** `$maxAge`: only events younger than so many seconds. */
  readonly maxAgeSeconds?: number;
  /** `$tb`: only events from this revision on. */
  readonly truncateBefore?: bigint;
}

const NO_METADATA: StreamMetadata = {};
const METASTREAM_METADATA: StreamMetadata = { maxCount: 1n };

/** The type of the events of a metadata stream. */
export const METADATA_TYPE = '$metadata';

/** `$$orders-1` holds the metadata of `orders-1`. */
export const metastreamOf = (stream: string): string => `$$${stream}`;

export const isMetastream = (stream: string): boolean => stream.startsWith('$$');

/** The stream that a metadata stream is about. */
export const streamOfMetastream = (metastream: string): string => metastream.slice(2);

type Properties = Record<string, unknown>;

const parseProperties = (json: Uint8Array): Properties => {
  try {
    const value: unknown = JSON.parse(Buffer.from(json).toString('utf8'));
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Properties) : {};
  } catch {
    return {};
  }
};

const isWholeNumber = (value: unknown): value is number =>
  typeof value === 'number' && Number.isInteger(value) && value >= 0;

/**
 * Reads the last event of a metadata stream. What is not understood counts as absent, as in EventStoreDB: broken
 * metadata hides nothing.
 * @param stream the stream that the metadata is about; metadata streams themselves keep only their last event
 */
export const readStreamMetadata = (stream: string, json: Uint8Array | null): StreamMetadata => {
  if (isMetastream(stream)) return METASTREAM_METADATA;
  if (json === null || json.length === 0) return NO_METADATA;
  const { $maxCount, $maxAge, $tb } = parseProperties(json);
  return {
    ...(isWholeNumber($maxCount) && $maxCount > 0 ? { maxCount: BigInt($maxCount) } : {}),
    ...(isWholeNumber($maxAge) && $maxAge > 0 ? { maxAgeSeconds: $maxAge } : {}),
    ...(isWholeNumber($tb) ? { truncateBefore: toRevision($tb) } : {}),
  };
};

// JSON.parse rounds 9223372036854775807 up to 2^63.
const toRevision = (value: number): bigint =>
  BigInt(value) > DELETED_STREAM_REVISION ? DELETED_STREAM_REVISION : BigInt(value);

/** Soft-deleted: everything is truncated, but the stream may be written again at its next revision. */
export const isSoftDeleted = (metadata: StreamMetadata): boolean => metadata.truncateBefore === DELETED_STREAM_REVISION;

const withTruncateBefore = (json: Uint8Array | null, truncateBefore: bigint): Uint8Array => {
  const { $tb: _replaced, ...others } = json === null ? {} : parseProperties(json);
  const kept = JSON.stringify(others).slice(1, -1);
  return Buffer.from(`{${kept}${kept ? ',' : ''}"$tb":${truncateBefore}}`, 'utf8');
};

/** The metadata that soft-deletes a stream, keeping its other properties. */
export const softDeletedMetadata = (json: Uint8Array | null): Uint8Array =>
  withTruncateBefore(json, DELETED_STREAM_REVISION);

/** The metadata of a soft-deleted stream that is written again: readable from the first new event on. */
export const recreatedMetadata = (json: Uint8Array | null, firstNewRevision: bigint): Uint8Array =>
  withTruncateBefore(json, firstNewRevision);

/**
 * The revision below which nothing of the stream can be read (`$maxAge` goes by event, not by revision, and is not in
 * it).
 */
export const firstReadableRevision = (metadata: StreamMetadata, lastRevision: bigint): bigint => {
  const byCount = metadata.maxCount === undefined ? 0n : lastRevision - metadata.maxCount + 1n;
  const byTruncation = metadata.truncateBefore ?? 0n;
  return byCount > byTruncation ? byCount : byTruncation;
};
