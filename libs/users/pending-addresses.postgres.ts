import type { Clock } from '#libs/platform/clock.js';
import type { Migration } from '#libs/platform/postgres/migrations.js';
import type { Queryable } from '#libs/platform/postgres/pool.js';

export const pendingAddressMigrations: readonly Migration[] = [
  {
    name: 'accounts/pending-addresses',
    sql: `CREATE TABLE provider.pending_addresses (
      address_key text NOT NULL,
      user_id uuid NOT NULL,
      email_id uuid NOT NULL,
      asked_at timestamptz NOT NULL,
      PRIMARY KEY (address_key, user_id)
    );
    CREATE INDEX pending_addresses_of_user ON provider.pending_addresses (user_id)`,
  },
];

/** How long an address that nobody verified can be asked about, in milliseconds: 30 days. */
const LIFETIME_MS = 30 * 24 * 3_600_000;

/** An address that an account once waited for; whether it still does is for the account's stream to say. */
export interface PendingAddress {
  readonly userId: string;
  readonly emailId: string;
}

/**
 * Which accounts asked for mails to an address that is not verified: nothing reserves such an address, so there may be
 * several, a stranger's among them. It is looked up to mail to that very address again and for nothing else. Keys are
 * HMACs; no address is stored.
 */
export interface PendingAddresses {
  remember(addressKey: string, pending: PendingAddress): Promise<void>;
  /** The latest ones first. */
  find(addressKey: string, atMost: number): Promise<readonly PendingAddress[]>;
  removeExpired(): Promise<void>;
}

export const postgresPendingAddresses = (db: Queryable, clock: Clock): PendingAddresses => ({
  remember: async (addressKey, { userId, emailId }) => {
    await db.query(
      `INSERT INTO provider.pending_addresses (address_key, user_id, email_id, asked_at) VALUES ($1, $2, $3, $4)
       ON CONFLICT (address_key, user_id) DO UPDATE SET email_id = $3, asked_at = $4`,
      [addressKey, userId, emailId, clock()],
    );
  },
  find: async (addressKey, atMost) => {
    const { rows } = await db.query<{ user_id: string; email_id: string }>(
      'SELECT user_id, email_id FROM provider.pending_addresses WHERE address_key = $1 AND asked_at > $2 ORDER BY asked_at DESC LIMIT $3',
      [addressKey, new Date(clock().getTime() - LIFETIME_MS), atMost],
    );
    return rows.map((row) => ({ userId: row.user_id, emailId: row.email_id }));
  },
  removeExpired: async () => {
    await db.query('DELETE FROM provider.pending_addresses WHERE asked_at < $1', [
      new Date(clock().getTime() - LIFETIME_MS),
    ]);
  },
});

export const purgePendingAddresses = async (db: Queryable, userId: string): Promise<void> => {
  await db.query('DELETE FROM provider.pending_addresses WHERE user_id = $1', [userId]);
};
