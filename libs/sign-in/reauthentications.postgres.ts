import type { Clock } from '#libs/platform/clock.js';
import type { Migration } from '#libs/platform/postgres/migrations.js';
import type { Queryable } from '#libs/platform/postgres/pool.js';

export const reauthenticationMigrations: readonly Migration[] = [
  {
    name: 'sign-in/reauthentications',
    sql: `CREATE TABLE provider.reauthentications (session_id text PRIMARY KEY, user_id uuid NOT NULL, at timestamptz NOT NULL)`,
  },
];

/** How long a re-authentication counts as recent (domain.md): 10 minutes. */
export const RECENT_MS = 600_000;

/** When the person behind a session last proved again who they are, by one of the account's own methods. */
export interface Reauthentications {
  record(sessionId: string, userId: string): Promise<void>;
  isRecent(session: { readonly sessionId: string; readonly userId: string }): Promise<boolean>;
}

export const postgresReauthentications = (db: Queryable, clock: Clock): Reauthentications => ({
  record: async (sessionId, userId) => {
    const now = clock();
    await db.query('DELETE FROM provider.reauthentications WHERE at < $1', [new Date(now.getTime() - RECENT_MS)]);
    await db.query(
      'INSERT INTO provider.reauthentications (session_id, user_id, at) VALUES ($1, $2, $3) ON CONFLICT (session_id) DO UPDATE SET user_id = $2, at = $3',
      [sessionId, userId, now],
    );
  },
  isRecent: async ({ sessionId, userId }) => {
    const { rowCount } = await db.query('SELECT 1 FROM provider.reauthentications WHERE session_id = $1 AND user_id = $2 AND at > $3', [
      sessionId,
      userId,
      new Date(clock().getTime() - RECENT_MS),
    ]);
    return rowCount === 1;
  },
});

export const purgeReauthentications = async (db: Queryable, userId: string): Promise<void> => {
  await db.query('DELETE FROM provider.reauthentications WHERE user_id = $1', [userId]);
};
