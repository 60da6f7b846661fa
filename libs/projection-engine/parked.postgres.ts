import type { StoredEvent } from '#libs/event-store/codec.js';
import type { StreamName } from '#libs/event-store/stream-name.js';
import type { Migration } from '#libs/platform/postgres/migrations.js';
import type { Queryable } from '#libs/platform/postgres/pool.js';
import type { Generation } from './generations.postgres.js';
import type { Failure } from './parked-causes.js';

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

/**
 * What parked streams have in common, when they are tried again, and which organizations a read model has had events of.
 * What was parked before is due at once: its build is not known.
 */
export const parkedCausesMigration: Migration = {
  name: 'projection-engine/parked-causes',
  sql: `
    ALTER TABLE models.parked_streams
      ADD COLUMN organization_id text,
      ADD COLUMN failure text NOT NULL DEFAULT 'unknown',
      ADD COLUMN build text NOT NULL DEFAULT '',
      ADD COLUMN tries integer NOT NULL DEFAULT 0,
      ADD COLUMN next_try_at timestamptz NOT NULL DEFAULT now() + interval '1 minute';
    CREATE INDEX parked_streams_due ON models.parked_streams (projection, generation, next_try_at);
    CREATE INDEX parked_streams_requested ON models.parked_streams (projection, generation) WHERE request IS NOT NULL;
    CREATE TABLE models.projection_organizations (
      projection text NOT NULL,
      organization_id text NOT NULL,
      PRIMARY KEY (projection, organization_id)
    )`,
};

/** A stream that waits, from the event on that could not be applied. */
export interface ParkedStream {
  readonly projection: string;
  readonly stream: StreamName;
  /** Of the event that could not be applied. */
  readonly revision: bigint;
  readonly eventId: string;
  readonly eventType: string;
  /** A sentence for operators. */
  readonly cause: string;
  /** What the event has in common with those that fail alike; see `failureOf`. */
  readonly failure: string;
  readonly organizationId: string | null;
  /** How often the event was tried again, by itself or because an operator asked. */
  readonly tries: number;
  readonly nextTryAt: Date;
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
  readonly failure: string;
  readonly organization_id: string | null;
  readonly tries: number;
  readonly next_try_at: Date;
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
  failure: row.failure,
  organizationId: row.organization_id,
  tries: row.tries,
  nextTryAt: row.next_try_at,
  waiting: Number(row.waiting),
  deniedSubject: row.denied_subject,
  request: row.request,
  parkedAt: row.parked_at,
});

/** Why a stream is parked. */
export interface Parking extends Failure {
  readonly cause: string;
  readonly deniedSubject: string | undefined;
  /** The code that could not apply the event; another one tries it at once. */
  readonly build: string;
  readonly tries: number;
  /** Until it is tried again, in milliseconds. */
  readonly pauseMs: number;
}

/** Parks a stream, or moves a parked one on to the next event that cannot be applied. */
export const park = async (
  db: Queryable,
  { projection, generation }: Generation,
  event: StoredEvent,
  { cause, failure, organizationId, deniedSubject, build, tries, pauseMs }: Parking,
): Promise<void> => {
  await db.query(
    `INSERT INTO models.parked_streams AS p (projection, generation, stream, revision, event_id, event_type, cause,
       denied_subject, failure, organization_id, build, tries, next_try_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, now() + $13 * interval '1 millisecond')
     ON CONFLICT (projection, generation, stream) DO UPDATE SET revision = $4, event_id = $5, event_type = $6, cause = $7,
       failure = $9, organization_id = $10, build = $11, tries = $12, next_try_at = excluded.next_try_at, request = NULL,
       waiting = greatest(0, p.waiting - ($4 - p.revision)), denied_subject = coalesce($8, p.denied_subject)`,
    [
      projection,
      generation,
      event.stream,
      event.revision,
      event.id,
      event.type,
      cause,
      deniedSubject ?? null,
      failure,
      organizationId,
      build,
      tries,
      pauseMs,
    ],
  );
};

/**
 * Counts an event behind its parked stream, and denies its subject when it may take rights away.
 * @param isDue whether the stream is to be tried again at once: its person was erased, so that no personal value that
 * could not be stored is left in it
 */
export const noteWaiting = async (
  db: Queryable,
  { projection, generation }: Generation,
  event: StoredEvent,
  deniedSubject: string | undefined,
  isDue: boolean,
): Promise<void> => {
  await db.query(
    `UPDATE models.parked_streams SET waiting = waiting + 1, denied_subject = coalesce(denied_subject, $4),
       next_try_at = CASE WHEN $5 THEN now() ELSE next_try_at END
     WHERE projection = $1 AND generation = $2 AND stream = $3`,
    [projection, generation, event.stream, deniedSubject ?? null, isDue],
  );
};

/** A stream cannot even be read, such as one that was deleted in the store: it stays where it is. */
export const noteUnreadable = async (
  db: Queryable,
  { projection, generation }: Generation,
  stream: StreamName,
  { cause, build, tries, pauseMs }: Pick<Parking, 'cause' | 'build' | 'tries' | 'pauseMs'>,
): Promise<void> => {
  await db.query(
    `UPDATE models.parked_streams SET request = NULL, cause = $4, build = $5, tries = $6,
       next_try_at = now() + $7 * interval '1 millisecond'
     WHERE projection = $1 AND generation = $2 AND stream = $3`,
    [projection, generation, stream, cause, build, tries, pauseMs],
  );
};

/** What another build could not apply is tried again at once. */
export const makeDueForBuild = async (
  db: Queryable,
  { projection, generation }: Generation,
  build: string,
): Promise<void> => {
  await db.query(
    `UPDATE models.parked_streams SET next_try_at = now()
     WHERE projection = $1 AND generation = $2 AND build <> $3 AND next_try_at > now()`,
    [projection, generation, build],
  );
};

/** What is to be tried now: what operators asked for first, then what has waited longest. */
export const dueIn = async (
  db: Queryable,
  { projection, generation }: Generation,
  limit: number,
): Promise<readonly ParkedStream[]> => {
  const { rows } = await db.query<Row>(
    `(SELECT * FROM models.parked_streams WHERE projection = $1 AND generation = $2 AND request IS NOT NULL LIMIT $3)
     UNION ALL
     (SELECT * FROM models.parked_streams WHERE projection = $1 AND generation = $2 AND request IS NULL AND next_try_at <= now()
      ORDER BY next_try_at LIMIT $3)`,
    [projection, generation, limit],
  );
  return rows.map(fromRow);
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

/** Streams of the live generations that are parked for one cause, in one organization. */
export interface ParkedCause extends Failure {
  readonly projection: string;
  readonly streams: number;
  /** One of them: the one that has waited longest, its event and what an operator is told of it. */
  readonly example: Pick<ParkedStream, 'stream' | 'revision' | 'eventType' | 'cause'>;
  /** Events behind them all. */
  readonly waiting: number;
  readonly deniedSubjects: number;
  /** Of the one that was tried most often. */
  readonly tries: number;
  /** Of the one that is tried next. */
  readonly nextTryAt: Date;
  readonly parkedAt: Date;
}

interface CauseRow extends Pick<
  Row,
  'projection' | 'failure' | 'organization_id' | 'tries' | 'next_try_at' | 'parked_at'
> {
  readonly streams: string;
  readonly waiting: string;
  readonly denied_subjects: string;
  readonly example: readonly [stream: StreamName, revision: string, eventType: string, cause: string];
}

/** What is parked in the live generations, by cause and organization; the most frequent first. */
export const parkedCauses = async (db: Queryable): Promise<readonly ParkedCause[]> => {
  const { rows } = await db.query<CauseRow>(
    `SELECT projection, failure, organization_id, count(*) AS streams, sum(waiting) AS waiting, max(tries) AS tries,
       count(DISTINCT denied_subject) AS denied_subjects, min(next_try_at) AS next_try_at, min(parked_at) AS parked_at,
       (array_agg(ARRAY[stream, revision::text, event_type, cause] ORDER BY parked_at, stream))[1:1] AS example
     FROM models.parked_streams JOIN models.generations AS g USING (projection, generation)
     WHERE g.state = 'live' GROUP BY projection, failure, organization_id ORDER BY streams DESC, projection, failure`,
  );
  return rows.map((row) => {
    const [stream, revision, eventType, cause] = row.example.flat() as unknown as CauseRow['example'];
    return {
      projection: row.projection,
      failure: row.failure,
      organizationId: row.organization_id,
      streams: Number(row.streams),
      example: { stream, revision: BigInt(revision), eventType, cause },
      waiting: Number(row.waiting),
      deniedSubjects: Number(row.denied_subjects),
      tries: row.tries,
      nextTryAt: row.next_try_at,
      parkedAt: row.parked_at,
    };
  });
};

/** Which organizations a read model has had events of. */
export const organizationsOf = async (db: Queryable, projection: string): Promise<Set<string>> => {
  const { rows } = await db.query<{ organization_id: string }>(
    'SELECT organization_id FROM models.projection_organizations WHERE projection = $1',
    [projection],
  );
  return new Set(rows.map((row) => row.organization_id));
};

export const noteOrganizations = async (
  db: Queryable,
  projection: string,
  organizations: readonly string[],
): Promise<void> => {
  await db.query(
    `INSERT INTO models.projection_organizations (projection, organization_id) SELECT $1, * FROM unnest($2::text[])
     ON CONFLICT DO NOTHING`,
    [projection, organizations],
  );
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
