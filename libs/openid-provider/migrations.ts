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
  {
    name: 'openid-provider/grants',
    // Grants get a table of their own, because they may outlive their session (offline_access). Apps from before ask
    // once more; so do people whose sessions do not know what they were decided from.
    sql: `
      DELETE FROM provider.artifacts WHERE model = 'Grant' OR grant_id IS NOT NULL;
      UPDATE provider.sessions SET state = 'ended', jti = NULL, ended_at = now(), ended_reason = 'replaced' WHERE account_revision = -1 AND state IN ('pending', 'active');
      CREATE TABLE provider.grants (
        id text PRIMARY KEY,
        client_id text NOT NULL,
        user_id uuid NOT NULL,
        organization_id text NOT NULL,
        session_uid text NOT NULL,
        claim_id uuid,
        account_revision bigint NOT NULL,
        payload jsonb NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now(),
        expires_at timestamptz NOT NULL,
        revoked_at timestamptz,
        revoked_reason text
      );
      CREATE INDEX grants_of_user ON provider.grants (user_id);
      CREATE INDEX grants_of_session ON provider.grants (session_uid);
      CREATE INDEX grants_expiry ON provider.grants (expires_at);
      CREATE INDEX grants_revoked ON provider.grants (revoked_at) WHERE revoked_at IS NOT NULL;
      CREATE TABLE provider.consents (
        user_id uuid NOT NULL,
        client_id text NOT NULL,
        scopes text[] NOT NULL,
        resources jsonb NOT NULL,
        granted_at timestamptz NOT NULL,
        PRIMARY KEY (user_id, client_id)
      )`,
  },
  {
    name: 'openid-provider/reservations',
    sql: `ALTER TABLE provider.artifacts ADD COLUMN reserved_by text, ADD COLUMN reserved_until timestamptz`,
  },
  {
    name: 'openid-provider/logout-deliveries',
    sql: `
      CREATE TABLE provider.logout_deliveries (
        client_id text NOT NULL,
        sid text NOT NULL,
        user_id uuid NOT NULL,
        attempts integer NOT NULL DEFAULT 0,
        next_attempt_at timestamptz NOT NULL DEFAULT now(),
        created_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (client_id, sid)
      );
      CREATE INDEX logout_deliveries_due ON provider.logout_deliveries (next_attempt_at)`,
  },
  {
    name: 'openid-provider/signing-key-rotation',
    // Only a request: whoever runs the command line makes no keys and sees none.
    sql: `
      ALTER TABLE provider.signing_keys ADD COLUMN signs_from timestamptz NOT NULL DEFAULT now();
      CREATE TABLE provider.signing_key_rotations (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        requested_at timestamptz NOT NULL DEFAULT now(),
        done_at timestamptz,
        signs_from timestamptz
      );
      GRANT USAGE ON SCHEMA provider TO ligature_cli;
      GRANT SELECT, INSERT ON provider.signing_key_rotations TO ligature_cli`,
  },
  {
    name: 'openid-provider/artifacts-address',
    sql: 'ALTER TABLE provider.artifacts ADD COLUMN address text',
  },
  {
    name: 'openid-provider/sessions-renewed',
    // When a person authenticated is the provider's word, and some say nothing. A session that is renewed goes back to
    // several links.
    sql: `
      ALTER TABLE provider.sessions
        DROP CONSTRAINT sessions_check,
        ADD CONSTRAINT sessions_check
          CHECK ((state IN ('pending', 'active')) <= (user_id IS NOT NULL AND organization_id IS NOT NULL)),
        ADD COLUMN further_claim_ids uuid[] NOT NULL DEFAULT '{}';
      ALTER TABLE provider.grants ADD COLUMN further_claim_ids uuid[] NOT NULL DEFAULT '{}'`,
  },
];
