import { NO_STREAM_REVISION } from './event.js';
import type { ExpectedRevision } from './event.js';
import { headIsSoftDeleted } from './stream-head.js';
import type { StreamHead } from './stream-head.js';

/** Where an event id already stands in the stream that is written to. */
export interface KnownEvent {
  readonly revision: bigint;
  readonly position: bigint;
}

/** All places of an event id in one stream, the oldest first; empty when it is new there. */
export type KnownEvents = (id: string) => readonly KnownEvent[];

export type AppendDecision =
  /** Store the events from this revision on. */
  | { readonly kind: 'store'; readonly firstRevision: bigint }
  /** A retry of what is stored already: answer as the first time. */
  | { readonly kind: 'stored-before'; readonly last: KnownEvent }
  /** The stream is not where the caller believes it to be. `actual` is -1 for a stream without events. */
  | { readonly kind: 'conflict'; readonly actual: bigint }
  /** The stream has a tombstone. */
  | { readonly kind: 'deleted' };

const exactRevision = (expected: ExpectedRevision): bigint | undefined =>
  expected === 'no_stream' ? NO_STREAM_REVISION : typeof expected === 'bigint' ? expected : undefined;

/**
 * Decides an append as EventStoreDB 23.10 does (its `IndexWriter.CheckCommit`; the recorded scenarios hold it to that).
 * In short: at the revision named, store; behind it, a retry only if *all* ids stand exactly there; without a revision,
 * a retry if the first id is known in the stream.
 */
export const decideAppend = (
  head: StreamHead,
  expected: ExpectedRevision,
  ids: readonly string[],
  known: KnownEvents,
): AppendDecision => {
  if (head.tombstoned) return { kind: 'deleted' };
  const conflict = { kind: 'conflict', actual: head.lastRevision } as const;
  const store = { kind: 'store', firstRevision: head.lastRevision + 1n } as const;
  if (expected === 'stream_exists' && (head.lastRevision < 0n || headIsSoftDeleted(head))) return conflict;
  const exact = exactRevision(expected);
  if (exact === undefined) {
    const places = ids.map((id) => known(id)[0]);
    if (places[0] === undefined) return store;
    const last = places.at(-1);
    return last === undefined || places.includes(undefined) ? conflict : { kind: 'stored-before', last };
  }
  if (exact === head.lastRevision) return store;
  if (exact > head.lastRevision) return conflict;
  let last: KnownEvent | undefined;
  for (const [index, id] of ids.entries()) {
    const revision = exact + 1n + BigInt(index);
    const place = known(id).find((candidate) => candidate.revision === revision);
    if (place === undefined)
      return index === 0 && expected === 'no_stream' && headIsSoftDeleted(head) ? store : conflict;
    last = place;
  }
  return last === undefined ? conflict : { kind: 'stored-before', last };
};

/**
 * Whether deciding needs the places of the ids in the stored log: always without a revision, else only behind the
 * stream's end (nothing stored can stand beyond it).
 */
export const needsKnownEvents = (head: StreamHead, expected: ExpectedRevision): boolean => {
  const exact = exactRevision(expected);
  return exact === undefined || exact < head.lastRevision;
};

/** Decides a deletion. `no_stream` and a missing stream are conflicts for a soft delete: there is nothing to hide. */
export const decideDelete = (
  head: StreamHead,
  expected: ExpectedRevision,
  kind: 'soft-delete' | 'tombstone',
):
  | { readonly kind: 'delete' }
  | { readonly kind: 'conflict'; readonly actual: bigint }
  | { readonly kind: 'deleted' } => {
  if (head.tombstoned) return { kind: 'deleted' };
  const conflict = { kind: 'conflict', actual: head.lastRevision } as const;
  const exact = exactRevision(expected);
  if (exact !== undefined && exact !== head.lastRevision) return conflict;
  const missing = head.lastRevision < 0n;
  if (missing && (kind === 'soft-delete' || expected === 'stream_exists')) return conflict;
  return { kind: 'delete' };
};
