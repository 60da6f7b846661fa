import type { StoredEvent } from '#libs/event-store/codec.js';
import type { StreamName } from '#libs/event-store/stream-name.js';
import type { Migration } from '#libs/platform/postgres/migrations.js';
import type { Queryable } from '#libs/platform/postgres/pool.js';

export const parkedStreamMigration: Migration = {
  name: 'process-managers/parked-streams',
  sql: `
    CREATE TABLE provider.process_manager_parked (
      name text NOT NULL,
      stream text NOT NULL,
      revision bigint NOT NULL,
      event_id uuid NOT NULL,
      event_type text NOT NULL,
      cause text NOT NULL,
      parked_at timestamptz NOT NULL DEFAULT now(),
      PRIMARY KEY (name, stream)
    )`,
};

/** What streams that fail alike have in common, and when they are tried again; what was parked before is due at once. */
export const parkedStreamRetriesMigration: Migration = {
  name: 'process-managers/parked-stream-retries',
  sql: `
    ALTER TABLE provider.process_manager_parked
      ADD COLUMN failure text NOT NULL DEFAULT 'unknown',
      ADD COLUMN build text NOT NULL DEFAULT '',
      ADD COLUMN tries integer NOT NULL DEFAULT 0,
      ADD COLUMN next_try_at timestamptz NOT NULL DEFAULT now();
    CREATE INDEX process_manager_parked_due ON provider.process_manager_parked (name, next_try_at)`,
};

/** A stream that waits for a process manager. */
export interface Waiting {
  readonly stream: StreamName;
  /** Of the event that could not be handled. */
  readonly revision: bigint;
  /** What the event has in common with those that fail alike; see `failureOf`. */
  readonly failure: string;
  readonly tries: number;
}

/** Why a stream is parked, and when it is tried again. */
export interface Parking extends Pick<Waiting, 'failure' | 'tries'> {
  /** A sentence for operators. */
  readonly cause: string;
  /** The code that could not handle the event; another one tries it at once. */
  readonly build: string;
  /** Until it is tried again, in milliseconds. */
  readonly pauseMs: number;
}

/** Parks a stream, or moves a parked one on to the next event that cannot be handled. */
export const parkStream = async (
  db: Queryable,
  name: string,
  event: StoredEvent,
  { failure, tries, cause, build, pauseMs }: Parking,
): Promise<void> => {
  await db.query(
    `INSERT INTO provider.process_manager_parked
       (name, stream, revision, event_id, event_type, cause, failure, build, tries, next_try_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, now() + $10 * interval '1 millisecond')
     ON CONFLICT (name, stream) DO UPDATE SET revision = $3, event_id = $4, event_type = $5, cause = $6, failure = $7,
       build = $8, tries = $9, next_try_at = excluded.next_try_at`,
    [name, event.stream, event.revision, event.id, event.type, cause, failure, build, tries, pauseMs],
  );
};

/** A stream cannot even be read, such as one that was deleted in the store: it stays where it is. */
export const noteUnreadableStream = async (
  db: Queryable,
  name: string,
  stream: StreamName,
  { cause, build, tries, pauseMs }: Omit<Parking, 'failure'>,
): Promise<void> => {
  await db.query(
    `UPDATE provider.process_manager_parked
     SET cause = $3, build = $4, tries = $5, next_try_at = now() + $6 * interval '1 millisecond'
     WHERE name = $1 AND stream = $2`,
    [name, stream, cause, build, tries, pauseMs],
  );
};

export const unparkStream = async (db: Queryable, name: string, stream: StreamName): Promise<void> => {
  await db.query('DELETE FROM provider.process_manager_parked WHERE name = $1 AND stream = $2', [name, stream]);
};

/** What another build could not handle is tried again at once. */
export const makeStreamsDueForBuild = async (db: Queryable, name: string, build: string): Promise<void> => {
  await db.query(
    `UPDATE provider.process_manager_parked SET next_try_at = now()
     WHERE name = $1 AND build <> $2 AND next_try_at > now()`,
    [name, build],
  );
};

interface WaitingRow extends Pick<Waiting, 'stream' | 'failure' | 'tries'> {
  readonly revision: string;
}

const COLUMNS = 'stream, revision, failure, tries';

const waitingFrom = ({ revision, ...row }: WaitingRow): Waiting => ({ ...row, revision: BigInt(revision) });

export const waitingStreams = async (db: Queryable, name: string): Promise<readonly Waiting[]> => {
  const { rows } = await db.query<WaitingRow>(
    `SELECT ${COLUMNS} FROM provider.process_manager_parked WHERE name = $1`,
    [name],
  );
  return rows.map(waitingFrom);
};

/** What is to be tried now; what has waited longest first. */
export const dueStreams = async (db: Queryable, name: string, limit: number): Promise<readonly Waiting[]> => {
  const { rows } = await db.query<WaitingRow>(
    `SELECT ${COLUMNS} FROM provider.process_manager_parked WHERE name = $1 AND next_try_at <= now()
     ORDER BY next_try_at LIMIT $2`,
    [name, limit],
  );
  return rows.map(waitingFrom);
};

/** Streams that wait for one cause. */
export interface WaitingCause {
  readonly failure: string;
  readonly streams: number;
  /** The one that has waited longest, and what operators are told of it. */
  readonly example: { readonly stream: string; readonly eventType: string; readonly cause: string };
  /** Of the one that was tried most often. */
  readonly tries: number;
  /** Of the one that is tried next. */
  readonly nextTryAt: Date;
}

interface CauseRow {
  readonly failure: string;
  readonly streams: string;
  readonly example: readonly (readonly [stream: string, eventType: string, cause: string])[];
  readonly tries: number;
  readonly next_try_at: Date;
}

/** What waits, by cause, the most frequent first: for operators. */
export const waitingCauses = async (db: Queryable): Promise<readonly WaitingCause[]> => {
  const { rows } = await db.query<CauseRow>(
    `SELECT failure, count(*) AS streams, max(tries) AS tries, min(next_try_at) AS next_try_at,
       (array_agg(ARRAY[stream, event_type, cause] ORDER BY parked_at, stream))[1:1] AS example
     FROM provider.process_manager_parked GROUP BY failure ORDER BY streams DESC, failure`,
  );
  return rows.map(({ failure, streams, example, tries, next_try_at: nextTryAt }) => {
    const [stream = '', eventType = '', cause = ''] = example[0] ?? [];
    return { failure, streams: Number(streams), example: { stream, eventType, cause }, tries, nextTryAt };
  });
};
