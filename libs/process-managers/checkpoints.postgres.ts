import type { Checkpoint } from '#libs/event-store/store-identity.js';
import type { Migration } from '#libs/platform/postgres/migrations.js';
import type { Queryable } from '#libs/platform/postgres/pool.js';
import { parkedStreamMigration } from './parked-streams.postgres.js';

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
  {
    // With each notice older ones are looked for, and one event may be told to everybody.
    name: 'process-managers/notices-by-age',
    sql: 'CREATE INDEX notices_sent_at ON provider.notices_sent (sent_at)',
  },
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

export const storeCheckpoint = async (db: Queryable, name: string, { position, eventId }: Checkpoint): Promise<void> => {
  await db.query(
    `INSERT INTO provider.process_managers (name, position, event_id) VALUES ($1, $2, $3)
     ON CONFLICT (name) DO UPDATE SET position = $2, event_id = $3`,
    [name, position, eventId],
  );
};

export const wasNoticeSent = async (db: Queryable, eventId: string): Promise<boolean> =>
  (await db.query('SELECT 1 FROM provider.notices_sent WHERE event_id = $1', [eventId])).rowCount === 1;

/** Remembers a notice as long as its event could still be met again, and forgets older ones. */
export const noteNoticeSent = async (db: Queryable, eventId: string, now: Date, forgetBefore: Date): Promise<void> => {
  await db.query('INSERT INTO provider.notices_sent (event_id, sent_at) VALUES ($1, $2) ON CONFLICT DO NOTHING', [eventId, now]);
  await db.query('DELETE FROM provider.notices_sent WHERE sent_at < $1', [forgetBefore]);
};
