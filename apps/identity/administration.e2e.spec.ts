import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { userStream } from '#libs/users/streams.js';
import { readHistory } from '#libs/audit/history.js';
import { historyQuerySchema } from '#libs/audit/history-query.js';
import { findReplay, requestReplay } from '#libs/projection-engine/replays.postgres.js';
import { lockLive } from '#libs/projection-engine/generations.postgres.js';
import { createPool, inTransaction } from '#libs/platform/postgres/pool.js';
import type { Pool } from '#libs/platform/postgres/pool.js';
import { allProjections } from '#projections/all-projections.js';
import { Browser } from '#test-support/browser.js';
import { deny } from '#test-support/denied.js';
import { HostileOpenIdProvider } from '#test-support/hostile-openid-provider.js';
import { startTestIdentityServer } from '#test-support/identity-server.js';
import type { TestIdentityServer } from '#test-support/identity-server.js';
import { tablesWith } from '#test-support/search-database.js';
import { until } from '#test-support/until.js';

const USER_ID = /id="user-id">([0-9a-f-]{36})</;
const PASSWORD = 'a horse that nobody knows';

const configuration = (acme: string): string => `
identityProviders:
  - { id: acme, kind: oidc, displayName: Acme, issuer: "${acme}", clientId: ligature, scopes: [openid, profile, email] }
organizations:
${['default', 'other']
  .map(
    (id) => `  - id: ${id}
    displayName: Organization ${id}
    loginPolicy: { password: true, registration: true }
    identityProviders:
      - { id: acme, policy: { creationAllowed: true, autoCreate: true, linkingAllowed: true } }
`,
  )
  .join('')}relyingParties:
${[
  ['admin', 'default', 'users:write'],
  ['admin-of-other', 'other', 'users:write'],
  ['auditor', 'default', 'history:read'],
]
  .map(
    ([clientId, organization, scope]) => `  - clientId: ${clientId}
    organization: ${organization}
    displayName: ${clientId}
    grantTypes: [client_credentials]
    tokenEndpointAuthMethod: client_secret_post
    clientSecret: { env: TEST_CLIENT_SECRET }
    scopes: ["${scope}"]
`,
  )
  .join('')}`;

const SECRET = 'a-secret-of-this-test-and-no-other';

describe('the administration API', () => {
  let server: TestIdentityServer;
  let acme: HostileOpenIdProvider;
  let people = 0;

  beforeAll(async () => {
    acme = await HostileOpenIdProvider.start();
    server = await startTestIdentityServer();
    await server.installation.configure(configuration(acme.issuer), { TEST_CLIENT_SECRET: SECRET });
  }, 60_000);
  afterAll(async () => {
    await server.stop();
    await acme.stop();
  });

  const tokenOf = async (clientId: string, scope: string): Promise<string> => {
    const response = await fetch(`${server.issuer}/token`, {
      method: 'POST',
      body: new URLSearchParams({
        grant_type: 'client_credentials',
        client_id: clientId,
        client_secret: SECRET,
        scope,
      }),
    });
    return ((await response.json()) as { access_token: string }).access_token;
  };
  const call = async (
    method: string,
    path: string,
    options: { readonly token?: string; readonly key?: string; readonly body?: unknown } = {},
  ): Promise<{ readonly status: number; readonly code: string | undefined }> => {
    const { token = await tokenOf('admin', 'users:write'), key, body } = options;
    const response = await fetch(`${server.issuer}/api/v1/users/${path}`, {
      method,
      headers: {
        ...(token ? { authorization: `Bearer ${token}` } : {}),
        ...(key ? { 'idempotency-key': key } : {}),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, code: text ? (JSON.parse(text) as { code?: string }).code : undefined };
  };
  const register = async (): Promise<{ readonly browser: Browser; readonly userId: string; readonly name: string }> => {
    const name = `secret-person-${(people += 1)}-x`;
    const browser = new Browser();
    await browser.open(`${server.issuer}/register`);
    await browser.submit({
      displayName: `Displayed ${name}`,
      username: name,
      email: `${name}@example.org`,
      password: PASSWORD,
    });
    return { browser, userId: USER_ID.exec(browser.html)?.[1] ?? '', name };
  };
  const signIn = async (login: string): Promise<Browser> => {
    const browser = new Browser();
    await browser.open(`${server.issuer}/sign-in?choose`);
    await browser.submit({ login, password: PASSWORD }, '/sign-in/password');
    return browser;
  };
  const isSignedIn = async (browser: Browser): Promise<boolean> => {
    await browser.open(`${server.issuer}/account`);
    return browser.url === `${server.issuer}/account`;
  };
  const typesOf = async (userId: string): Promise<string[]> =>
    (await server.installation.store.read(userStream(userId))).map(({ event }) => event.type);

  it('deactivates: every session ends, nobody signs in with a wrong-password answer; activates again', async () => {
    const { browser, userId, name } = await register();
    expect(await call('POST', `${userId}/deactivate`)).toEqual({ status: 204, code: undefined });
    expect(await isSignedIn(browser)).toBe(false);
    const refused = await signIn(name);
    expect([refused.status, refused.text]).toEqual([422, expect.stringContaining('do not fit together')]);
    expect((await call('POST', `${userId}/reactivate`)).status).toBe(204);
    expect(await isSignedIn(await signIn(name))).toBe(true);
  });

  it('a refused sign-in with an identity that somebody owns is in their history, and goes with them when they are erased', async () => {
    const { browser, userId, name } = await register();
    acme.subject = `${name}-refused`;
    for (let step = 0; step < 2; step += 1) {
      await browser.open(`${server.issuer}/account`);
      await browser.submit({}, '/link/acme');
      if (browser.url.includes('/account/confirm')) await browser.submit({ password: PASSWORD }, '/confirm/password');
    }
    await call('POST', `${userId}/deactivate`);
    const refused = new Browser();
    await refused.open(`${server.issuer}/sign-in?choose`);
    await refused.submit({}, '/acme');
    const { store } = server.installation;
    const attempts = async () =>
      (await readHistory(store, userId, historyQuerySchema.parse({ types: 'LoginFailed' }))).entries.map(
        ({ payload, erased }) => [payload, erased],
      );
    const told = { code: 'account_not_found', providerId: 'acme', row: '2' };
    expect(await attempts()).toEqual([
      [expect.objectContaining({ ...told, assertedEmail: expect.stringContaining('@') }), []],
    ]);
    await call('POST', `${userId}/erase`);
    await server.installation.keys.destroy(userId);
    expect(await attempts()).toEqual([
      [expect.objectContaining({ ...told, assertedEmail: 'erased' }), expect.arrayContaining(['assertedEmail'])],
    ]);
  });

  it('the same Idempotency-Key again is the same command: one effect; with another body it is refused', async () => {
    const { browser, userId, name } = await register();
    acme.subject = `${name}-a`;
    for (let step = 0; step < 2; step += 1) {
      await browser.open(`${server.issuer}/account`);
      await browser.submit({}, '/link/acme');
      if (browser.url.includes('/account/confirm')) await browser.submit({ password: PASSWORD }, '/confirm/password');
    }
    const { store } = server.installation;
    const linked = (await store.read(userStream(userId))).find(({ event }) => event.type === 'ExternalIdentityLinked');
    const path = `${userId}/identities/${(linked?.event.data as { claimId: string }).claimId}/unlink`;
    const first = await call('POST', path, { key: 'unlink-1', body: {} });
    const again = await Promise.all(Array.from({ length: 5 }, () => call('POST', path, { key: 'unlink-1', body: {} })));
    expect([first, ...again].map(({ status }) => status)).toEqual([204, 204, 204, 204, 204, 204]);
    expect((await typesOf(userId)).filter((type) => type === 'ExternalIdentityUnlinked')).toHaveLength(1);
    expect(await call('POST', path, { key: 'unlink-1', body: { force: true } })).toEqual({
      status: 422,
      code: 'idempotency_key_reused',
    });
    expect(await call('POST', path, { key: 'another', body: {} })).toEqual({
      status: 404,
      code: 'identity_not_linked',
    });
  });

  it('one key in twenty calls at once, and again after the opposite command: one effect', async () => {
    const { userId } = await register();
    const key = 'deactivate-once';
    await Promise.all(Array.from({ length: 20 }, () => call('POST', `${userId}/deactivate`, { key })));
    await call('POST', `${userId}/reactivate`);
    expect((await call('POST', `${userId}/deactivate`, { key })).status).toBe(204);
    expect((await typesOf(userId)).filter((type) => type === 'UserDeactivated')).toHaveLength(1);
    expect(await call('POST', `${userId}/deactivate`, { key, body: { other: 'body' } })).toEqual({
      status: 422,
      code: 'idempotency_key_reused',
    });
  });

  it('somebody whose stream is parked cannot sign in until it is cleared: refused as after a revocation', async () => {
    const { userId, name } = await register();
    const projector = createPool(server.installation.eventStore.database.urls.ligature_projector, {
      applicationName: 'test',
    });
    const clear = await deny(projector, userId);
    const refused = await signIn(name);
    expect([refused.status, await isSignedIn(refused)]).toEqual([403, false]);
    await clear();
    await projector.end();
    expect(await isSignedIn(await signIn(name))).toBe(true);
  });

  it('grants and revokes roles', async () => {
    const { userId } = await register();
    expect((await call('PUT', `${userId}/roles/auditor`)).status).toBe(204);
    expect((await call('DELETE', `${userId}/roles/auditor`)).status).toBe(204);
    expect((await typesOf(userId)).slice(-2)).toEqual(['RoleGranted', 'RoleRevoked']);
    expect(await call('PUT', `${userId}/roles/emperor`)).toEqual({ status: 404, code: 'role_unknown' });
  });

  describe('denials', () => {
    it.each<[string, () => Promise<string>, number, string]>([
      ['no token', () => Promise.resolve(''), 401, 'token_missing'],
      ['a token that is none', () => Promise.resolve('abc'), 401, 'invalid_token'],
      ['a token of another scope', () => tokenOf('auditor', 'history:read'), 403, 'insufficient_scope'],
      ['L28: a token of another organization', () => tokenOf('admin-of-other', 'users:write'), 404, 'user_not_found'],
    ])('%s', async (_title, token, status, code) => {
      const { userId } = await register();
      const before = await typesOf(userId);
      for (const path of ['deactivate', 'reactivate', 'erase'])
        expect(await call('POST', `${userId}/${path}`, { token: await token() })).toEqual({ status, code });
      expect(await typesOf(userId)).toEqual(before);
    });
    it.each(['nobody', '00000000-0000-7000-8000-000000000000'])('a user that does not exist: %s', async (userId) =>
      expect(await call('POST', `${userId}/deactivate`)).toEqual({ status: 404, code: 'user_not_found' }),
    );
    it('an Idempotency-Key that cannot be used', async () => {
      const { userId } = await register();
      expect(await call('POST', `${userId}/deactivate`, { key: 'x'.repeat(201) })).toEqual({
        status: 400,
        code: 'idempotency_key_invalid',
      });
    });
  });

  describe('erasure', () => {
    const replay = async (admin: Pool, projection: string): Promise<void> => {
      const { id } = await requestReplay(admin, projection);
      const done = await until(async () => {
        const asked = await findReplay(admin, id);
        return asked?.state === 'done' || asked?.state === 'failed' ? asked : undefined;
      }, 30_000);
      expect([done.state, done.report?.identical]).toEqual(['done', true]);
    };

    it('T2: is answered 202 with a status address while a read model may show the person, and 204 only after', async () => {
      const { userId, name } = await register();
      const { database } = server.installation.eventStore;
      const admin = createPool(database.adminUrl, { applicationName: 'test' });
      const projector = createPool(database.urls.ligature_projector, { applicationName: 'test' });
      const send = async (method: string, path: string) => {
        const response = await fetch(`${server.issuer}${path}`, {
          method,
          headers: { authorization: `Bearer ${await tokenOf('admin', 'users:write')}` },
        });
        const { status, headers } = response;
        return {
          status,
          location: headers.get('location'),
          retryAfter: headers.get('retry-after'),
          body: await response.text(),
        };
      };
      try {
        expect(await send('GET', `/api/v1/users/${userId}/erasure`)).toMatchObject({ status: 404 });
        await until(async () => (await tablesWith(admin, name)).length > 0 && true);
        const inProgress = { status: 'in_progress', waitingFor: ['users'] };
        // Somebody holds the live generation: nobody can feed it.
        const begun = await inTransaction(projector, async (db) => {
          await lockLive(db, 'users');
          const answer = await send('POST', `/api/v1/users/${userId}/erase`);
          expect((await tablesWith(admin, name)).length).toBeGreaterThan(0);
          const seen = await send('GET', answer.location ?? '');
          expect([seen.status, seen.retryAfter, JSON.parse(seen.body)]).toEqual([200, '5', inProgress]);
          return answer;
        });
        expect([begun.status, begun.location, begun.retryAfter, JSON.parse(begun.body)]).toEqual([
          202,
          `/api/v1/users/${userId}/erasure`,
          '5',
          inProgress,
        ]);
        const done = await until(async () => {
          const { status, body } = await send('GET', begun.location ?? '');
          return status === 200 && body.includes('done') && body;
        });
        expect(JSON.parse(done)).toEqual({ status: 'done', waitingFor: [] });
        expect(await tablesWith(admin, name)).toEqual([]);
        expect(await send('POST', `/api/v1/users/${userId}/erase`)).toMatchObject({ status: 204, body: '' });
        const other = await tokenOf('admin-of-other', 'users:write');
        expect(await call('GET', `${userId}/erasure`, { token: other })).toEqual({
          status: 404,
          code: 'erasure_not_found',
        });
      } finally {
        await projector.end();
        await admin.end();
      }
    });

    it('invariant 10: no personal value is left in PostgreSQL; the history lists what happened; projections are rebuilt; the names are free', async () => {
      const { browser, userId, name } = await register();
      acme.subject = `${name}-subject`;
      await browser.open(`${server.issuer}/account`);
      await browser.submit({}, '/link/acme');
      if (browser.url.includes('/account/confirm')) await browser.submit({ password: PASSWORD }, '/confirm/password');
      await browser.open(`${server.issuer}/account`);
      await browser.submit({}, '/link/acme');
      await signIn(name);
      await signIn(`${name}@example.org`);
      const admin = createPool(server.installation.eventStore.database.adminUrl, { applicationName: 'test' });
      try {
        for (const { name: projection } of allProjections) await replay(admin, projection);
        // The generations before the replay are kept for a rollback, and hold the same values.
        const tables = await tablesWith(admin, name);
        expect(tables).toEqual(
          expect.arrayContaining(['users_g1.users', 'users_g2.users', 'links_g1.links', 'links_g2.links']),
        );
        expect((await call('POST', `${userId}/erase`, { key: 'erase' })).status).toBe(204);
        expect((await typesOf(userId)).slice(-2)).toEqual(['ErasureStarted', 'UserErased']);
        expect(await tablesWith(admin, name)).toEqual([]);
        expect(await isSignedIn(browser)).toBe(false);
        expect((await signIn(name)).status).toBe(422);

        const { entries } = await readHistory(
          server.installation.store,
          userId,
          historyQuerySchema.parse({ limit: 1_000 }),
        );
        expect(JSON.stringify(entries)).not.toContain(name);
        expect(entries.map(({ type }) => type)).toEqual(
          expect.arrayContaining([
            'UserRegistered',
            'UsernameChanged',
            'ExternalIdentityLinked',
            'LoginSucceeded',
            'SessionEnded',
            'UserErased',
          ]),
        );
        expect(entries.find(({ type }) => type === 'UsernameChanged')?.erased).toContain('username');

        for (const { name: projection } of allProjections) await replay(admin, projection);
        expect(await tablesWith(admin, name)).toEqual([]);
      } finally {
        await admin.end();
      }
      expect((await signIn(name)).status).toBe(422);
      const heir = new Browser();
      await heir.open(`${server.issuer}/register`);
      await heir.submit({ username: name, password: PASSWORD });
      expect(USER_ID.exec(heir.html)?.[1]).not.toBe(userId);
    });
  });
});
