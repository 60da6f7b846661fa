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
import type { SessionRecord } from './sessions.postgres.js';

describe('signing in to a relying party', () => {
  let op: TestOpenIdProvider;
  let app: client.Configuration;
  let person: Person;
  let browser: Browser;

  beforeAll(async () => {
    // Two instances, asked in turn: whatever one of them stored, the other must know (architecture.md, "identity").
    op = await startTestOpenIdProvider(2);
    op.relyingParties.set('other-app', aRelyingParty({ clientId: 'other-app' }));
    op.relyingParties.set('elsewhere', aRelyingParty({ clientId: 'elsewhere', organizationId: 'elsewhere' }));
    op.relyingParties.set('native', aRelyingParty({ clientId: 'native', applicationType: 'native' }));
    app = await op.relyingParty('app');
  });
  afterAll(() => op.stop());
  beforeEach(() => {
    person = aPerson();
    op.users.set(person.userId, { name: 'Ada', email: 'ada@example.com', emailVerified: false });
    op.person = person;
    browser = new Browser([APP]);
  });

  const current = async (): Promise<SessionRecord | null> => {
    await browser.open(`${op.issuer}/account`);
    return JSON.parse(browser.html) as SessionRecord | null;
  };
  const sessionCookie = (): string | undefined => browser.cookie(op.issuer, 'ligature_session');

  it('gives code, tokens and claims of the user, across two instances', async () => {
    const tokens = await signIn(app, browser);
    expect(tokens.claims()).toMatchObject({
      sub: person.userId,
      aud: 'app',
      amr: ['pwd'],
      name: 'Ada',
      email_verified: false,
    });
    expect(tokens.refresh_token).toBeUndefined();
    const userInfo = await client.fetchUserInfo(app, tokens.access_token, person.userId);
    expect(userInfo).toEqual({ sub: person.userId, name: 'Ada', email: 'ada@example.com', email_verified: false });
    expect(await current()).toMatchObject({
      userId: person.userId,
      organizationId: 'default',
      claimId: person.claimId,
    });
  });

  it('both instances sign with the same keys', async () => {
    const keys = await Promise.all([1, 2].map(async () => (await fetch(`${op.issuer}/jwks`)).json()));
    expect(keys[0]).toEqual(keys[1]);
    expect(keys[0]).toMatchObject({ keys: [{ alg: 'RS256' }, { alg: 'ES256' }] });
    expect(JSON.stringify(keys)).not.toContain('"d":');
  });

  it('signs in to a second relying party with the session there is, without a page', async () => {
    const first = await signIn(app, browser);
    op.person = undefined;
    const second = await signIn(await op.relyingParty('other-app'), browser);
    expect(second.claims()?.sub).toBe(person.userId);
    expect(second.claims()?.auth_time).toEqual(first.claims()?.auth_time);
    expect(first.claims()?.auth_time).toEqual(expect.any(Number));
  });

  it.each([{ prompt: 'login' }, { prompt: 'login consent' }, { max_age: '0' }])(
    'asks again for %j, once, and the session stays',
    async (parameters) => {
      await signIn(app, browser);
      const before = await current();
      op.person = undefined;
      await browser.open((await authorize(app, parameters)).url);
      expect(browser.text).toBe('sign-in default');
      op.person = person;
      const tokens = await signIn(app, browser, parameters);
      expect(tokens.claims()?.sub).toBe(person.userId);
      expect((await current())?.sessionId).toBe(before?.sessionId);
    },
  );

  it('asks again for max_age when the sign-in is older, and not when it is younger', async () => {
    await signIn(app, browser);
    await op.pool.query(
      `UPDATE provider.sessions SET payload = jsonb_set(payload, '{loginTs}', to_jsonb((payload->>'loginTs')::int - 100)) WHERE user_id = $1`,
      [person.userId],
    );
    op.person = undefined;
    await browser.open((await authorize(app, { max_age: '50' })).url);
    expect(browser.text).toBe('sign-in default');
    expect((await signIn(app, browser, { max_age: '1000' })).claims()?.sub).toBe(person.userId);
  });

  it('a native app’s request is answered after the person did something, and not asked for ever', async () => {
    expect((await signIn(await op.relyingParty('native'), browser)).claims()?.sub).toBe(person.userId);
  });

  it('another person in the same browser: the first one’s session ends', async () => {
    const first = await signIn(app, browser);
    const other = aPerson();
    op.users.set(other.userId, {});
    op.person = other;
    const second = await signIn(app, browser, { prompt: 'login' });
    expect(second.claims()?.sub).toBe(other.userId);
    expect((await current())?.userId).toBe(other.userId);
    await expect(client.fetchUserInfo(app, first.access_token, person.userId)).rejects.toMatchObject({ status: 401 });
  });

  it('L22: an old session id is worth nothing after a sign-in, and ids change when an interaction ends', async () => {
    await signIn(app, browser);
    const [before, stolen] = [sessionCookie(), browser.clone()];
    await signIn(app, browser, { prompt: 'login' });
    expect(sessionCookie()).not.toBe(before);
    await stolen.open(`${op.issuer}/account`);
    expect(stolen.html).toBe('null');
    const { rowCount } = await op.pool.query('SELECT 1 FROM provider.sessions WHERE jti = $1', [before]);
    expect(rowCount).toBe(0);
  });

  it('L22: an interaction belongs to the browser that began it', async () => {
    op.person = undefined;
    await browser.open((await authorize(app)).url);
    op.person = person;
    const stranger = new Browser([APP]);
    await stranger.open(browser.url);
    expect(stranger.status).toBe(400);
    await stranger.open(browser.url.replace('/sign-in/', '/auth/'));
    expect(stranger.text).toContain('invalid_request');
  });

  it('L28: a session never satisfies a relying party of another organization', async () => {
    await signIn(app, browser);
    op.person = undefined;
    const elsewhere = await op.relyingParty('elsewhere');
    await browser.open((await authorize(elsewhere)).url);
    expect(browser.text).toBe('sign-in elsewhere');
    const silent = await authorize(elsewhere, { prompt: 'none' });
    expect(new URL(await browser.open(silent.url)).searchParams.get('error')).toBe('login_required');
    const { rows } = await op.pool.query(
      `SELECT payload FROM provider.artifacts WHERE payload->>'clientId' = 'elsewhere'`,
    );
    expect(rows).toEqual([]);
  });

  it('L28: signing in anew as a user of the wrong organization gives no code either', async () => {
    const elsewhere = await op.relyingParty('elsewhere');
    await expect(signIn(elsewhere, browser)).rejects.toThrow(/redirects/);
  });

  it('a user who may no longer sign in is asked to sign in, not met with a server error', async () => {
    await signIn(app, browser);
    op.users.delete(person.userId);
    op.person = undefined;
    await browser.open((await authorize(app)).url);
    expect(browser.text).toBe('sign-in default');
  });

  it('a user who may no longer sign in gets no tokens for a code, nor claims for a token', async () => {
    const tokens = await signIn(app, browser);
    const { url, checks } = await authorize(app);
    const back = new URL(await browser.open(url));
    op.users.delete(person.userId);
    await expect(client.authorizationCodeGrant(app, back, checks)).rejects.toMatchObject({ error: 'invalid_grant' });
    await expect(client.fetchUserInfo(app, tokens.access_token, person.userId)).rejects.toMatchObject({ status: 401 });
  });

  it('a session ends when its organization’s policy says, counted from the sign-in, however often it is used', async () => {
    await signIn(app, browser);
    await op.pool.query(`UPDATE provider.sessions SET expires_at = expires_at - interval '1 day' WHERE user_id = $1`, [
      person.userId,
    ]);
    await signIn(app, browser, { scope: 'openid' });
    const { rows } = await op.pool.query<{ days: number }>(
      `SELECT extract(epoch FROM expires_at - now()) / 86400 AS days FROM provider.sessions WHERE user_id = $1 AND state = 'active'`,
      [person.userId],
    );
    expect(Number(rows[0]?.days)).toBeCloseTo(13, 1);
  });
});
