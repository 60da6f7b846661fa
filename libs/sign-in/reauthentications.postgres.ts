import type { ProvenCredential } from '#libs/users/assurance.js';
import type { Clock } from '#libs/platform/clock.js';
import type { Migration } from '#libs/platform/postgres/migrations.js';
import type { Queryable } from '#libs/platform/postgres/pool.js';
import { RECENT_MS } from './recent.js';

export const reauthenticationMigrations: readonly Migration[] = [
  {
    name: 'sign-in/reauthentications',
    sql: `CREATE TABLE provider.reauthentications (session_id text PRIMARY KEY, user_id uuid NOT NULL, at timestamptz NOT NULL)`,
  },
  {
    name: 'sign-in/reauthentications-by-link',
    sql: `ALTER TABLE provider.reauthentications ADD COLUMN claim_id uuid`,
  },
];

type Of = { readonly sessionId: string; readonly userId: string };

/** When the person behind a session last proved again who they are, by one of the account's own methods. */
export interface Reauthentications {
  record(session: Of, proven: ProvenCredential): Promise<void>;
  /** What the person proved it by, at most ten minutes ago. */
  recent(session: Of): Promise<ProvenCredential | undefined>;
}

export const postgresReauthentications = (db: Queryable, clock: Clock): Reauthentications => ({
  record: async ({ sessionId, userId }, proven) => {
    const now = clock();
    await db.query('DELETE FROM provider.reauthentications WHERE at < $1', [new Date(now.getTime() - RECENT_MS)]);
    await db.query(
      `INSERT INTO provider.reauthentications (session_id, user_id, at, claim_id) VALUES ($1, $2, $3, $4)
       ON CONFLICT (session_id) DO UPDATE SET user_id = $2, at = $3, claim_id = $4`,
      [sessionId, userId, now, proven.kind === 'external_identity' ? proven.claimId : null],
    );
  },
  recent: async ({ sessionId, userId }) => {
    const { rows } = await db.query<{ claim_id: string | null }>(
      'SELECT claim_id FROM provider.reauthentications WHERE session_id = $1 AND user_id = $2 AND at > $3',
      [sessionId, userId, new Date(clock().getTime() - RECENT_MS)],
    );
    const [row] = rows;
    return row && (row.claim_id === null ? { kind: 'password' } : { kind: 'external_identity', claimId: row.claim_id });
  },
});

export const purgeReauthentications = async (db: Queryable, userId: string): Promise<void> => {
  await db.query('DELETE FROM provider.reauthentications WHERE user_id = $1', [userId]);
};
