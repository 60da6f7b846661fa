import { createHash, randomBytes } from 'node:crypto';
import type { Clock } from '#libs/platform/clock.js';
import type { Migration } from '#libs/platform/postgres/migrations.js';
import type { Queryable } from '#libs/platform/postgres/pool.js';

export const mailTokenMigrations: readonly Migration[] = [
  {
    name: 'accounts/mail-tokens',
    sql: `CREATE TABLE provider.mail_tokens (
      token_hash bytea PRIMARY KEY,
      purpose text NOT NULL,
      user_id uuid NOT NULL,
      organization_id text NOT NULL,
      email_id uuid NOT NULL,
      expires_at timestamptz NOT NULL
    );
    CREATE INDEX mail_tokens_of_user ON provider.mail_tokens (user_id);
    CREATE INDEX mail_tokens_expiry ON provider.mail_tokens (expires_at)`,
  },
];

/** What a mail may prove: that its reader owns the address. */
export type MailPurpose = 'verify_email' | 'recover_account';

/** How long a mail can be used, in milliseconds: verification a day, recovery half an hour. */
const LIFETIME_MS: Readonly<Record<MailPurpose, number>> = {
  verify_email: 24 * 3_600_000,
  recover_account: 30 * 60_000,
};

export interface MailTarget {
  readonly userId: string;
  readonly organizationId: string;
  /** The address on the account; a token for an address that the account no longer waits for proves nothing. */
  readonly emailId: string;
}

/** One-shot tokens that are sent by mail. Only their hashes are stored, and no address. */
export interface MailTokens {
  issue(purpose: MailPurpose, target: MailTarget): Promise<string>;
  /** What a token stands for, without using it up: for the page that asks to confirm. */
  peek(purpose: MailPurpose, token: unknown): Promise<MailTarget | undefined>;
  /** Uses a token up; only one caller ever gets its target (L13). */
  consume(purpose: MailPurpose, token: unknown): Promise<MailTarget | undefined>;
  /** Every mail that is on its way proves nothing any more (L4). */
  revokeAll(userId: string): Promise<void>;
  removeExpired(): Promise<void>;
}

const shape = /^[A-Za-z0-9_-]{43}$/;
const hash = (token: string): Buffer => createHash('sha256').update(token).digest();

interface Row {
  readonly user_id: string;
  readonly organization_id: string;
  readonly email_id: string;
}

const targetOf = (row: Row | undefined): MailTarget | undefined =>
  row && { userId: row.user_id, organizationId: row.organization_id, emailId: row.email_id };

export const postgresMailTokens = (db: Queryable, clock: Clock): MailTokens => {
  const one = async (sql: string, purpose: MailPurpose, token: unknown): Promise<MailTarget | undefined> => {
    if (typeof token !== 'string' || !shape.test(token)) return undefined;
    const { rows } = await db.query<Row>(`${sql} RETURNING user_id, organization_id, email_id`, [
      hash(token),
      purpose,
      clock(),
    ]);
    return targetOf(rows[0]);
  };
  return {
    issue: async (purpose, { userId, organizationId, emailId }) => {
      const token = randomBytes(32).toString('base64url');
      await db.query(
        'INSERT INTO provider.mail_tokens (token_hash, purpose, user_id, organization_id, email_id, expires_at) VALUES ($1, $2, $3, $4, $5, $6)',
        [hash(token), purpose, userId, organizationId, emailId, new Date(clock().getTime() + LIFETIME_MS[purpose])],
      );
      return token;
    },
    peek: async (purpose, token) => {
      if (typeof token !== 'string' || !shape.test(token)) return undefined;
      const { rows } = await db.query<Row>(
        'SELECT user_id, organization_id, email_id FROM provider.mail_tokens WHERE token_hash = $1 AND purpose = $2 AND expires_at > $3',
        [hash(token), purpose, clock()],
      );
      return targetOf(rows[0]);
    },
    consume: (purpose, token) =>
      one(
        'DELETE FROM provider.mail_tokens WHERE token_hash = $1 AND purpose = $2 AND expires_at > $3',
        purpose,
        token,
      ),
    revokeAll: (userId) => purgeMailTokens(db, userId),
    removeExpired: async () => {
      await db.query('DELETE FROM provider.mail_tokens WHERE expires_at < $1', [clock()]);
    },
  };
};

/** Every mail of a user that is on its way. */
export const purgeMailTokens = async (db: Queryable, userId: string): Promise<void> => {
  await db.query('DELETE FROM provider.mail_tokens WHERE user_id = $1', [userId]);
};
