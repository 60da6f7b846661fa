import type { Clock } from '#libs/platform/clock.js';
import type { Migration } from '#libs/platform/postgres/migrations.js';
import type { Queryable } from '#libs/platform/postgres/pool.js';

export const attemptWindowMigrations: readonly Migration[] = [
  {
    name: 'sign-in/attempt-windows',
    sql: `CREATE TABLE provider.attempt_windows (
      key text PRIMARY KEY,
      since timestamptz NOT NULL,
      count integer NOT NULL,
      throttled_before boolean NOT NULL
    );
    CREATE INDEX attempt_windows_expiry ON provider.attempt_windows (since)`,
  },
];

/** At most this many attempts on one identifier are recorded in a window; then one per window (security row L29). */
const WINDOW_MS = 60_000;
const RECORDED_PER_WINDOW = 5;

/** Which attempts are recorded, counted by all instances together. */
export interface AttemptWindows {
  /** Counts an attempt. @param key index key of the identifier @returns whether it is to be recorded */
  count(key: string): Promise<boolean>;
  removeExpired(): Promise<void>;
}

export const postgresAttemptWindows = (db: Queryable, clock: Clock): AttemptWindows => ({
  count: async (key) => {
    const { rows } = await db.query<{ count: number; throttled_before: boolean }>(
      `INSERT INTO provider.attempt_windows AS w (key, since, count, throttled_before) VALUES ($1, $2, 1, false)
       ON CONFLICT (key) DO UPDATE SET
         throttled_before = CASE WHEN w.since <= $3 THEN w.count >= $4 ELSE w.throttled_before END,
         count = CASE WHEN w.since <= $3 THEN 1 ELSE w.count + 1 END,
         since = CASE WHEN w.since <= $3 THEN $2 ELSE w.since END
       RETURNING count, throttled_before`,
      [key, clock(), new Date(clock().getTime() - WINDOW_MS), RECORDED_PER_WINDOW],
    );
    const { count = 1, throttled_before: throttledBefore = false } = rows[0] ?? {};
    return count === 1 || (!throttledBefore && count <= RECORDED_PER_WINDOW);
  },
  // A window that is over still says whether the one after it begins throttled.
  removeExpired: async () => {
    await db.query('DELETE FROM provider.attempt_windows WHERE since < $1', [
      new Date(clock().getTime() - 10 * WINDOW_MS),
    ]);
  },
});
