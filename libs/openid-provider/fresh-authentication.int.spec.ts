import { once } from 'node:events';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import * as client from 'openid-client';
import { Browser } from '#test-support/browser.js';
import {
  aPerson,
  APP,
  aRelyingParty,
  authorize,
  signIn,
  startTestOpenIdProvider,
} from '#test-support/open-id-provider.js';
import type { Person, TestOpenIdProvider } from '#test-support/open-id-provider.js';
import { findSessionPayload, upsertSession } from './sessions.postgres.js';
import type { SessionRecord, StoredSession } from './sessions.postgres.js';

const REFRESHING = { grantTypes: ['authorization_code', 'refresh_token'] };
const HOUR_AGO = (): Date => new Date(Date.now() - 3_600_000);
const seconds = (date: Date): number => Math.floor(date.getTime() / 1_000);

describe('how fresh the authentication of a session is', () => {
  let op: TestOpenIdProvider;
  let listener: Server;
  let a: client.Configuration;
  let b: client.Configuration;
  let person: Person;
  let browser: Browser;
  let logouts = 0;

  beforeAll(async () => {
    listener = createServer((request, response) => {
      logouts += 1;
      request.resume();
      response.end();
    }).listen(0, '127.0.0.1');
    await once(listener, 'listening');
    op = await startTestOpenIdProvider(2);
    const backchannelLogoutUri = `http://127.0.0.1:${(listener.address() as AddressInfo).port}/logout`;
    op.relyingParties.set('a', aRelyingParty({ clientId: 'a', ...REFRESHING, backchannelLogoutUri }));
    op.relyingParties.set('b', aRelyingParty({ clientId: 'b', ...REFRESHING }));
    op.relyingParties.set('timed', aRelyingParty({ clientId: 'timed', requireAuthTime: true }));
    [a, b] = [await op.relyingParty('a'), await op.relyingParty('b')];
  });
  afterAll(async () => {
    await op.stop();
    listener.closeAllConnections();
    listener.close();
  });
  beforeEach(() => {
    person = aPerson();
    op.users.set(person.userId, { name: 'Ada', emailVerified: false });
    op.person = person;
    op.login = () => ({ authTime: new Date(), amr: ['pwd'] });
    browser = new Browser([APP]);
    logouts = 0;
  });

  const current = async (): Promise<SessionRecord | null> => {
    await browser.open(`${op.issuer}/account`);
    return JSON.parse(browser.html) as SessionRecord | null;
  };
  const sessionCookie = (): string | undefined => browser.cookie(op.issuer, 'ligature_session');
  const errorAt = (at: string): string | null => new URL(at).searchParams.get('error');
  /** How often logout tokens went out, once all that were due have gone. */
  const logoutsSent = async (): Promise<number> => {
    for (const instance of op.instances) {
      await instance.work();
      await instance.settled();
    }
    return logouts;
  };

  it.each([{ prompt: 'login' }, { max_age: '0' }])(
    'L33: %j of one app, answered by the same person, leaves the session and the other app’s tokens; L22: the cookie is a fresh one',
    async (parameters) => {
      op.login = () => ({ authTime: HOUR_AGO(), acr: 'high', amr: ['mfa'] });
      const atA = await signIn(a, browser);
      const atB = await signIn(b, browser);
      const [before, cookie, thief] = [await current(), sessionCookie(), browser.clone()];
      op.login = () => ({ authTime: new Date(), amr: ['pwd'] });
      const again = await signIn(b, browser, parameters);

      expect((await current())?.sessionId).toBe(before?.sessionId);
      expect(sessionCookie()).not.toBe(cookie);
      await thief.open(`${op.issuer}/account`);
      expect(thief.html).toBe('null');

      expect(await client.fetchUserInfo(a, atA.access_token, person.userId)).toMatchObject({ sub: person.userId });
      const refreshedAtA = await client.refreshTokenGrant(a, atA.refresh_token ?? '');
      for (const tokens of [atB, again]) await client.refreshTokenGrant(b, tokens.refresh_token ?? '');
      expect(await logoutsSent()).toBe(0);

      // What the session is from now on; invariant 12: no more than the method used last has proven.
      expect(again.claims()?.auth_time).toBeGreaterThan(Date.now() / 1_000 - 60);
      expect([again.claims()?.acr, again.claims()?.amr, again.claims()?.sid]).toEqual([
        undefined,
        ['pwd'],
        atB.claims()?.sid,
      ]);
      op.person = undefined;
      const silent = await signIn(a, browser, { prompt: 'none' });
      expect([silent.claims()?.auth_time, silent.claims()?.acr]).toEqual([again.claims()?.auth_time, undefined]);
      // OpenID Connect Core 12.2: a refreshed ID token is of the authentication that it was.
      expect(refreshedAtA.claims()?.auth_time).toBe(atA.claims()?.auth_time);
    },
  );

  it('another person’s sign-in still ends the session, and the apps are told', async () => {
    const atA = await signIn(a, browser);
    op.person = aPerson();
    op.users.set(op.person.userId, { name: 'Bea', emailVerified: false });
    await signIn(b, browser, { prompt: 'login' });
    await expect(client.fetchUserInfo(a, atA.access_token, person.userId)).rejects.toMatchObject({ status: 401 });
    expect(await logoutsSent()).toBe(1);
  });

  it('a sign-in ends with the session that it was to renew: an end in between wins', async () => {
    await signIn(a, browser);
    const { sessionId = '' } = (await current()) ?? {};
    const [instance] = op.instances;
    expect(await instance?.prepareRenewal(sessionId, person.claimId)).toBe(true);
    await instance?.end({ userId: person.userId, claimId: person.claimId }, 'identity_unlinked');
    const by = { claimId: person.claimId, method: 'external', lifetimeS: 60, amr: [] };
    expect(await instance?.sessions.renew(sessionId, by)).toBeUndefined();
    expect(await instance?.prepareRenewal(sessionId, person.claimId)).toBe(false);
  });

  it.each(['opened', 'renewed'] as const)(
    'invariant 7: a session and its grants end with the identity that it was %s by, also what outlives it',
    async (which) => {
      const [first, second] = [person.claimId, aPerson().claimId];
      const offline = { scope: 'openid offline_access', prompt: 'login consent' };
      op.relyingParties.set(
        'offline',
        aRelyingParty({ clientId: 'offline', ...REFRESHING, scopes: ['openid', 'offline_access'] }),
      );
      const app = await op.relyingParty('offline');
      const before = await signIn(app, browser, offline);
      op.person = { ...person, claimId: second };
      const after = await signIn(app, browser, offline);
      const ended = await op.instances[0]?.end(
        { userId: person.userId, claimId: which === 'opened' ? first : second },
        'identity_unlinked',
      );
      expect(ended).toHaveLength(1);
      expect(await current()).toBeNull();
      for (const tokens of [before, after])
        await expect(client.refreshTokenGrant(app, tokens.refresh_token ?? '')).rejects.toMatchObject({
          error: 'invalid_grant',
        });
    },
  );

  it('invariant 12: what oidc-provider read before a renewal and saves after it brings nothing back', async () => {
    op.login = () => ({ authTime: new Date(), acr: 'high', amr: ['mfa'] });
    await signIn(a, browser);
    const { sessionId = '' } = (await current()) ?? {};
    const before = (await findSessionPayload(op.pool, 'uid', sessionId)) as StoredSession;
    await op.instances[0]?.sessions.renew(sessionId, { method: 'password', lifetimeS: 3_600, amr: ['pwd'] });
    expect(await upsertSession(op.pool, 'another', before, new Date(Date.now() + 1_000_000))).toBe(true);
    const after = await findSessionPayload(op.pool, 'uid', sessionId);
    expect(after).toMatchObject({ amr: ['pwd'] });
    expect(after).not.toHaveProperty('acr');
    expect(after).not.toHaveProperty('loginTs');
  });

  it('a session that is renewed does not end for what it did not go back to', async () => {
    await signIn(a, browser);
    await signIn(a, browser, { prompt: 'login' });
    await op.instances[0]?.end({ userId: person.userId, claimId: aPerson().claimId }, 'identity_unlinked');
    expect((await current())?.userId).toBe(person.userId);
  });

  describe('L33: when the person authenticated is not known', () => {
    beforeEach(() => {
      op.login = () => ({ amr: [] });
    });

    it('auth_time is left out of ID tokens, refreshed ones too, and the session lasts', async () => {
      const tokens = await signIn(b, browser);
      expect(tokens.claims()).not.toHaveProperty('auth_time');
      expect((await client.refreshTokenGrant(b, tokens.refresh_token ?? '')).claims()).not.toHaveProperty('auth_time');
      op.person = undefined;
      expect((await signIn(a, browser, { prompt: 'none' })).claims()).not.toHaveProperty('auth_time');
      expect((await current())?.userId).toBe(person.userId);
      const { rows } = await op.pool.query<{ lasts: boolean }>(
        `SELECT expires_at > now() + interval '13 days' AS lasts FROM provider.sessions WHERE user_id = $1`,
        [person.userId],
      );
      expect(rows).toEqual([{ lasts: true }]);
    });

    it.each([
      ['max_age', { max_age: '100000' }, 'a'],
      ['an essential auth_time', { claims: '{"id_token":{"auth_time":{"essential":true}}}' }, 'a'],
      ['require_auth_time', {}, 'timed'],
    ] as const)('%s: the person is asked; with prompt=none it is login_required', async (_title, parameters, app) => {
      await signIn(b, browser);
      op.person = undefined;
      const configuration = await op.relyingParty(app);
      await browser.open((await authorize(configuration, parameters)).url);
      expect(browser.text).toBe('sign-in default');
      expect(errorAt(await browser.open((await authorize(configuration, { ...parameters, prompt: 'none' })).url))).toBe(
        'login_required',
      );
      op.person = person;
      op.login = () => ({ authTime: new Date(), amr: ['pwd'] });
      expect((await signIn(configuration, browser, parameters)).claims()?.auth_time).toBeGreaterThan(0);
    });

    it('a renewal of which it is not known takes what was known before away', async () => {
      op.login = () => ({ authTime: new Date(), amr: ['pwd'] });
      await signIn(a, browser);
      op.login = () => ({ amr: [] });
      expect((await signIn(a, browser, { prompt: 'login' })).claims()).not.toHaveProperty('auth_time');
      op.person = undefined;
      expect((await signIn(a, browser)).claims()).not.toHaveProperty('auth_time');
    });
  });

  it('auth_time is the session’s, not our clock: the provider’s word of an hour ago', async () => {
    const at = HOUR_AGO();
    op.login = () => ({ authTime: at, amr: [] });
    expect((await signIn(a, browser)).claims()?.auth_time).toBe(seconds(at));
    op.person = undefined;
    await browser.open((await authorize(a, { max_age: '1800' })).url);
    expect(browser.text).toBe('sign-in default');
    op.person = person;
    expect((await signIn(a, browser, { max_age: '7200' })).claims()?.auth_time).toBe(seconds(at));
  });
});
