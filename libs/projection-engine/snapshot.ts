import type { Connection, Pool } from '#libs/platform/postgres/pool.js';

export interface Snapshot {
  readonly db: Connection;
  /** From here on `db` sees the database as it is now, whatever others commit later. */
  readonly take: () => Promise<void>;
}

/** Runs `work` with a connection that can be made to stand still at a moment of its choice. Nothing is written. */
export const withSnapshot = async <T>(pool: Pool, work: (snapshot: Snapshot) => Promise<T>): Promise<T> => {
  const db = await pool.connect();
  let broken: Error | undefined;
  const onError = (error: Error): void => {
    broken = error;
  };
  db.on('error', onError);
  try {
    return await work({
      db,
      take: async () => {
        // Taken once already, by an attempt that was given up later: begin anew.
        await db.query('ROLLBACK');
        await db.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
        await db.query('SELECT 1 FROM models.generations LIMIT 1');
      },
    });
  } finally {
    await db.query('ROLLBACK').catch((error: Error) => {
      broken = error;
    });
    db.off('error', onError);
    db.release(broken);
  }
};
