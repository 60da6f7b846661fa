/**
 * The revision of a tombstone (`$streamDeleted`), and the `$tb` that marks a soft-deleted stream: EventStoreDB's
 * `EventNumber.DeletedStream`.
 */
export const DELETED_STREAM_REVISION = 9_223_372_036_854_775_807n;

/** The type of the event that a tombstone leaves behind. */
export const STREAM_DELETED_TYPE = '$streamDeleted';

/** What "no event yet" looks like as a revision on the wire (`ExpectedVersion.NoStream`). */
export const NO_STREAM_REVISION = -1n;

/** An event as a client proposes it: checked for form, not yet in the log. */
export interface ProposedEvent {
  /** UUID in lower-case canonical form. */
  readonly id: string;
  readonly type: string;
  /** Whether its content type is `application/json`; the log does not look inside. */
  readonly isJson: boolean;
  readonly data: Uint8Array;
  readonly metadata: Uint8Array;
}

/** An event of the log. */
export interface StoredEvent extends ProposedEvent {
  /** Where it stands in `$all`; see `position.ts`. */
  readonly position: bigint;
  readonly stream: string;
  /** Counted from 0 without gaps in its stream; {@link DELETED_STREAM_REVISION} for a tombstone. */
  readonly revision: bigint;
  /** When the writer took it, in milliseconds since the epoch. */
  readonly createdMs: number;
}

/**
 * What the log must find at the end of a stream for an append to go in. A bigint is an exact revision, `0n` or more.
 */
export type ExpectedRevision = 'any' | 'no_stream' | 'stream_exists' | bigint;
