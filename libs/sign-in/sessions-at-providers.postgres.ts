import type { Clock } from '#libs/platform/clock.js';
import type { Migration } from '#libs/platform/postgres/migrations.js';
import type { Queryable } from '#libs/platform/postgres/pool.js';
import type { IndexKeys } from '#libs/privacy/index-key.js';
import type { SessionAtProvider } from '#libs/identity-providers/verified-assertion.js';

export const sessionsAtProvidersMigrations: readonly Migration[] = [
  {
    name: 'sign-in/sessions-at-providers',
    sql: `
      CREATE TABLE provider.sessions_at_providers (
        session_id text PRIMARY KEY,
        user_id uuid NOT NULL,
        subject_key text NOT NULL,
        session_key text,
        expires_at timestamptz NOT NULL
      );
      CREATE INDEX sessions_at_providers_of_subject ON provider.sessions_at_providers (subject_key);
      CREATE INDEX sessions_at_providers_of_session ON provider.sessions_at_providers (session_key);
      CREATE INDEX sessions_at_providers_expiry ON provider.sessions_at_providers (expires_at);
      CREATE TABLE provider.logout_messages (message_key text PRIMARY KEY, expires_at timestamptz NOT NULL)`,
  },
  {
    name: 'sign-in/sessions-at-several-providers',
    // A session that is renewed through another provider ends with a logout at either.
    sql: `ALTER TABLE provider.sessions_at_providers
      DROP CONSTRAINT sessions_at_providers_pkey,
      ADD PRIMARY KEY (session_id, subject_key)`,
  },
];

/** A provider's word that somebody has left there, verified to the end. */
export interface LogoutAtProvider {
  readonly providerId: string;
  readonly issuer: string;
  /** The person, one of the person's sessions there, or both; at least one of the two. */
  readonly subject: string | undefined;
  readonly session: string | undefined;
  /** Names the message: it is used once, until it expires. */
  readonly messageId: string;
  readonly expiresAt: Date;
}

/**
 * Which of our sessions came from which session at a provider, so that a logout there ends them here (OpenID Connect
 * Back-Channel Logout, SAML single logout). Kept as HMACs only.
 */
export interface SessionsAtProviders {
  /** Called before the session can be used, and before one is renewed: of each person there it is the latest. */
  record(
    opened: { readonly sessionId: string; readonly userId: string; readonly lifetimeS: number },
    at: SessionAtProvider,
  ): Promise<void>;
  /** Our sessions that came from what has ended there. */
  find(logout: LogoutAtProvider): Promise<readonly string[]>;
  wasMet(logout: LogoutAtProvider): Promise<boolean>;
  /** Once everything that it ends has ended. */
  noteMet(logout: LogoutAtProvider): Promise<void>;
  removeExpired(): Promise<void>;
}

const LOGOUT_MESSAGE_SKEW_MS = 120_000;

export const postgresSessionsAtProviders = (db: Queryable, keys: IndexKeys, clock: Clock): SessionsAtProviders => {
  // Sessions at a provider belong to no organization: a person who leaves there leaves all of them.
  const keyOf = (...parts: readonly [what: string, providerId: string, issuer: string, name: string]): string =>
    keys.of('sessionAtProvider', '', ...parts);
  return {
    record: async ({ sessionId, userId, lifetimeS }, { providerId, issuer, subject, session }) => {
      await db.query(
        `INSERT INTO provider.sessions_at_providers (session_id, user_id, subject_key, session_key, expires_at)
         VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (session_id, subject_key) DO UPDATE SET session_key = $4, expires_at = $5`,
        [
          sessionId,
          userId,
          keyOf('subject', providerId, issuer, subject),
          session === undefined ? null : keyOf('session', providerId, issuer, session),
          new Date(clock().getTime() + lifetimeS * 1_000),
        ],
      );
    },
    find: async ({ providerId, issuer, subject, session }) => {
      const { rows } = await db.query<{ session_id: string }>(
        `SELECT session_id FROM provider.sessions_at_providers
         WHERE ($1::text IS NULL OR subject_key = $1) AND ($2::text IS NULL OR session_key = $2) AND COALESCE($1, $2) IS NOT NULL`,
        [
          subject === undefined ? null : keyOf('subject', providerId, issuer, subject),
          session === undefined ? null : keyOf('session', providerId, issuer, session),
        ],
      );
      return rows.map(({ session_id }) => session_id);
    },
    wasMet: async ({ providerId, issuer, messageId }) => {
      const key = keyOf('message', providerId, issuer, messageId);
      return (await db.query('SELECT 1 FROM provider.logout_messages WHERE message_key = $1', [key])).rowCount === 1;
    },
    noteMet: async ({ providerId, issuer, messageId, expiresAt }) => {
      await db.query(
        'INSERT INTO provider.logout_messages (message_key, expires_at) VALUES ($1, $2) ON CONFLICT DO NOTHING',
        [
          keyOf('message', providerId, issuer, messageId),
          // Taken within the skew of its expiry too.
          new Date(expiresAt.getTime() + LOGOUT_MESSAGE_SKEW_MS),
        ],
      );
    },
    removeExpired: async () => {
      const now = [clock()];
      await db.query('DELETE FROM provider.sessions_at_providers WHERE expires_at < $1', now);
      await db.query('DELETE FROM provider.logout_messages WHERE expires_at < $1', now);
    },
  };
};

export const purgeSessionsAtProviders = async (db: Queryable, userId: string): Promise<void> => {
  await db.query('DELETE FROM provider.sessions_at_providers WHERE user_id = $1', [userId]);
};
