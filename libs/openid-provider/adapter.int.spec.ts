import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { StoreAwayError } from '#libs/event-store/store-errors.js';
import type { AdapterPayload } from 'oidc-provider';
import { systemClock } from '#libs/platform/clock.js';
import { newUuid } from '#libs/platform/ids.js';
import { silentLogger } from '#libs/platform/logger.js';
import { migrate } from '#libs/platform/postgres/migrations.js';
import { createPool } from '#libs/platform/postgres/pool.js';
import type { Connection, Pool } from '#libs/platform/postgres/pool.js';
import { createTestDatabase } from '#test-support/database.js';
import type { TestDatabase } from '#test-support/database.js';
import { PostgresAdapter, removeExpired, sessionAdapter } from './adapter.postgres.js';
import { Artifacts } from './artifacts.postgres.js';
import { Grants } from './grants.postgres.js';
import { openIdProviderMigrations } from './migrations.js';
import { Reservations } from './reservations.postgres.js';
import type { Artifact } from './reservations.postgres.js';
import { purgeSessions, SessionRows } from './sessions.postgres.js';
import { loadSigningKeys } from './signing-keys.postgres.js';
import { sessionOf } from '#test-support/sessions.js';

const TTL_S = 60;

describe('the OpenID Provider’s storage', () => {
  let database: TestDatabase;
  let pool: Pool;
  let sessions: SessionRows;
  let reservations: Reservations;
  let userId: string;
  let sessionUid: string;
  let grantId: string;
  let jti: string;

  const adapter = (model: string) => new PostgresAdapter(pool, new Artifacts(pool, systemClock), systemClock, model);
  const tokenOf = (id: string): Artifact => ({
    model: 'AccessToken',
    id,
    payload: ofThisSession(),
    grantId,
    sessionUid: null,
    expiresAt: new Date(Date.now() + TTL_S * 1_000),
  });
  const ofThisSession = () => ({ accountId: userId, sessionUid, grantId });
  const isStored = async (model: string, id: string): Promise<boolean> =>
    (await pool.query('SELECT 1 FROM provider.artifacts WHERE model = $1 AND id = $2', [model, id])).rowCount === 1;

  beforeAll(async () => {
    database = await createTestDatabase();
    pool = createPool(database.urls.ligature_identity, {
      applicationName: 'test',
      max: 20,
      onIdleError: () => undefined,
    });
    await migrate(pool, 'provider', openIdProviderMigrations);
    sessions = new SessionRows(pool, systemClock);
    reservations = new Reservations(pool, systemClock);
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
    await makeGrant();
  });

  const makeGrant = () =>
    pool.query(
      `INSERT INTO provider.grants (id, client_id, user_id, organization_id, session_uid, account_revision, payload, expires_at)
       VALUES ($1, 'app', $2, 'default', $3, 1, '{}', now() + interval '1 hour')`,
      [grantId, userId, sessionUid],
    );
  const grants = () => new Grants(pool, systemClock, silentLogger, () => Promise.resolve());
  /** One use of a code or token, and what follows from it. */
  const use = async (model: string, id: string, writes: readonly Artifact[] = []): Promise<boolean> => {
    const by = newUuid();
    const answer = await reservations.reserve({ model, id, by });
    return (
      answer.kind === 'reserved' &&
      reservations.commit({ model, id, by, grantId, sessionUid: answer.sessionUid, writes })
    );
  };

  const countingPool = () => {
    const counting = { statements: 0, pool };
    counting.pool = new Proxy(pool, {
      get: (target, name) => {
        if (name === 'query') counting.statements += 1;
        const value: unknown = Reflect.get(target, name);
        return typeof value === 'function' ? (value.bind(target) as unknown) : value;
      },
    });
    return counting;
  };

  /** Does `work` while another transaction, which began before, is about to end the session. */
  const whileEnding = async <T>(
    work: () => Promise<T>,
    andThen?: (ending: Connection) => Promise<unknown>,
  ): Promise<T> => {
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
      await andThen?.(ending);
      await ending.query('COMMIT');
      return await working;
    } finally {
      ending.release();
    }
  };

  it.each(['AuthorizationCode', 'AccessToken', 'RefreshToken'])(
    'a %s waits for a revocation under way, and is not stored after it',
    async (model) => {
      const bound = { ...ofThisSession(), expiresWithSession: true };
      await expect(whileEnding(() => adapter(model).upsert('late', bound, TTL_S))).rejects.toMatchObject({
        statusCode: 400,
      });
      expect(await isStored(model, 'late')).toBe(false);
    },
  );

  it('a code that is exchanged waits for a revocation under way, and gives nothing after it', async () => {
    await adapter('AuthorizationCode').upsert('raced', ofThisSession(), TTL_S);
    expect(await whileEnding(() => use('AuthorizationCode', 'raced', [tokenOf('from the raced code')]))).toBe(false);
    expect(await isStored('AccessToken', 'from the raced code')).toBe(false);
  });

  it('a refresh token that outlives its session waits for its grant’s revocation, and gives nothing after it', async () => {
    await adapter('RefreshToken').upsert('offline', ofThisSession(), TTL_S);
    const answer = await reservations.reserve({ model: 'RefreshToken', id: 'offline', by: 'me' });
    expect(answer.kind).toBe('reserved');
    await grants().revoke({ grantId }, 'revoked_by_client');
    const writes = [tokenOf('too late')];
    expect(
      await reservations.commit({ model: 'RefreshToken', id: 'offline', by: 'me', grantId, sessionUid: null, writes }),
    ).toBe(false);
    expect(await isStored('AccessToken', 'too late')).toBe(false);
  });

  it('nothing is stored under a grant that is gone', async () => {
    await grants().revoke({ grantId }, 'revoked_by_client');
    await expect(adapter('AccessToken').upsert('orphan', ofThisSession(), TTL_S)).rejects.toMatchObject({
      error: 'invalid_grant',
    });
    expect(await isStored('AccessToken', 'orphan')).toBe(false);
  });

  it('P14: what is reserved is nobody else’s, until it is given back or the one who has it is long gone', async () => {
    await adapter('RefreshToken').upsert('held', ofThisSession(), TTL_S);
    const take = (by: string) => reservations.reserve({ model: 'RefreshToken', id: 'held', by });
    expect(await take('first')).toMatchObject({ kind: 'reserved', grant: { id: grantId } });
    expect(await take('second')).toEqual({ kind: 'taken' });
    await reservations.giveBack({ model: 'RefreshToken', id: 'held', by: 'second' });
    expect(await take('second')).toEqual({ kind: 'taken' });
    await reservations.giveBack({ model: 'RefreshToken', id: 'held', by: 'first' });
    expect(await take('second')).toMatchObject({ kind: 'reserved' });
    await pool.query(`UPDATE provider.artifacts SET reserved_until = now() - interval '1 second' WHERE id = 'held'`);
    expect(await take('third')).toMatchObject({ kind: 'reserved' });
    // Whoever comes back after that finds that it is no longer theirs.
    const late = {
      model: 'RefreshToken',
      id: 'held',
      by: 'second',
      grantId,
      sessionUid: null,
      writes: [tokenOf('late')],
    };
    expect(await reservations.commit(late)).toBe(false);
    expect(await isStored('AccessToken', 'late')).toBe(false);
  });

  it('P14: an exchange whose answer was lost finds its own work done, once', async () => {
    await adapter('RefreshToken').upsert('asked twice', ofThisSession(), TTL_S);
    await reservations.reserve({ model: 'RefreshToken', id: 'asked twice', by: 'me' });
    const exchange = {
      model: 'RefreshToken',
      id: 'asked twice',
      by: 'me',
      grantId,
      sessionUid: null,
      writes: [tokenOf('written once')],
    };
    expect([await reservations.commit(exchange), await reservations.commit(exchange)]).toEqual([true, true]);
    expect(await reservations.commit({ ...exchange, by: 'another' })).toBe(false);
    expect(await reservations.reserve({ model: 'RefreshToken', id: 'asked twice', by: 'another' })).toMatchObject({
      kind: 'consumed',
      grantId,
    });
  });

  it('of many that are exchanged together each has its own outcome, in fewer statements', async () => {
    const names = ['one', 'two', 'three', 'four'].map((name) => `together ${name}`);
    const [one = '', two = '', three = '', four = ''] = names;
    for (const name of names) await adapter('RefreshToken').upsert(name, ofThisSession(), TTL_S);
    const counting = countingPool();
    const grouped = new Reservations(counting.pool, systemClock);
    const answers = await Promise.all(
      [...names, four].map((id, i) => grouped.reserve({ model: 'RefreshToken', id, by: `request ${i}` })),
    );
    // Of two that want the same one gets it; the other is told by a statement of its own.
    expect(answers.map(({ kind }) => kind).toSorted()).toEqual([
      'reserved',
      'reserved',
      'reserved',
      'reserved',
      'taken',
    ]);
    expect(counting.statements).toBe(2);
    const by = (id: string): string =>
      `request ${[...names, four].findIndex((name, i) => name === id && answers[i]?.kind === 'reserved')}`;
    const exchange = (id: string, over = {}) =>
      grouped.commit({
        model: 'RefreshToken',
        id,
        by: by(id),
        grantId,
        sessionUid,
        writes: [tokenOf(`for ${id}`)],
        ...over,
      });
    const outcomes = await Promise.all([
      exchange(one),
      exchange(two, { by: 'another' }),
      exchange(three, { sessionUid: 'of nobody' }),
      exchange(four, { writes: [] }),
    ]);
    expect(outcomes).toEqual([true, false, false, true]);
    expect(await Promise.all(names.map((name) => isStored('AccessToken', `for ${name}`)))).toEqual([
      true,
      false,
      false,
      false,
    ]);
  });

  it('what a revocation under way is about to remove is taken for the moment, and keeps nobody else waiting', async () => {
    for (const id of ['being removed', 'beside it']) await adapter('RefreshToken').upsert(id, ofThisSession(), TTL_S);
    const take = (id: string) => reservations.reserve({ model: 'RefreshToken', id, by: newUuid() });
    const removing = await pool.connect();
    try {
      await removing.query('BEGIN');
      await removing.query(`DELETE FROM provider.artifacts WHERE id = 'being removed'`);
      const [removed, beside] = await Promise.all([take('being removed'), take('beside it')]);
      expect([removed.kind, beside.kind]).toEqual(['taken', 'reserved']);
      await removing.query('COMMIT');
      expect((await take('being removed')).kind).toBe('gone');
    } finally {
      removing.release();
    }
  });

  it('what cannot be written of one exchange fails that one, and none that goes with it', async () => {
    const names = ['good', 'bad'].map((name) => `written ${name}`);
    for (const id of names) {
      await adapter('RefreshToken').upsert(id, ofThisSession(), TTL_S);
      await reservations.reserve({ model: 'RefreshToken', id, by: id });
    }
    const exchange = (id: string, writes: readonly Artifact[]) =>
      reservations.commit({ model: 'RefreshToken', id, by: id, grantId, sessionUid, writes });
    const [good, bad] = await Promise.allSettled([
      exchange('written good', [tokenOf('well')]),
      exchange('written bad', [tokenOf('twice'), tokenOf('twice')]),
    ]);
    expect([good, bad.status]).toEqual([{ status: 'fulfilled', value: true }, 'rejected']);
    expect([await isStored('AccessToken', 'well'), await isStored('AccessToken', 'twice')]).toEqual([true, false]);
  });

  it('a group that meets a revocation under way takes no lock while it waits: the others are not refused, and nobody is in a deadlock', async () => {
    const [ending, theirs] = [{ sessionUid, grantId }, newUuid()];
    await adapter('RefreshToken').upsert('of the ending', ofThisSession(), TTL_S);
    grantId = newUuid();
    sessionUid = (
      await sessions.insertPending({
        userId,
        organizationId: 'default',
        claimId: theirs,
        ...sessionOf,
        authTime: new Date(),
      })
    ).sessionId;
    await sessions.activate(sessionUid);
    await makeGrant();
    await adapter('RefreshToken').upsert('of the other', ofThisSession(), TTL_S);
    const other = { sessionUid, grantId };
    for (const id of ['of the ending', 'of the other'])
      await reservations.reserve({ model: 'RefreshToken', id, by: 'me' });
    const exchange = (id: string, bound: typeof other) =>
      reservations.commit({ model: 'RefreshToken', id, by: 'me', ...bound, writes: [tokenOf(`given ${id}`)] });
    ({ sessionUid, grantId } = ending);
    const outcomes = await whileEnding(
      () => Promise.all([exchange('of the other', other), exchange('of the ending', ending)]),
      // The revocation goes on to the other one's session, which a group that waited would have locked.
      async (db) => {
        await db.query(`SET LOCAL lock_timeout = '300ms'`);
        await db.query(`UPDATE provider.sessions SET last_seen_at = now() WHERE uid = $1`, [other.sessionUid]);
      },
    );
    expect(outcomes).toEqual([true, false]);
  });

  it('50 at once use a code: one may', async () => {
    await adapter('AuthorizationCode').upsert('once', ofThisSession(), TTL_S);
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, i) => use('AuthorizationCode', 'once', [tokenOf(`of use ${i}`)])),
    );
    expect(answers.filter(Boolean)).toHaveLength(1);
    const { rows } = await pool.query(
      `SELECT 1 FROM provider.artifacts WHERE grant_id = $1 AND model = 'AccessToken'`,
      [grantId],
    );
    expect(rows).toHaveLength(1);
  });

  it('P6: of 50 who use a pushed request at once, one may', async () => {
    await adapter('PushedAuthorizationRequest').upsert('pushed', {}, TTL_S);
    const answers = await Promise.allSettled(
      Array.from({ length: 50 }, () => adapter('PushedAuthorizationRequest').consume('pushed')),
    );
    expect(answers.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const answer of answers)
      if (answer.status === 'rejected')
        expect(answer.reason).toMatchObject({ error: 'invalid_request_uri', statusCode: 400 });
  });

  it('what an app may do without its person outlives the session, and not the link or the credential', async () => {
    const store = async (name: string) => {
      await adapter('RefreshToken').upsert(name, ofThisSession(), TTL_S);
      await adapter('RefreshToken').upsert(`${name}, bound`, { ...ofThisSession(), expiresWithSession: true }, TTL_S);
    };
    await store('a');
    await sessions.end({ sessionId: sessionUid }, 'signed_out');
    expect([await isStored('RefreshToken', 'a'), await isStored('RefreshToken', 'a, bound')]).toEqual([true, false]);
    await sessions.end({ userId, claimId: newUuid() }, 'identity_unlinked');
    await sessions.end({ userId, openedBefore: 2n, except: sessionUid }, 'password_changed');
    expect(await isStored('RefreshToken', 'a')).toBe(true);
    await sessions.end({ userId, openedBefore: 2n }, 'password_changed');
    expect(await isStored('RefreshToken', 'a')).toBe(false);
    const { rows } = await pool.query('SELECT revoked_reason FROM provider.grants WHERE id = $1', [grantId]);
    expect(rows).toEqual([{ revoked_reason: 'password_changed' }]);
  });

  it('the event of a revoked grant is owed until it is stored, and then stored once', async () => {
    const stored: string[] = [];
    let away = true;
    const owing = new Grants(pool, systemClock, silentLogger, (grant, reason) => {
      if (away) return Promise.reject(new Error('away'));
      if (grant.grantId === grantId) stored.push(reason);
      return Promise.resolve();
    });
    await adapter('RefreshToken').upsert('of the revoked', ofThisSession(), TTL_S);
    expect(await owing.revoke({ userId, clientId: 'app' }, 'consent_revoked')).toMatchObject([
      { grantId, userId, accountRevision: 1n },
    ]);
    expect([await isStored('RefreshToken', 'of the revoked'), stored]).toEqual([false, []]);
    away = false;
    await Promise.all([owing.finishRevocations(), owing.finishRevocations()]);
    expect(stored).toEqual(['consent_revoked']);
    expect(await owing.revoke({ grantId }, 'revoked_by_client')).toEqual([]);
  });

  it('while the store is away the events that are owed are not tried one after the other', async () => {
    let tried = 0;
    const owing = new Grants(pool, systemClock, silentLogger, () => {
      tried += 1;
      return Promise.reject(new StoreAwayError());
    });
    await pool.query('UPDATE provider.grants SET revoked_at = now(), revoked_reason = $1', ['consent_revoked']);
    const { rowCount } = await pool.query('SELECT FROM provider.grants');
    expect(rowCount).toBeGreaterThan(1);
    await owing.finishRevocations();
    expect(tried).toBe(1);
    await pool.query('DELETE FROM provider.grants WHERE revoked_at IS NOT NULL');
  });

  it('expired rows go, in pieces; a revoked grant stays until its event is stored', async () => {
    await pool.query(
      `INSERT INTO provider.artifacts (model, id, payload, expires_at)
       SELECT 'AccessToken', 'expired ' || n, '{}', now() - interval '1 minute' FROM generate_series(1, 12000) n`,
    );
    await pool.query(
      `UPDATE provider.grants SET expires_at = now() - interval '1 minute', revoked_at = now() WHERE id = $1`,
      [grantId],
    );
    expect(await removeExpired(pool, new Date())).toBeGreaterThanOrEqual(12_000);
    const { rows } = await pool.query('SELECT 1 FROM provider.artifacts WHERE expires_at < now()');
    expect(rows).toEqual([]);
    expect((await pool.query('SELECT 1 FROM provider.grants WHERE id = $1', [grantId])).rowCount).toBe(1);
  });

  it('what is stored and looked up at the same moment shares statements; one that PostgreSQL refuses fails by itself', async () => {
    const names = Array.from({ length: 20 }, (_, i) => `beside ${i}`);
    const payloadOf = (name: string) => ({ jti: name, scope: name === 'beside 7' ? 'with a \u0000' : 'plain' });
    const counting = countingPool();
    const rows = new Artifacts(counting.pool, systemClock);
    const beside = new PostgresAdapter(counting.pool, rows, systemClock, 'PushedAuthorizationRequest');
    const stored = await Promise.allSettled(names.map((name) => beside.upsert(name, payloadOf(name), TTL_S)));
    expect(stored.flatMap(({ status }, i) => (status === 'rejected' ? [i] : []))).toEqual([7]);
    counting.statements = 0;
    const found = await Promise.all([...names, 'beside 3'].map((name) => beside.find(name)));
    expect(found.map((payload) => payload?.jti)).toEqual([
      ...names.map((name, i) => (i === 7 ? undefined : name)),
      'beside 3',
    ]);
    // What is found is changed by who asked: it is nobody else's.
    expect(found[3]).not.toBe(found[20]);
    expect(counting.statements).toBe(1);
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

  it('L22: a request that began before a session’s id was changed does not bring the old one back', async () => {
    const adapterOfSessions = sessionAdapter(pool, systemClock, () => Promise.resolve());
    const began = (await adapterOfSessions.find(jti)) as AdapterPayload;
    const rotated = (await sessions.rotate(sessionUid)) ?? '';
    await adapterOfSessions.upsert(jti, { ...began, authorizations: { app: { sid: 's' } } }, TTL_S);
    expect(await sessions.findActive(jti)).toBeUndefined();
    expect(await adapterOfSessions.find(jti)).toBeUndefined();
    expect(await adapterOfSessions.find(rotated)).toMatchObject({
      jti: rotated,
      authorizations: { app: { sid: 's' } },
    });
    // One that gives it another id itself.
    await adapterOfSessions.destroy(jti);
    await adapterOfSessions.upsert('of the old one', { ...began, jti: 'of the old one' }, TTL_S);
    expect(await sessions.findActive('of the old one')).toBeUndefined();
    expect(await sessions.findActive(rotated)).toMatchObject({ sessionId: sessionUid });
  });

  it('an erasure takes the interactions along that the person was in, and what the app had said of them there', async () => {
    const params = { login_hint: 'ann@example.org' };
    await adapter('Interaction').upsert('with a session', { params, session: { accountId: userId } }, TTL_S);
    await adapter('Interaction').upsert('answered', { params, result: { login: { accountId: userId } } }, TTL_S);
    await adapter('Interaction').upsert('another person’s', { params, session: { accountId: newUuid() } }, TTL_S);
    await purgeSessions(pool, userId);
    const left = await Promise.all(
      ['with a session', 'answered', 'another person’s'].map((id) => isStored('Interaction', id)),
    );
    expect(left).toEqual([false, false, true]);
  });

  it('many first starts at once make one set of signing keys', async () => {
    const loaded = await Promise.all(
      Array.from({ length: 4 }, () => loadSigningKeys(pool, Buffer.alloc(32, 1), new Date())),
    );
    expect(new Set(loaded.map((keys) => JSON.stringify(keys.map(({ kid }) => kid)))).size).toBe(1);
    expect(loaded[0]?.map(({ alg }) => alg)).toEqual(['RS256', 'ES256']);
    await expect(loadSigningKeys(pool, Buffer.alloc(32, 2), new Date())).rejects.toThrow();
  });
});
