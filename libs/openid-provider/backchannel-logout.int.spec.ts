import { once } from 'node:events';
import { createServer } from 'node:http';
import type { Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { createRemoteJWKSet, decodeProtectedHeader, jwtVerify } from 'jose';
import * as client from 'openid-client';
import { StoreAwayError } from '#libs/event-store/store-errors.js';
import { Browser } from '#test-support/browser.js';
import { until } from '#test-support/until.js';
import { aPerson, APP, aRelyingParty, signIn, startTestOpenIdProvider } from '#test-support/open-id-provider.js';
import type { Person, TestOpenIdProvider } from '#test-support/open-id-provider.js';

interface Told {
  readonly path: string;
  readonly type: string | undefined;
  readonly token: string;
}

describe('Back-Channel Logout 1.0, on two instances', () => {
  let op: TestOpenIdProvider;
  let apps: Server;
  let appsUrl: string;
  let person: Person;
  let browser: Browser;
  let told: Told[] = [];
  let answer = 200;
  /** Answers that were never given. */
  const hanging: ServerResponse[] = [];

  beforeAll(async () => {
    apps = createServer((request, response) => {
      if (request.url === '/hanging') return void hanging.push(response);
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const token = new URLSearchParams(Buffer.concat(chunks).toString()).get('logout_token') ?? '';
        told.push({ path: request.url ?? '', type: request.headers['content-type'], token });
        response.writeHead(answer, answer === 302 ? { location: '/elsewhere' } : {}).end();
      });
    }).listen(0, '127.0.0.1');
    await once(apps, 'listening');
    const url = `http://127.0.0.1:${(apps.address() as AddressInfo).port}`;
    appsUrl = url;
    op = await startTestOpenIdProvider(2);
    for (const settings of [
      {
        clientId: 'app',
        backchannelLogoutUri: `${url}/app`,
        grantTypes: ['authorization_code', 'refresh_token'],
        scopes: ['openid', 'offline_access'],
      },
      { clientId: 'other-app', backchannelLogoutUri: `${url}/other` },
      { clientId: 'pairwise', backchannelLogoutUri: `${url}/pairwise`, subjectType: 'pairwise' },
      { clientId: 'inside', backchannelLogoutUri: 'https://10.0.0.1/logout' },
      { clientId: 'hanging', backchannelLogoutUri: `${url}/hanging` },
      { clientId: 'quiet' },
    ])
      op.relyingParties.set(settings.clientId, aRelyingParty(settings));
  });
  afterAll(async () => {
    apps.closeAllConnections();
    apps.close();
    await op.stop();
  });
  beforeEach(async () => {
    await op.pool.query('DELETE FROM provider.logout_deliveries');
    [person, told, answer] = [aPerson(), [], 200];
    op.users.set(person.userId, {});
    op.person = person;
    browser = new Browser([APP]);
  });

  const work = async (): Promise<void> => {
    await Promise.all(op.instances.map((instance) => instance.work()));
    await Promise.all(op.instances.map((instance) => instance.settled()));
  };
  const waiting = async (): Promise<number> =>
    (await op.pool.query('SELECT 1 FROM provider.logout_deliveries')).rowCount ?? 0;
  const sidOf = (tokens: client.TokenEndpointResponseHelpers) => String(tokens.claims()?.sid);
  const signInTo = async (clientId: string) => signIn(await op.relyingParty(clientId), browser, { scope: 'openid' });

  it.each([
    [
      'signs out',
      async () => {
        await browser.open(`${op.issuer}/session/end`);
        await browser.submit({ logout: 'yes' });
      },
    ],
    ['is deactivated', () => op.instances[0]?.end({ userId: person.userId, openedBefore: 2n }, 'account_deactivated')],
    [
      'unlinks the identity that opened the session',
      () => op.instances[0]?.end({ userId: person.userId, claimId: person.claimId }, 'identity_unlinked'),
    ],
  ])('when a person %s, every app that has an ID token of the session is told, once', async (_what, ends) => {
    const [first, second] = [await signInTo('app'), await signInTo('other-app')];
    await signInTo('quiet');
    await ends();
    await work();
    expect(told.map(({ path }) => path).sort()).toEqual(['/app', '/other']);
    for (const { path, token, type } of told) {
      expect(type).toContain('application/x-www-form-urlencoded');
      const { payload } = await jwtVerify(token, createRemoteJWKSet(new URL(`${op.issuer}/jwks`)), {
        issuer: op.issuer,
        audience: path === '/app' ? 'app' : 'other-app',
        typ: 'logout+jwt',
        requiredClaims: ['iat', 'exp', 'jti', 'sub', 'sid', 'events'],
      });
      expect(payload).toMatchObject({
        sub: person.userId,
        sid: sidOf(path === '/app' ? first : second),
        events: { 'http://schemas.openid.net/event/backchannel-logout': {} },
      });
      expect(payload.nonce).toBeUndefined();
      expect(decodeProtectedHeader(token).alg).toBe('RS256');
    }
    await work();
    expect([told.length, await waiting()]).toEqual([2, 0]);
  });

  it('a pairwise app is told of the subject that it knows', async () => {
    const { sub } = (await signInTo('pairwise')).claims() ?? {};
    await op.instances[0]?.end({ userId: person.userId, openedBefore: 2n }, 'account_deactivated');
    await work();
    const payload = JSON.parse(Buffer.from(told[0]?.token.split('.')[1] ?? '', 'base64url').toString()) as {
      sub: string;
    };
    expect(payload.sub).toBe(sub);
    expect(payload.sub).not.toBe(person.userId);
  });

  it('an app that does not answer well is told again, later, and not for ever; a redirect is not followed', async () => {
    await signInTo('app');
    answer = 302;
    await op.instances[0]?.end({ userId: person.userId, openedBefore: 2n }, 'account_deactivated');
    await work();
    expect(told.map(({ path }) => path)).toEqual(['/app']);
    await work();
    expect([told.length, await waiting()]).toEqual([1, 1]);
    for (answer of [500, 200]) {
      await op.pool.query("UPDATE provider.logout_deliveries SET next_attempt_at = '-infinity'");
      await work();
    }
    expect([told.length, await waiting()]).toEqual([3, 0]);
    expect(new Set(told.map(({ token }) => token)).size).toBe(3);
  });

  it('an app that hangs keeps no other from being told', async () => {
    await signInTo('hanging');
    await op.instances[0]?.end({ userId: person.userId, openedBefore: 2n }, 'account_deactivated');
    await op.instances[0]?.work();
    await until(() => Promise.resolve(hanging.length > 0));
    const another = aPerson();
    op.users.set(another.userId, {});
    op.person = another;
    browser = new Browser([APP]);
    await signInTo('app');
    await op.instances[0]?.end({ userId: another.userId, openedBefore: 2n }, 'account_deactivated');
    await op.instances[0]?.work();
    await until(() => Promise.resolve(told.length > 0));
    expect([told.map(({ path }) => path), hanging.length]).toEqual([['/app'], 1]);
    hanging.splice(0).forEach((response) => response.end());
    await work();
    expect(await waiting()).toBe(0);
  });

  it('an app that hangs, and has more to be told than are told at once, keeps no other from being told', async () => {
    const enqueue = (clientId: string, count: number): Promise<unknown> =>
      op.pool.query(
        `INSERT INTO provider.logout_deliveries (client_id, sid, user_id, next_attempt_at)
         SELECT $1, 's' || i, $2, now() - interval '1 minute' FROM generate_series(1, $3) i`,
        [clientId, person.userId, count],
      );
    await enqueue('hanging', 150);
    await op.pool.query(`UPDATE provider.logout_deliveries SET next_attempt_at = '-infinity'`);
    await enqueue('app', 1);
    for (let i = 0; i < 3; i += 1) await op.instances[0]?.work();
    expect([told.map(({ path }) => path), hanging.length]).toEqual([['/app'], 50]);
    await op.pool.query('DELETE FROM provider.logout_deliveries');
    hanging.splice(0).forEach((response) => response.end());
    await work();
  });

  it('an app is not given up because our own store is away', async () => {
    op.relyingParties.set('app-then', aRelyingParty({ clientId: 'app-then', backchannelLogoutUri: `${appsUrl}/then` }));
    await op.pool.query(
      `INSERT INTO provider.logout_deliveries (client_id, sid, user_id) VALUES ('app-then', 's', $1)`,
      [person.userId],
    );
    const get = op.relyingParties.get.bind(op.relyingParties);
    op.relyingParties.get = () => {
      throw new StoreAwayError();
    };
    try {
      for (let i = 0; i < 7; i += 1) {
        await op.pool.query("UPDATE provider.logout_deliveries SET next_attempt_at = '-infinity'");
        await work();
      }
    } finally {
      op.relyingParties.get = get;
    }
    expect(await waiting()).toBe(1);
    await op.pool.query("UPDATE provider.logout_deliveries SET next_attempt_at = '-infinity'");
    await work();
    expect([told.map(({ path }) => path), await waiting()]).toEqual([['/then'], 0]);
  });

  it('who never answers is given up', async () => {
    await signInTo('app');
    answer = 500;
    await op.instances[0]?.end({ userId: person.userId, openedBefore: 2n }, 'account_deactivated');
    for (let i = 0; i < 7; i += 1) {
      await op.pool.query("UPDATE provider.logout_deliveries SET next_attempt_at = '-infinity'");
      await work();
    }
    expect([told.length, await waiting()]).toEqual([5, 0]);
  });

  it('P13: no address inside the network is asked', async () => {
    await signInTo('inside');
    await op.instances[0]?.end({ userId: person.userId, openedBefore: 2n }, 'account_deactivated');
    await work();
    expect(await waiting()).toBe(1);
  });

  it('nobody waits for the apps: signing out answers while they are slow', async () => {
    await signInTo('app');
    await browser.open(`${op.issuer}/session/end`);
    await browser.submit({ logout: 'yes' });
    expect(browser.text).toContain('You are signed out');
    expect([told.length, await waiting()]).toEqual([0, 1]);
  });

  it('who signs out of one app only, and stays, ends that app’s grant; the app is told', async () => {
    const app = await op.relyingParty('app');
    const tokens = await signIn(app, browser, { scope: 'openid' });
    await signInTo('other-app');
    await browser.open(client.buildEndSessionUrl(app, { id_token_hint: tokens.id_token ?? '' }).href);
    await browser.submit({});
    await work();
    expect(told.map(({ path }) => path)).toEqual(['/app']);
    await expect(client.refreshTokenGrant(app, tokens.refresh_token ?? '')).rejects.toMatchObject({
      error: 'invalid_grant',
    });
    expect(op.revoked.at(-1)).toMatchObject({ reason: 'signed_out_of_app', grant: { clientId: 'app' } });
    expect((await signInTo('other-app')).claims()?.sub).toBe(person.userId);
  });
});
