import type { Checkpoint } from '#libs/event-store/store-identity.js';
import type { Migration } from '#libs/platform/postgres/migrations.js';
import type { Pool, Queryable } from '#libs/platform/postgres/pool.js';
import { inTransaction } from '#libs/platform/postgres/pool.js';
import { parkedCausesMigration, parkedMigration } from './parked.postgres.js';
import type { Projection, ProjectionTable } from './projection.js';

/**
 * A projection's rows live in generations: each in a schema of its own (`users_g3`), with its checkpoint here. Exactly
 * one is live; the views in `models` show it. A replay builds the next one beside it and switches in one transaction.
 */
export const projectionEngineMigrations: readonly Migration[] = [
  {
    name: 'projection-engine/generations',
    sql: `
      CREATE TABLE models.generations (
        projection text NOT NULL,
        generation integer NOT NULL,
        version integer NOT NULL,
        state text NOT NULL CHECK (state IN ('building', 'live', 'retired')),
        position bigint,
        event_id uuid,
        considered bigint NOT NULL DEFAULT 0,
        events bigint NOT NULL DEFAULT 0,
        created_at timestamptz NOT NULL DEFAULT now(),
        switched_at timestamptz,
        PRIMARY KEY (projection, generation),
        CHECK ((position IS NULL) = (event_id IS NULL))
      );
      CREATE UNIQUE INDEX generations_one_live ON models.generations (projection) WHERE state = 'live';
      CREATE UNIQUE INDEX generations_one_building ON models.generations (projection) WHERE state = 'building';
      CREATE TABLE models.replays (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        projection text NOT NULL,
        state text NOT NULL DEFAULT 'requested' CHECK (state IN ('requested', 'running', 'done', 'failed')),
        requested_at timestamptz NOT NULL DEFAULT now(),
        started_at timestamptz,
        finished_at timestamptz,
        generation integer,
        target bigint,
        report jsonb
      );
      GRANT INSERT (projection) ON models.replays TO ligature_cli`,
  },
  {
    // Generations from before said nothing of what is personal in them, and were not purged: those that nobody reads
    // go.
    name: 'projection-engine/tables',
    sql: `
      DO $$
        DECLARE unread record;
        BEGIN
          FOR unread IN DELETE FROM models.generations WHERE state <> 'live' RETURNING * LOOP
            EXECUTE format('DROP SCHEMA IF EXISTS %I CASCADE', replace(unread.projection, '-', '_') || '_g' || unread.generation);
          END LOOP;
        END $$;
      ALTER TABLE models.generations ADD COLUMN tables jsonb NOT NULL DEFAULT '[]'`,
  },
  parkedMigration,
  {
    name: 'projection-engine/requests',
    sql: `
      UPDATE models.replays SET state = 'failed', finished_at = now() WHERE state IN ('requested', 'running');
      ALTER TABLE models.replays
        ADD COLUMN kind text NOT NULL DEFAULT 'replay' CHECK (kind IN ('replay', 'rollback', 'verify')),
        ADD COLUMN version integer,
        ADD COLUMN accept_differences boolean NOT NULL DEFAULT false,
        ADD COLUMN requested_by text NOT NULL DEFAULT 'an older version',
        ADD COLUMN runner text,
        ADD COLUMN problem text;
      CREATE UNIQUE INDEX replays_one_at_a_time ON models.replays (projection) WHERE state IN ('requested', 'running');
      GRANT INSERT (projection, kind, version, accept_differences, requested_by) ON models.replays TO ligature_cli;
      CREATE TABLE models.lag (
        projection text PRIMARY KEY,
        position bigint NOT NULL,
        store_position bigint NOT NULL,
        oldest_at timestamptz,
        measured_at timestamptz NOT NULL
      )`,
  },
  parkedCausesMigration,
];

export type GenerationState = 'building' | 'live' | 'retired';

export interface Generation {
  readonly projection: string;
  readonly generation: number;
  readonly version: number;
  readonly state: GenerationState;
  readonly checkpoint: Checkpoint | null;
  /** How far the log was looked at, which may be beyond the last event of this projection. */
  readonly considered: bigint;
  readonly events: bigint;
  /** Its tables as its own version declared them. */
  readonly tables: readonly Pick<ProjectionTable, 'name' | 'personal'>[];
}

interface Row {
  readonly projection: string;
  readonly generation: number;
  readonly version: number;
  readonly state: GenerationState;
  readonly position: string | null;
  readonly event_id: string | null;
  readonly considered: string;
  readonly events: string;
  readonly tables: Generation['tables'];
}

const fromRow = (row: Row): Generation => ({
  projection: row.projection,
  generation: row.generation,
  version: row.version,
  state: row.state,
  checkpoint:
    row.position === null || row.event_id === null ? null : { position: BigInt(row.position), eventId: row.event_id },
  considered: BigInt(row.considered),
  events: BigInt(row.events),
  tables: row.tables,
});

/** The schema that holds a generation's tables. Projection names are kebab-case constants of ours, never input. */
export const generationSchema = ({ projection, generation }: Pick<Generation, 'projection' | 'generation'>): string =>
  `${projection.replaceAll('-', '_')}_g${generation}`;

export const liveGeneration = async (db: Queryable, projection: string): Promise<Generation | undefined> => {
  const { rows } = await db.query<Row>(`SELECT * FROM models.generations WHERE projection = $1 AND state = 'live'`, [
    projection,
  ]);
  return rows[0] && fromRow(rows[0]);
};

export const allGenerations = async (db: Queryable): Promise<readonly Generation[]> => {
  const { rows } = await db.query<Row>('SELECT * FROM models.generations ORDER BY projection, generation');
  return rows.map(fromRow);
};

/** All generations of a projection, locked until the transaction ends: none of them moves meanwhile. */
export const lockGenerations = async (db: Queryable, projection: string): Promise<readonly Generation[]> => {
  const { rows } = await db.query<Row>(
    'SELECT * FROM models.generations WHERE projection = $1 ORDER BY generation FOR UPDATE',
    [projection],
  );
  return rows.map(fromRow);
};

/** Creates a generation's schema and tables. */
export const createGeneration = (pool: Pool, projection: Projection, state: 'building' | 'live'): Promise<Generation> =>
  inTransaction(pool, async (db) => {
    const { rows } = await db.query<Row>(
      `INSERT INTO models.generations (projection, generation, version, state, tables)
       SELECT $1, coalesce(max(generation), 0) + 1, $2, $3, $4 FROM models.generations WHERE projection = $1 RETURNING *`,
      [
        projection.name,
        projection.version,
        state,
        JSON.stringify(projection.tables.map(({ name, personal }) => ({ name, personal }))),
      ],
    );
    const created = fromRow(rows[0] as Row);
    const schema = generationSchema(created);
    await db.query(`CREATE SCHEMA ${schema}`);
    for (const { name, columns, indexes = [] } of projection.tables) {
      await db.query(`CREATE TABLE ${schema}.${name} (${columns})`);
      for (const index of indexes) await db.query(`CREATE INDEX ON ${schema}.${name} ${index}`);
    }
    if (state === 'live') await showInViews(db, projection, schema);
    return created;
  });

/** Drops a generation that is being built. */
export const discardGeneration = (pool: Pool, generation: Generation): Promise<void> =>
  inTransaction(pool, async (db) => {
    await db.query(`DELETE FROM models.generations WHERE projection = $1 AND generation = $2 AND state = 'building'`, [
      generation.projection,
      generation.generation,
    ]);
    await db.query(`DROP SCHEMA IF EXISTS ${generationSchema(generation)} CASCADE`);
  });

export const buildingGeneration = async (db: Queryable, projection: string): Promise<Generation | undefined> => {
  const { rows } = await db.query<Row>(
    `SELECT * FROM models.generations WHERE projection = $1 AND state = 'building'`,
    [projection],
  );
  return rows[0] && fromRow(rows[0]);
};

const showInViews = async (db: Queryable, projection: Projection, schema: string): Promise<void> => {
  for (const { name } of projection.tables) {
    await db.query(`DROP VIEW IF EXISTS models.${name}`);
    await db.query(`CREATE VIEW models.${name} AS SELECT * FROM ${schema}.${name}`);
  }
};

/**
 * Another writer moved this generation's checkpoint, or it is no longer the one to write to. Whoever sees this starts
 * again from what is stored.
 */
export class CheckpointLostError extends Error {
  constructor(generation: Generation) {
    super(`The checkpoint of ${generationSchema(generation)} was moved by another process`);
  }
}

/** Compare-and-set of a checkpoint; runs in the transaction that writes the rows. @throws {CheckpointLostError} */
export const moveCheckpoint = async (
  db: Queryable,
  generation: Generation,
  from: Checkpoint | null,
  to: Checkpoint,
  considered: bigint,
  events: number,
): Promise<void> => {
  const { rowCount } = await db.query(
    `UPDATE models.generations SET position = $3, event_id = $4, considered = greatest(considered, $5), events = events + $6
     WHERE projection = $1 AND generation = $2 AND state = $7 AND position IS NOT DISTINCT FROM $8 AND event_id IS NOT DISTINCT FROM $9`,
    [
      generation.projection,
      generation.generation,
      to.position,
      to.eventId,
      considered,
      events,
      generation.state,
      from?.position ?? null,
      from?.eventId ?? null,
    ],
  );
  if (rowCount !== 1) throw new CheckpointLostError(generation);
};

/**
 * Says how far the log was looked at without an event of this projection. Progress only: nothing resumes from it (H5).
 */
export const noteConsidered = async (db: Queryable, generation: Generation, considered: bigint): Promise<void> => {
  await db.query(
    `UPDATE models.generations SET considered = greatest(considered, $3) WHERE projection = $1 AND generation = $2`,
    [generation.projection, generation.generation, considered],
  );
};

/**
 * Rows of one table of a generation, in one figure that does not depend on their order. Rows of people whose key is
 * destroyed are counted only: until `UserErased` has been applied, one generation may still hold what the other could
 * not read any more.
 */
export interface TableChecksum {
  readonly table: string;
  readonly rows: number;
  readonly checksum: string;
}

export const checksums = async (
  db: Queryable,
  projection: Projection,
  generation: Generation,
): Promise<readonly TableChecksum[]> => {
  const schema = generationSchema(generation);
  const sums: TableChecksum[] = [];
  for (const { name, personal } of projection.tables) {
    const compared = personal
      ? `NOT EXISTS (SELECT FROM keys.subject_keys AS k WHERE k.subject = t.${personal.subject}::text AND k.destroyed_at IS NOT NULL)`
      : 'true';
    const { rows } = await db.query<{ rows: string; checksum: string }>(
      `SELECT count(*) AS rows,
         coalesce(sum(('x' || substr(md5(t::text), 1, 16))::bit(64)::bigint::numeric) FILTER (WHERE ${compared}), 0)::text AS checksum
       FROM ${schema}.${name} AS t`,
    );
    sums.push({ table: name, rows: Number(rows[0]?.rows), checksum: rows[0]?.checksum ?? '' });
  }
  return sums;
};

/**
 * Makes a built generation the live one and retires the one before, views included; runs in a transaction that has
 * locked the live one. The retired one stays, not fed, for a rollback; those before it go, and so does one that does
 * not say what is personal in it.
 */
export const switchTo = async (
  db: Queryable,
  projection: Projection,
  built: Generation,
  live: Generation | undefined,
): Promise<void> => {
  // The views of the one before hold on to its tables.
  await showInViews(db, projection, generationSchema(built));
  const { rows: older } = await db.query<Row>(
    `DELETE FROM models.generations WHERE projection = $1 AND (state = 'retired' OR (state = 'live' AND tables = '[]')) RETURNING *`,
    [projection.name],
  );
  for (const row of older) await db.query(`DROP SCHEMA ${generationSchema(fromRow(row))} CASCADE`);
  await db.query(`UPDATE models.generations SET state = 'retired' WHERE projection = $1 AND state = 'live'`, [
    projection.name,
  ]);
  const { rowCount } = await db.query(
    `UPDATE models.generations SET state = 'live', switched_at = now(), considered = greatest(considered, $3)
     WHERE projection = $1 AND generation = $2 AND state = 'building'`,
    [projection.name, built.generation, live?.checkpoint?.position ?? 0n],
  );
  if (rowCount !== 1) throw new CheckpointLostError(built);
};

/** The generation before the live one, which a rollback goes back to. */
export const retiredGeneration = async (db: Queryable, projection: string): Promise<Generation | undefined> => {
  const { rows } = await db.query<Row>(`SELECT * FROM models.generations WHERE projection = $1 AND state = 'retired'`, [
    projection,
  ]);
  return rows[0] && fromRow(rows[0]);
};

/** A retired generation is fed again, for a rollback. */
export const takeBack = async (db: Queryable, { projection, generation }: Generation): Promise<void> => {
  await db.query(
    `UPDATE models.generations SET state = 'building' WHERE projection = $1 AND generation = $2 AND state = 'retired'`,
    [projection, generation],
  );
};

/** The live generation, held until the transaction ends: its checkpoint does not move meanwhile. */
export const lockLive = async (db: Queryable, projection: string): Promise<Generation | undefined> => {
  const { rows } = await db.query<Row>(
    `SELECT * FROM models.generations WHERE projection = $1 AND state = 'live' FOR UPDATE`,
    [projection],
  );
  return rows[0] && fromRow(rows[0]);
};
