import type { Migration } from '#libs/platform/postgres/migrations.js';

/** The OpenID Provider's tables in the schema `provider`. */
export const openIdProviderMigrations: readonly Migration[] = [
  {
    name: 'openid-provider/sessions',
    sql: `
      CREATE TABLE provider.sessions (
        uid text PRIMARY KEY,
        jti text UNIQUE,
        state text NOT NULL CHECK (state IN ('anonymous', 'pending', 'active', 'ended')),
        user_id uuid,
        organization_id text,
        claim_id uuid,
        method text,
        auth_time timestamptz,
        payload jsonb NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now(),
        expires_at timestamptz NOT NULL,
        ended_at timestamptz,
        ended_reason text,
        CHECK ((state IN ('pending', 'active')) <= (user_id IS NOT NULL AND auth_time IS NOT NULL AND organization_id IS NOT NULL))
      );
      CREATE INDEX sessions_of_user ON provider.sessions (user_id) WHERE state IN ('pending', 'active');
      CREATE INDEX sessions_expiry ON provider.sessions (expires_at)`,
  },
  {
    name: 'openid-provider/artifacts',
    sql: `
      CREATE TABLE provider.artifacts (
        model text NOT NULL,
        id text NOT NULL,
        payload jsonb NOT NULL,
        grant_id text,
        session_uid text,
        user_code text,
        uid text,
        expires_at timestamptz,
        consumed_at timestamptz,
        PRIMARY KEY (model, id)
      );
      CREATE INDEX artifacts_of_grant ON provider.artifacts (grant_id) WHERE grant_id IS NOT NULL;
      CREATE INDEX artifacts_of_session ON provider.artifacts (session_uid) WHERE session_uid IS NOT NULL;
      CREATE INDEX artifacts_by_user_code ON provider.artifacts (user_code) WHERE user_code IS NOT NULL;
      CREATE INDEX artifacts_by_uid ON provider.artifacts (model, uid) WHERE uid IS NOT NULL;
      CREATE INDEX artifacts_expiry ON provider.artifacts (expires_at)`,
  },
  {
    name: 'openid-provider/signing-keys',
    sql: `CREATE TABLE provider.signing_keys (
      kid text PRIMARY KEY,
      alg text NOT NULL,
      sealed bytea NOT NULL,
      created_at timestamptz NOT NULL DEFAULT now()
    )`,
  },
  {
    name: 'openid-provider/sessions-account-revision',
    // Sessions from before knew no revocation of the kind that asks for it.
    sql: `ALTER TABLE provider.sessions ADD COLUMN account_revision bigint NOT NULL DEFAULT -1`,
  },
  {
    name: 'openid-provider/sessions-source',
    sql: `ALTER TABLE provider.sessions
      ADD COLUMN address text,
      ADD COLUMN user_agent text,
      ADD COLUMN last_seen_at timestamptz NOT NULL DEFAULT now()`,
  },
];
