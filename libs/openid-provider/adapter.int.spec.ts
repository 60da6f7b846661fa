import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { systemClock } from '#libs/platform/clock.js';
import { newUuid } from '#libs/platform/ids.js';
import { migrate } from '#libs/platform/postgres/migrations.js';
import { createPool } from '#libs/platform/postgres/pool.js';
import type { Connection, Pool } from '#libs/platform/postgres/pool.js';
import { createTestDatabase } from '#test-support/database.js';
import type { TestDatabase } from '#test-support/database.js';
import { PostgresAdapter, sessionAdapter } from './adapter.postgres.js';
import { openIdProviderMigrations } from './migrations.js';
import { SessionRows } from './sessions.postgres.js';
import { loadSigningKeys } from './signing-keys.postgres.js';
import { sessionOf } from '#test-support/sessions.js';

const TTL_S = 60;

describe('the OpenID Provider’s storage', () => {
  let database: TestDatabase;
  let pool: Pool;
  let sessions: SessionRows;
  let userId: string;
  let sessionUid: string;
  let grantId: string;
  let jti: string;

  const adapter = (model: string) => new PostgresAdapter(pool, systemClock, model);
  const ofThisSession = () => ({ accountId: userId, sessionUid, grantId });
  const isStored = async (model: string, id: string): Promise<boolean> =>
    (await pool.query('SELECT 1 FROM provider.artifacts WHERE model = $1 AND id = $2', [model, id])).rowCount === 1;

  beforeAll(async () => {
    database = await createTestDatabase();
    pool = createPool(database.urls.ligature_identity, { applicationName: 'test', max: 20, onIdleError: () => undefined });
    await migrate(pool, 'provider', openIdProviderMigrations);
    sessions = new SessionRows(pool, systemClock);
  });
  afterAll(async () => {
    await pool.end();
    await database.drop();
  });
  beforeEach(async () => {
    [userId, grantId] = [newUuid(), newUuid()];
    const pending = { userId, organizationId: 'default', claimId: newUuid(), ...sessionOf, authTime: new Date() };
    sessionUid = (await sessions.insertPending(pending)).sessionId;
    jti = (await sessions.activate(sessionUid)) ?? '';
    await adapter('Grant').upsert(grantId, { accountId: userId }, TTL_S);
  });

  /** Does `work` while another transaction, which began before, is about to end the session. */
  const whileEnding = async <T>(work: () => Promise<T>): Promise<T> => {
    const ending: Connection = await pool.connect();
    try {
      await ending.query('BEGIN');
      await ending.query(`UPDATE provider.sessions SET state = 'ended' WHERE uid = $1`, [sessionUid]);
      const { rows: own } = await ending.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
      const working = work();
      working.catch(() => undefined);
      for (let waiting = false; !waiting;) {
        const { rows } = await pool.query<{ waiting: boolean }>(
          'SELECT EXISTS (SELECT 1 FROM pg_stat_activity WHERE $1 = ANY (pg_blocking_pids(pid))) AS waiting',
          [own[0]?.pid],
        );
        waiting = rows[0]?.waiting === true;
      }
      await ending.query('COMMIT');
      return await working;
    } finally {
      ending.release();
    }
  };

  it.each(['AuthorizationCode', 'AccessToken', 'RefreshToken'])(
    'a %s waits for a revocation under way, and is not stored after it',
    async (model) => {
      await expect(whileEnding(() => adapter(model).upsert('late', ofThisSession(), TTL_S))).rejects.toMatchObject({ statusCode: 400 });
      expect(await isStored(model, 'late')).toBe(false);
    },
  );

  it('a code that is consumed waits for a revocation under way, and is refused after it', async () => {
    await adapter('AuthorizationCode').upsert('raced', ofThisSession(), TTL_S);
    await expect(whileEnding(() => adapter('AuthorizationCode').consume('raced'))).rejects.toMatchObject({ error: 'invalid_grant' });
  });

  it('nothing is stored under a grant that is gone', async () => {
    await adapter('Grant').destroy(grantId);
    await expect(adapter('AccessToken').upsert('orphan', ofThisSession(), TTL_S)).rejects.toMatchObject({ error: 'invalid_grant' });
    expect(await isStored('AccessToken', 'orphan')).toBe(false);
  });

  it('50 at once consume a code: one may; the grant and all that hangs on it go', async () => {
    await adapter('AuthorizationCode').upsert('once', ofThisSession(), TTL_S);
    await adapter('AccessToken').upsert('of the first use', ofThisSession(), TTL_S);
    const answers = await Promise.allSettled(Array.from({ length: 50 }, () => adapter('AuthorizationCode').consume('once')));
    expect(answers.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect([await isStored('Grant', grantId), await isStored('AccessToken', 'of the first use')]).toEqual([false, false]);
  });

  it('P5, P9: of 50 who show the same one-time value at once, one may', async () => {
    const id = newUuid();
    const answers = await Promise.allSettled(Array.from({ length: 50 }, () => adapter('ReplayDetection').upsert(id, {}, TTL_S)));
    expect(answers.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  });

  it('what has expired is not found, though its row is still there', async () => {
    await adapter('PushedAuthorizationRequest').upsert('gone', {}, -1);
    expect(await isStored('PushedAuthorizationRequest', 'gone')).toBe(true);
    expect(await adapter('PushedAuthorizationRequest').find('gone')).toBeUndefined();
  });

  it('saving a session never revives one that has ended, and never gives it to another user', async () => {
    const adapterOfSessions = sessionAdapter(pool, systemClock, () => Promise.resolve());
    const save = (accountId: string) => adapterOfSessions.upsert(newUuid(), { uid: sessionUid, accountId }, TTL_S);
    await expect(save(newUuid())).rejects.toMatchObject({ statusCode: 400 });
    await save(userId);
    await sessions.end({ sessionId: sessionUid }, 'signed_out');
    await expect(save(userId)).rejects.toMatchObject({ statusCode: 400 });
    const { rows } = await pool.query('SELECT state, jti FROM provider.sessions WHERE uid = $1', [sessionUid]);
    expect(rows).toEqual([{ state: 'ended', jti: null }]);
  });

  it('a session that names an account without one of our sign-ins is no session', async () => {
    const adapterOfSessions = sessionAdapter(pool, systemClock, () => Promise.resolve());
    await adapterOfSessions.upsert('made-up', { uid: 'made-up', accountId: userId }, TTL_S);
    expect(await adapterOfSessions.find('made-up')).toBeUndefined();
    expect(await adapterOfSessions.findByUid('made-up')).toBeUndefined();
  });

  it('changing a session’s id: the old one is gone at once, the session stays', async () => {
    const adapterOfSessions = sessionAdapter(pool, systemClock, () => Promise.resolve());
    await adapterOfSessions.destroy(jti);
    expect(await adapterOfSessions.find(jti)).toBeUndefined();
    await adapterOfSessions.upsert('fresh', { uid: sessionUid, accountId: userId }, TTL_S);
    expect(await sessions.findActive('fresh')).toMatchObject({ sessionId: sessionUid, userId });
    expect(await sessions.findActive(jti)).toBeUndefined();
  });

  it('many first starts at once make one set of signing keys', async () => {
    const loaded = await Promise.all(Array.from({ length: 4 }, () => loadSigningKeys(pool, Buffer.alloc(32, 1))));
    expect(new Set(loaded.map((keys) => JSON.stringify(keys.map(({ kid }) => kid)))).size).toBe(1);
    expect(loaded[0]?.map(({ alg }) => alg)).toEqual(['RS256', 'ES256']);
    await expect(loadSigningKeys(pool, Buffer.alloc(32, 2))).rejects.toThrow();
  });
});
