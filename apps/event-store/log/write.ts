import type { ExpectedRevision, ProposedEvent } from './event.js';

/** What a client asks the log to do with one stream. */
export type Write = {
  readonly stream: string;
  readonly expected: ExpectedRevision;
  /** Milliseconds since the epoch; a write that has not begun by then is not begun any more. */
  readonly deadlineMs?: number;
} & (
  | { readonly kind: 'append'; readonly events: readonly ProposedEvent[] }
  | { readonly kind: 'soft-delete' }
  | { readonly kind: 'tombstone' }
);

export type WriteOutcome =
  /**
   * Durably stored, now or (a retry) before. `revision` and `position` are those of the last event written; an append
   * of nothing answers the stream's last revision (-1: no stream) and the end of the log.
   */
  | { readonly kind: 'written'; readonly revision: bigint; readonly position: bigint }
  /** Nothing stored: the stream is not at the expected revision. `actual` is -1 for a stream without events. */
  | { readonly kind: 'conflict'; readonly actual: bigint }
  /** Nothing stored: the stream has a tombstone. */
  | { readonly kind: 'deleted' }
  /** Nothing stored: its deadline had passed before it began. */
  | { readonly kind: 'expired' }
  /** PostgreSQL is away, or went away meanwhile: it may or may not be stored. */
  | { readonly kind: 'unavailable' };
