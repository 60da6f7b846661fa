import type { StoredEvent } from '#libs/event-store/codec.js';
import type { StreamName } from '#libs/event-store/stream-name.js';
import type { Migration } from '#libs/platform/postgres/migrations.js';
import type { Queryable } from '#libs/platform/postgres/pool.js';
import type { Generation } from './generations.postgres.js';

/** Streams set aside because one of their events cannot be applied, and events that an operator gave up. */
export const parkedMigration: Migration = {
  name: 'projection-engine/parked',
  sql: `
    CREATE TABLE models.parked_streams (
      projection text NOT NULL,
      generation integer NOT NULL,
      stream text NOT NULL,
      revision bigint NOT NULL,
      event_id uuid NOT NULL,
      event_type text NOT NULL,
      cause text NOT NULL,
      waiting bigint NOT NULL DEFAULT 0,
      denied_subject text,
      request text CHECK (request IN ('retry', 'skip')),
      parked_at timestamptz NOT NULL DEFAULT now(),
      PRIMARY KEY (projection, generation, stream),
      FOREIGN KEY (projection, generation) REFERENCES models.generations ON DELETE CASCADE
    );
    CREATE INDEX parked_streams_denied ON models.parked_streams (denied_subject) WHERE denied_subject IS NOT NULL;
    CREATE TABLE models.skipped_events (
      projection text NOT NULL,
      version integer NOT NULL,
      event_id uuid NOT NULL,
      stream text NOT NULL,
      revision bigint NOT NULL,
      event_type text NOT NULL,
      skipped_at timestamptz NOT NULL DEFAULT now(),
      PRIMARY KEY (projection, version, event_id)
    );
    GRANT UPDATE (request) ON models.parked_streams TO ligature_cli`,
};

/** A stream that waits, from the event on that could not be applied. */
export interface ParkedStream {
  readonly projection: string;
  readonly stream: StreamName;
  /** Of the event that could not be applied. */
  readonly revision: bigint;
  readonly eventId: string;
  readonly eventType: string;
  readonly cause: string;
  /** How many events came after it. */
  readonly waiting: number;
  /** Who cannot sign in until this is cleared. */
  readonly deniedSubject: string | null;
  readonly request: 'retry' | 'skip' | null;
  readonly parkedAt: Date;
}

interface Row {
  readonly projection: string;
  readonly stream: StreamName;
  readonly revision: string;
  readonly event_id: string;
  readonly event_type: string;
  readonly cause: string;
  readonly waiting: string;
  readonly denied_subject: string | null;
  readonly request: ParkedStream['request'];
  readonly parked_at: Date;
}

const fromRow = (row: Row): ParkedStream => ({
  projection: row.projection,
  stream: row.stream,
  revision: BigInt(row.revision),
  eventId: row.event_id,
  eventType: row.event_type,
  cause: row.cause,
  waiting: Number(row.waiting),
  deniedSubject: row.denied_subject,
  request: row.request,
  parkedAt: row.parked_at,
});

/** Parks a stream, or moves a parked one on to the next event that cannot be applied. */
export const park = async (
  db: Queryable,
  { projection, generation }: Generation,
  event: StoredEvent,
  cause: string,
  deniedSubject: string | undefined,
): Promise<void> => {
  await db.query(
    `INSERT INTO models.parked_streams AS p (projection, generation, stream, revision, event_id, event_type, cause, denied_subject)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
     ON CONFLICT (projection, generation, stream) DO UPDATE SET revision = $4, event_id = $5, event_type = $6, cause = $7, request = NULL,
       waiting = greatest(0, p.waiting - ($4 - p.revision)), denied_subject = coalesce($8, p.denied_subject)`,
    [projection, generation, event.stream, event.revision, event.id, event.type, cause, deniedSubject ?? null],
  );
};

/** Counts an event behind its parked stream, and denies its subject when it may take rights away. */
export const noteWaiting = async (
  db: Queryable,
  { projection, generation }: Generation,
  event: StoredEvent,
  deniedSubject: string | undefined,
): Promise<void> => {
  await db.query(
    `UPDATE models.parked_streams SET waiting = waiting + 1, denied_subject = coalesce(denied_subject, $4)
     WHERE projection = $1 AND generation = $2 AND stream = $3`,
    [projection, generation, event.stream, deniedSubject ?? null],
  );
};

/** What an operator asked for cannot be done. */
export const refuseRequest = async (
  db: Queryable,
  { projection, generation }: Generation,
  stream: StreamName,
  cause: string,
): Promise<void> => {
  await db.query(
    'UPDATE models.parked_streams SET request = NULL, cause = $4 WHERE projection = $1 AND generation = $2 AND stream = $3',
    [projection, generation, stream, cause],
  );
};

export const unpark = async (
  db: Queryable,
  { projection, generation }: Generation,
  stream: StreamName,
): Promise<void> => {
  await db.query('DELETE FROM models.parked_streams WHERE projection = $1 AND generation = $2 AND stream = $3', [
    projection,
    generation,
    stream,
  ]);
};

export const parkedIn = async (
  db: Queryable,
  { projection, generation }: Generation,
): Promise<readonly ParkedStream[]> => {
  const { rows } = await db.query<Row>(
    'SELECT * FROM models.parked_streams WHERE projection = $1 AND generation = $2 ORDER BY stream',
    [projection, generation],
  );
  return rows.map(fromRow);
};

/** What is parked in the live generations, oldest first. */
export const parkedStreams = async (db: Queryable): Promise<readonly ParkedStream[]> => {
  const { rows } = await db.query<Row>(
    `SELECT p.* FROM models.parked_streams AS p JOIN models.generations AS g USING (projection, generation)
     WHERE g.state = 'live' ORDER BY parked_at, stream`,
  );
  return rows.map(fromRow);
};

/**
 * The operator's side: asks the projector to try again, or to give the event up.
 * @returns whether there is such a parked stream
 */
export const requestForParked = async (
  db: Queryable,
  parked: ParkedStream,
  request: 'retry' | 'skip',
): Promise<boolean> => {
  const { rowCount } = await db.query(
    `UPDATE models.parked_streams AS p SET request = $4 FROM models.generations AS g
     WHERE p.projection = $1 AND p.stream = $2 AND p.revision = $3
       AND g.projection = p.projection AND g.generation = p.generation AND g.state = 'live'`,
    [parked.projection, parked.stream, parked.revision, request],
  );
  return rowCount === 1;
};

/**
 * An event that an operator gave up is passed over by every generation of that version, so that a rebuild gives the
 * same rows (invariant 8). What waits behind it is to be tried then.
 */
export const skipParked = async (
  db: Queryable,
  { version, generation }: Generation,
  parked: ParkedStream,
): Promise<void> => {
  await db.query(
    `UPDATE models.parked_streams SET revision = revision + 1, request = 'retry'
     WHERE projection = $1 AND generation = $2 AND stream = $3 AND revision = $4`,
    [parked.projection, generation, parked.stream, parked.revision],
  );
  await db.query(
    `INSERT INTO models.skipped_events (projection, version, event_id, stream, revision, event_type) VALUES ($1, $2, $3, $4, $5, $6)
     ON CONFLICT DO NOTHING`,
    [parked.projection, version, parked.eventId, parked.stream, parked.revision, parked.eventType],
  );
};

export const skippedEvents = async (
  db: Queryable,
  { projection, version }: Generation,
): Promise<ReadonlySet<string>> => {
  const { rows } = await db.query<{ event_id: string }>(
    'SELECT event_id FROM models.skipped_events WHERE projection = $1 AND version = $2',
    [projection, version],
  );
  return new Set(rows.map((row) => row.event_id));
};

const RELATION_MISSING = '42P01';

/**
 * Whether somebody is on the deny list: an event that may take rights away waits to be applied to what is read about
 * them. No way to sign in may rely on the read models then. A condition, for statements that read about them. @param
 * subject an SQL expression, as text
 */
export const deniedCondition = (subject: string): string =>
  `EXISTS (SELECT FROM models.parked_streams AS p JOIN models.generations AS g USING (projection, generation)
           WHERE p.denied_subject = ${subject} AND g.state = 'live')`;

/** Asks {@link deniedCondition} of one subject. */
export const isDenied = async (db: Queryable, subject: string): Promise<boolean> => {
  try {
    const { rows } = await db.query<{ denied: boolean }>({
      name: 'is denied',
      text: `SELECT ${deniedCondition('$1')} AS denied`,
      values: [subject],
    });
    return rows[0]?.denied === true;
  } catch (error) {
    // No projector has run on this database yet: nothing can be parked.
    if ((error as { code?: string }).code === RELATION_MISSING) return false;
    throw error;
  }
};
