import type { Clock } from '#libs/platform/clock.js';
import type { Migration } from '#libs/platform/postgres/migrations.js';
import type { Queryable } from '#libs/platform/postgres/pool.js';
import type { IndexKeys } from '#libs/privacy/index-key.js';
import type { SessionAtProvider } from '#libs/linking/verified-assertion.js';

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
];

/** Whom a provider's logout message names: a person, one of the person's sessions there, or both. */
export type LoggedOutAtProvider =
  { readonly subject: string; readonly session?: string | undefined } | { readonly subject?: undefined; readonly session: string };

/**
 * Which of our sessions came from which session at a provider, so that a logout there ends them here (OpenID Connect Back-Channel Logout, SAML
 * single logout). Kept as HMACs only.
 */
export interface SessionsAtProviders {
  /** Called before the session can be used. */
  record(opened: { readonly sessionId: string; readonly userId: string; readonly lifetimeS: number }, at: SessionAtProvider): Promise<void>;
  /** Our sessions that came from what the provider says has ended. @param issuer of the logout message, as verified */
  find(providerId: string, issuer: string, loggedOut: LoggedOutAtProvider): Promise<readonly string[]>;
  /** Whether a logout message is met for the first time; each is used once, until it expires. */
  isNew(providerId: string, issuer: string, messageId: string, expiresAt: Date): Promise<boolean>;
  removeExpired(): Promise<void>;
}

export const postgresSessionsAtProviders = (db: Queryable, keys: IndexKeys, clock: Clock): SessionsAtProviders => {
  // Sessions at a provider belong to no organization: a person who leaves there leaves all of them.
  const keyOf = (...parts: readonly [what: string, providerId: string, issuer: string, name: string]): string =>
    keys.of('sessionAtProvider', '', ...parts);
  return {
    record: async ({ sessionId, userId, lifetimeS }, { providerId, issuer, subject, session }) => {
      await db.query(
        `INSERT INTO provider.sessions_at_providers (session_id, user_id, subject_key, session_key, expires_at) VALUES ($1, $2, $3, $4, $5)`,
        [
          sessionId,
          userId,
          keyOf('subject', providerId, issuer, subject),
          session === undefined ? null : keyOf('session', providerId, issuer, session),
          new Date(clock().getTime() + lifetimeS * 1_000),
        ],
      );
    },
    find: async (providerId, issuer, { subject, session }) => {
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
    isNew: async (providerId, issuer, messageId, expiresAt) => {
      const { rowCount } = await db.query(
        'INSERT INTO provider.logout_messages (message_key, expires_at) VALUES ($1, $2) ON CONFLICT DO NOTHING',
        [keyOf('message', providerId, issuer, messageId), expiresAt],
      );
      return rowCount === 1;
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
