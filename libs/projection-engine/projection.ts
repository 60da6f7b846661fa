import type { Queryable } from '#libs/platform/postgres/pool.js';
import type { RecordedEvent } from '#libs/event-store/recorded-event.js';

/**
 * A read model: its tables and how events become rows. Handlers must be deterministic from the events alone, so that a
 * rebuild from position zero gives the same rows (invariant 8); a row holds personal values of its own subject only.
 */
export interface Projection {
  /** kebab-case; names the projection on the command line. */
  readonly name: string;
  /** Raised when tables or handlers change meaning; a replay then does not have to equal the generation before it. */
  readonly version: number;
  /** Stream name prefixes that it reads, each with its dash. */
  readonly streamPrefixes: readonly string[];
  /**
   * The event types that it handles; every other one is passed over, unread. `plain`: its handlers use no personal
   * value of it, so that none is decrypted. One word stands for every type; without this, everything is given whole.
   * Where a command came from (`metadata.source`) is never given.
   */
  readonly events?: 'plain' | Readonly<Record<string, 'whole' | 'plain'>>;
  /** Tables of one generation, each with a primary key. `schema` is the generation's own. */
  readonly tables: readonly ProjectionTable[];
  /** Applies a batch, in order, with few statements. Runs inside the transaction that stores the checkpoint. */
  readonly handle: (batch: readonly RecordedEvent[], db: Queryable, schema: string) => Promise<void>;
}

/** How a projection wants an event of a type; nothing: not at all. */
export const wantedAs = ({ events }: Pick<Projection, 'events'>, type: string): 'whole' | 'plain' | undefined => {
  if (events === undefined) return 'whole';
  return events === 'plain' ? 'plain' : events[type];
};

export interface ProjectionTable {
  readonly name: string;
  /** Column definitions and constraints: what stands between the parentheses of CREATE TABLE. */
  readonly columns: string;
  /** What stands behind CREATE INDEX ON <table>. */
  readonly indexes?: readonly string[];
  readonly personal?: PersonalColumns;
}

/**
 * What a table holds of a person. Every generation keeps this beside its rows, so that an erasure empties the columns
 * in all of them, also where nobody knows the handlers any more. The columns may be null: replayed events of an erased
 * person have no personal values.
 */
export interface PersonalColumns {
  /** The column that says whose row it is. */
  readonly subject: string;
  readonly columns: readonly string[];
}
