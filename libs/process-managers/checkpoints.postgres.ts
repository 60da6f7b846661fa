import type { Checkpoint } from '#libs/event-store/store-identity.js';
import type { Migration } from '#libs/platform/postgres/migrations.js';
import type { Queryable } from '#libs/platform/postgres/pool.js';
import { noticeMigration } from './due-notices.postgres.js';
import { parkedStreamMigration, parkedStreamRetriesMigration } from './parked-streams.postgres.js';

export const processManagerMigrations: readonly Migration[] = [
  {
    name: 'process-managers/checkpoints',
    sql: `
      CREATE TABLE provider.process_managers (
        name text PRIMARY KEY,
        position bigint NOT NULL,
        event_id uuid NOT NULL
      );
      CREATE TABLE provider.notices_sent (event_id uuid PRIMARY KEY, sent_at timestamptz NOT NULL)`,
  },
  parkedStreamMigration,
  noticeMigration,
  parkedStreamRetriesMigration,
];

/** Up to which event a process manager has seen to everything. */
export const loadCheckpoint = async (db: Queryable, name: string): Promise<Checkpoint | null> => {
  const { rows } = await db.query<{ position: string; event_id: string }>(
    'SELECT position, event_id FROM provider.process_managers WHERE name = $1',
    [name],
  );
  const [row] = rows;
  return row ? { position: BigInt(row.position), eventId: row.event_id } : null;
};

export const storeCheckpoint = async (
  db: Queryable,
  name: string,
  { position, eventId }: Checkpoint,
): Promise<void> => {
  await db.query(
    `INSERT INTO provider.process_managers (name, position, event_id) VALUES ($1, $2, $3)
     ON CONFLICT (name) DO UPDATE SET position = $2, event_id = $3`,
    [name, position, eventId],
  );
};
