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

/** Parks a stream, or moves a parked one on to the next event that cannot be handled. */
export const parkStream = async (db: Queryable, name: string, event: StoredEvent, cause: string): Promise<void> => {
  await db.query(
    `INSERT INTO provider.process_manager_parked (name, stream, revision, event_id, event_type, cause) VALUES ($1, $2, $3, $4, $5, $6)
     ON CONFLICT (name, stream) DO UPDATE SET revision = $3, event_id = $4, event_type = $5, cause = $6`,
    [name, event.stream, event.revision, event.id, event.type, cause],
  );
};

export const unparkStream = async (db: Queryable, name: string, stream: StreamName): Promise<void> => {
  await db.query('DELETE FROM provider.process_manager_parked WHERE name = $1 AND stream = $2', [name, stream]);
};

/** The revision that each parked stream waits at. */
export const revisionsOfParked = async (db: Queryable, name: string): Promise<Map<StreamName, bigint>> => {
  const { rows } = await db.query<{ stream: StreamName; revision: string }>(
    'SELECT stream, revision FROM provider.process_manager_parked WHERE name = $1',
    [name],
  );
  return new Map(rows.map(({ stream, revision }) => [stream, BigInt(revision)]));
};

/** What waits, oldest first, with its cause: for operators. */
export const parkedOf = async (
  db: Queryable,
): Promise<readonly { readonly stream: string; readonly eventType: string; readonly cause: string }[]> => {
  const { rows } = await db.query<{ stream: string; event_type: string; cause: string }>(
    'SELECT stream, event_type, cause FROM provider.process_manager_parked ORDER BY parked_at, stream',
  );
  return rows.map(({ stream, event_type: eventType, cause }) => ({ stream, eventType, cause }));
};
