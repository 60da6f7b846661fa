import { errors, Provider } from 'oidc-provider';
import type { Adapter, AdapterPayload } from 'oidc-provider';
import type { Clock } from '#libs/platform/clock.js';
import type { Pool } from '#libs/platform/postgres/pool.js';
import type { RowBound } from '#libs/platform/postgres/row-bound.js';
import { requestAddress } from '#libs/platform/request-address.js';
import type { Artifacts, StoredArtifact } from './artifacts.postgres.js';
import { Lookups } from './lookups.js';
import { bindingsOf, TokenExchange } from './token-exchange.js';
import { findSessionPayload, forgetSessionId, upsertSession } from './sessions.postgres.js';
import type { StoredSession } from './sessions.postgres.js';

/** Reserved at the token endpoint when it is presented, and used up there together with what follows from it. */
const PRESENTED: ReadonlySet<string> = new Set(['AuthorizationCode', 'RefreshToken']);

/** A revocation locks the same rows in the same order: session, grant, artifacts. */
const GUARDED = {
  name: 'store guarded artifact',
  text: `
    WITH session AS (SELECT 1 FROM provider.sessions WHERE uid = $5 AND state = 'active' FOR SHARE),
         granted AS (SELECT 1 FROM provider.grants
                     WHERE id = $4 AND revoked_at IS NULL AND ($5::text IS NULL OR EXISTS (SELECT 1 FROM session)) FOR SHARE)
    INSERT INTO provider.artifacts (model, id, payload, grant_id, session_uid, user_code, uid, expires_at)
    SELECT $1, $2, $3, $4, $5, $6, $7, $8::timestamptz WHERE EXISTS (SELECT 1 FROM granted)
    ON CONFLICT (model, id) DO UPDATE SET payload = $3, grant_id = $4, session_uid = $5, user_code = $6, uid = $7, expires_at = $8`,
};

/**
 * oidc-provider's storage. Things it does not do by itself (security.md): consuming is atomic here, and nothing that
 * hangs on a session or a grant is stored once that session or grant is gone.
 */
export class PostgresAdapter implements Adapter {
  constructor(
    private readonly pool: Pool,
    private readonly artifacts: Artifacts,
    private readonly clock: Clock,
    private readonly model: string,
    /** Of what strangers make (security row D2). */
    private readonly bound?: RowBound,
  ) {}

  async upsert(id: string, payload: AdapterPayload, expiresIn: number): Promise<undefined> {
    const { model } = this;
    const expiresAt = expiresIn ? new Date(this.clock().getTime() + expiresIn * 1_000) : null;
    const { grantId, sessionUid } = bindingsOf(model, payload);
    const exchange = grantId === null ? undefined : TokenExchange.current();
    if (exchange?.isOpen) {
      exchange.keep({ model, id, payload, grantId, sessionUid, expiresAt });
      return undefined;
    }
    const { userCode = null, uid = null } = payload;
    if (grantId === null) {
      await this.artifacts.store({ model, id, payload, userCode, uid, expiresAt, address: requestAddress() });
      await this.bound?.added();
      return undefined;
    }
    const values = [model, id, JSON.stringify(payload), grantId, sessionUid, userCode, uid, expiresAt];
    const { rowCount } = await this.pool.query({ ...GUARDED, values });
    if (rowCount === 1) return undefined;
    throw model === 'AuthorizationCode'
      ? new errors.AccessDenied('the session has ended')
      : new errors.InvalidGrant('the session or the grant has ended');
  }

  async find(id: string): Promise<AdapterPayload | undefined> {
    const { artifacts, model } = this;
    const exchange = PRESENTED.has(model) ? TokenExchange.current() : undefined;
    const lookups = Lookups.current();
    return fromRow(
      exchange ? lookups.keepGrant(await exchange.find(model, id)) : await lookups.find(artifacts, model, id),
    );
  }

  async findByUserCode(userCode: string): Promise<AdapterPayload | undefined> {
    const { rows } = await this.pool.query<Kept>(
      'SELECT payload, consumed_at FROM provider.artifacts WHERE model = $1 AND user_code = $2',
      [this.model, userCode],
    );
    return fromRow(rows[0]);
  }

  async findByUid(uid: string): Promise<AdapterPayload | undefined> {
    const { rows } = await this.pool.query<Kept>(
      'SELECT payload, consumed_at FROM provider.artifacts WHERE model = $1 AND uid = $2',
      [this.model, uid],
    );
    return fromRow(rows[0]);
  }

  /** At most one caller consumes (P3, P4, P6). */
  async consume(id: string): Promise<undefined> {
    const { model } = this;
    if (PRESENTED.has(model) || model === 'DeviceCode') {
      const exchange = TokenExchange.current();
      if (!exchange) throw new Error(`a ${model} is consumed at the token endpoint only`);
      // One that is asked for again and again, until its person has agreed, is not reserved each time.
      if (model === 'DeviceCode') await exchange.reserve(model, id);
      else if (!exchange.holds(model, id)) throw new Error(`a ${model} is consumed that was not presented`);
      return undefined;
    }
    const { rowCount } = await this.pool.query(
      'UPDATE provider.artifacts SET consumed_at = $3 WHERE model = $1 AND id = $2 AND consumed_at IS NULL',
      [model, id, this.clock()],
    );
    if (rowCount !== 1) throw new errors.InvalidRequestUri('request_uri is invalid, expired, or was already used');
    return undefined;
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

/** What oidc-provider wants back of a row. */
type Kept = Pick<StoredArtifact, 'payload' | 'consumed_at'>;
const fromRow = (row: Kept | undefined): AdapterPayload | undefined =>
  row && (row.consumed_at ? { ...row.payload, consumed: Math.floor(row.consumed_at.getTime() / 1_000) } : row.payload);

const unsupported = (): never => {
  throw new Error('oidc-provider does not call this for sessions');
};

/**
 * Whether the request under way is a person's answer "sign out" (RP-Initiated Logout 1.0), and not a session changing
 * its id.
 */
const isSigningOut = (): boolean => {
  const oidc = Provider.ctx?.oidc;
  return oidc?.route === 'end_session_confirm' && Boolean(oidc.params?.logout);
};

/**
 * oidc-provider's Session model on our session rows (`sessions.postgres.ts`).
 * @param signOut ends the session of this id, with its event
 */
export const sessionAdapter = (
  pool: Pool,
  clock: Clock,
  signOut: (jti: string) => Promise<void>,
  anonymous?: RowBound,
): Adapter => ({
  upsert: async (jti, payload, expiresIn) => {
    const expiresAt = new Date(clock().getTime() + (expiresIn ?? 0) * 1_000);
    if (!(await upsertSession(pool, jti, payload as StoredSession, expiresAt)))
      throw new errors.SessionNotFound('the session has ended');
    if (payload.accountId === undefined) await anonymous?.added();
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

/** Rows of one statement: a table that grew for a while is not emptied in one long transaction. */
const CLEAN_UP_ROWS = 5_000;

/**
 * Removes what has expired, at several instances at once. A revoked grant stays until its event is stored.
 * @returns how many rows went
 */
export const removeExpired = async (pool: Pool, now: Date): Promise<number> => {
  let removed = 0;
  for (const [table, condition] of [
    ['artifacts', 'expires_at < $1'],
    ['grants', 'expires_at < $1 AND revoked_at IS NULL'],
    ['sessions', 'expires_at < $1'],
  ]) {
    for (let went = CLEAN_UP_ROWS; went === CLEAN_UP_ROWS; removed += went) {
      const { rowCount } = await pool.query(
        `DELETE FROM provider.${table} WHERE ctid = ANY (ARRAY (
           SELECT ctid FROM provider.${table} WHERE ${condition} LIMIT ${CLEAN_UP_ROWS} FOR UPDATE SKIP LOCKED))`,
        [now],
      );
      went = rowCount ?? 0;
    }
  }
  return removed;
};
