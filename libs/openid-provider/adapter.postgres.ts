import { errors, Provider } from 'oidc-provider';
import type { Adapter, AdapterPayload } from 'oidc-provider';
import type { Clock } from '#libs/platform/clock.js';
import type { Pool } from '#libs/platform/postgres/pool.js';
import { findSessionPayload, forgetSessionId, upsertSession } from './sessions.postgres.js';
import type { StoredSession } from './sessions.postgres.js';

interface Row {
  readonly payload: AdapterPayload;
  readonly consumed_at: Date | null;
}

/** What gives access, and so must not outlive its session and its grant. */
const GUARDED: ReadonlySet<string> = new Set(['AuthorizationCode', 'AccessToken', 'RefreshToken', 'DeviceCode']);

/**
 * oidc-provider's storage. Three things it does not do by itself (security.md): consuming and replay detection are atomic here, and nothing
 * that hangs on a session or a grant is stored once that session or grant is gone.
 */
export class PostgresAdapter implements Adapter {
  constructor(
    private readonly pool: Pool,
    private readonly clock: Clock,
    private readonly model: string,
  ) {}

  async upsert(id: string, payload: AdapterPayload, expiresIn: number): Promise<undefined> {
    const expiresAt = expiresIn ? new Date(this.clock().getTime() + expiresIn * 1_000) : null;
    const { userCode = null, uid = null } = payload;
    const [grantId, sessionUid] = GUARDED.has(this.model)
      ? [payload.grantId ?? null, payload.sessionUid ?? null]
      : [null, this.#sessionOfGrant()];
    const { rowCount } = await this.pool.query(
      `WITH session AS (SELECT 1 FROM provider.sessions WHERE uid = $5 AND state = 'active' FOR SHARE),
            granted AS (SELECT 1 FROM provider.artifacts WHERE model = 'Grant' AND id = $4 FOR SHARE)
       INSERT INTO provider.artifacts (model, id, payload, grant_id, session_uid, user_code, uid, expires_at)
       SELECT $1, $2, $3, $4, $5, $6, $7, $8::timestamptz
       WHERE ($5::text IS NULL OR EXISTS (SELECT 1 FROM session)) AND ($4::text IS NULL OR EXISTS (SELECT 1 FROM granted))
       ON CONFLICT (model, id) DO ${this.model === 'ReplayDetection' ? 'NOTHING' : 'UPDATE SET payload = $3, grant_id = $4, session_uid = $5, user_code = $6, uid = $7, expires_at = $8'}`,
      [this.model, id, JSON.stringify(payload), grantId, sessionUid, userCode, uid, expiresAt],
    );
    if (rowCount === 1) return undefined;
    if (this.model === 'ReplayDetection') throw new errors.InvalidRequest('this value was used before');
    throw this.model === 'AuthorizationCode' || this.model === 'Grant'
      ? new errors.AccessDenied('the session has ended')
      : new errors.InvalidGrant('the session or the grant has ended');
  }

  /** A grant belongs to the one session that it is made in, though its payload does not say so. */
  #sessionOfGrant(): string | null {
    return this.model === 'Grant' ? (Provider.ctx?.oidc.session?.uid ?? null) : null;
  }

  async find(id: string): Promise<AdapterPayload | undefined> {
    const { rows } = await this.pool.query<Row>(
      'SELECT payload, consumed_at FROM provider.artifacts WHERE model = $1 AND id = $2 AND (expires_at IS NULL OR expires_at > $3)',
      [this.model, id, this.clock()],
    );
    return fromRow(rows[0]);
  }

  async findByUserCode(userCode: string): Promise<AdapterPayload | undefined> {
    const { rows } = await this.pool.query<Row>('SELECT payload, consumed_at FROM provider.artifacts WHERE model = $1 AND user_code = $2', [
      this.model,
      userCode,
    ]);
    return fromRow(rows[0]);
  }

  async findByUid(uid: string): Promise<AdapterPayload | undefined> {
    const { rows } = await this.pool.query<Row>('SELECT payload, consumed_at FROM provider.artifacts WHERE model = $1 AND uid = $2', [
      this.model,
      uid,
    ]);
    return fromRow(rows[0]);
  }

  /** At most one caller consumes (P3); the others find the whole grant revoked. The session must still be active at that moment. */
  async consume(id: string): Promise<undefined> {
    const { rowCount } = await this.pool.query(
      `WITH artifact AS (SELECT session_uid FROM provider.artifacts WHERE model = $1 AND id = $2),
            session AS (SELECT s.uid FROM provider.sessions s JOIN artifact a ON s.uid = a.session_uid WHERE s.state = 'active' FOR SHARE OF s)
       UPDATE provider.artifacts SET consumed_at = $3
       WHERE model = $1 AND id = $2 AND consumed_at IS NULL AND (session_uid IS NULL OR EXISTS (SELECT 1 FROM session))`,
      [this.model, id, this.clock()],
    );
    if (rowCount === 1) return undefined;
    await this.pool.query(
      `WITH doomed AS (SELECT grant_id FROM provider.artifacts WHERE model = $1 AND id = $2)
       DELETE FROM provider.artifacts WHERE grant_id IN (SELECT grant_id FROM doomed) OR (model = 'Grant' AND id IN (SELECT grant_id FROM doomed))`,
      [this.model, id],
    );
    throw new errors.InvalidGrant('it was used before, or its session has ended');
  }

  async destroy(id: string): Promise<undefined> {
    await this.pool.query('DELETE FROM provider.artifacts WHERE model = $1 AND id = $2', [this.model, id]);
    return undefined;
  }

  async revokeByGrantId(grantId: string): Promise<undefined> {
    await this.pool.query('DELETE FROM provider.artifacts WHERE model = $1 AND grant_id = $2', [this.model, grantId]);
    return undefined;
  }
}

const fromRow = (row: Row | undefined): AdapterPayload | undefined =>
  row && (row.consumed_at ? { ...row.payload, consumed: Math.floor(row.consumed_at.getTime() / 1_000) } : row.payload);

const unsupported = (): never => {
  throw new Error('oidc-provider does not call this for sessions');
};

/** Whether the request under way is a person's answer "sign out" (RP-Initiated Logout 1.0), and not a session changing its id. */
const isSigningOut = (): boolean => {
  const oidc = Provider.ctx?.oidc;
  return oidc?.route === 'end_session_confirm' && Boolean(oidc.params?.logout);
};

/** oidc-provider's Session model on our session rows (`sessions.postgres.ts`). @param signOut ends the session of this id, with its event */
export const sessionAdapter = (pool: Pool, clock: Clock, signOut: (jti: string) => Promise<void>): Adapter => ({
  upsert: async (jti, payload, expiresIn) => {
    const expiresAt = new Date(clock().getTime() + (expiresIn ?? 0) * 1_000);
    if (!(await upsertSession(pool, jti, payload as StoredSession, expiresAt))) throw new errors.SessionNotFound('the session has ended');
    return undefined;
  },
  find: async (jti) => (await findSessionPayload(pool, 'jti', jti)) as AdapterPayload | undefined,
  findByUid: async (uid) => (await findSessionPayload(pool, 'uid', uid)) as AdapterPayload | undefined,
  destroy: async (jti) => {
    if (isSigningOut()) await signOut(jti);
    await forgetSessionId(pool, jti);
    return undefined;
  },
  findByUserCode: unsupported,
  consume: unsupported,
  revokeByGrantId: unsupported,
});

/** Removes what has expired. @returns how many rows went */
export const removeExpired = async (pool: Pool, now: Date): Promise<number> => {
  const artifacts = await pool.query('DELETE FROM provider.artifacts WHERE expires_at < $1', [now]);
  const sessions = await pool.query('DELETE FROM provider.sessions WHERE expires_at < $1', [now]);
  return (artifacts.rowCount ?? 0) + (sessions.rowCount ?? 0);
};
