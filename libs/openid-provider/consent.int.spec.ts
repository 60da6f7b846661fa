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

const API = 'https://api.example/';

describe('consent and grants, on two instances', () => {
  let op: TestOpenIdProvider;
  let asking: client.Configuration;
  let person: Person;
  let browser: Browser;

  beforeAll(async () => {
    op = await startTestOpenIdProvider(2);
    op.relyingParties.set(
      'asking',
      aRelyingParty({
        clientId: 'asking',
        displayName: 'Asking',
        consent: 'by_person',
        grantTypes: ['authorization_code', 'refresh_token'],
        scopes: ['openid', 'profile', 'email', 'linked_identities', 'offline_access'],
        resources: [{ resource: API, scopes: ['read', 'write'] }],
      }),
    );
    asking = await op.relyingParty('asking');
  });
  afterAll(() => op.stop());
  beforeEach(() => {
    person = aPerson();
    op.users.set(person.userId, { name: 'Ada', email: 'ada@example.com', emailVerified: true });
    op.person = person;
    op.agrees = true;
    op.revoked.length = 0;
    browser = new Browser([APP]);
  });

  const provider = () => {
    const [first] = op.instances;
    if (!first) throw new Error('no instance');
    return first;
  };
  const open = async (parameters: Record<string, string> = {}) =>
    browser.open((await authorize(asking, parameters)).url);
  const errorAt = (url: string) => new URL(url).searchParams.get('error');

  it('an app that asks each person: the page says what it wants, and nothing is given before the answer', async () => {
    op.agrees = undefined;
    await open({ scope: 'openid email read', resource: API });
    expect(browser.text).toBe('consent {"scopes":["openid","email"],"resources":{"https://api.example/":["read"]}}');
    const { rows } = await op.pool.query(
      `SELECT payload #>> '{openid,scope}' AS scope FROM provider.grants WHERE user_id = $1`,
      [person.userId],
    );
    expect(rows.every((row) => !(row as { scope: string | null }).scope)).toBe(true);
    expect(errorAt(await open({ prompt: 'none' }))).toBe('consent_required');
  });

  it('who agrees is not asked again, in any browser, until the app wants more', async () => {
    const tokens = await signIn(asking, browser, { scope: 'openid email' });
    expect(tokens.claims()).toMatchObject({ email: 'ada@example.com' });
    op.agrees = undefined;
    expect((await signIn(asking, new Browser([APP]), { scope: 'openid email' })).scope).toBe('openid email');
    await open({ scope: 'openid email profile' });
    expect(browser.text).toContain('"profile"');
    await open({ scope: 'openid', prompt: 'consent' });
    expect(browser.text).toContain('consent {');
  });

  it('who does not agree gives nothing', async () => {
    op.agrees = false;
    expect(errorAt(await open())).toBe('access_denied');
    expect(await provider().appsWithAccess(person.userId)).toMatchObject([]);
  });

  it('one person’s consent is not another’s', async () => {
    await signIn(asking, browser, { scope: 'openid' });
    const other = aPerson();
    op.users.set(other.userId, {});
    op.person = other;
    op.agrees = undefined;
    await new Browser([APP]).open((await authorize(asking, { scope: 'openid' })).url);
    const elsewhere = new Browser([APP]);
    await elsewhere.open((await authorize(asking, { scope: 'openid' })).url);
    expect(elsewhere.text).toContain('consent {');
  });

  it('the apps with access, and what becomes of one whose access is taken away', async () => {
    const tokens = await signIn(asking, browser, { scope: 'openid email offline_access', prompt: 'consent' });
    await signIn(await op.relyingParty('app'), browser, { scope: 'openid' });
    expect(await provider().appsWithAccess(person.userId)).toEqual([
      {
        clientId: 'app',
        scopes: ['email', 'openid', 'profile'],
        since: expect.any(Date),
        offline: false,
        consentedAt: undefined,
      },
      {
        clientId: 'asking',
        scopes: ['email', 'offline_access', 'openid'],
        since: expect.any(Date),
        offline: true,
        consentedAt: expect.any(Date),
      },
    ]);
    await provider().revokeAppAccess(person.userId, 'asking');
    expect(op.revoked).toMatchObject([
      { grant: { clientId: 'asking', userId: person.userId }, reason: 'consent_revoked' },
    ]);
    expect((await provider().appsWithAccess(person.userId)).map(({ clientId }) => clientId)).toEqual(['app']);
    await expect(client.refreshTokenGrant(asking, tokens.refresh_token ?? '')).rejects.toMatchObject({
      error: 'invalid_grant',
    });
    await expect(client.fetchUserInfo(asking, tokens.access_token, person.userId)).rejects.toMatchObject({
      status: 401,
    });
    op.agrees = undefined;
    await open({ scope: 'openid email' });
    expect(browser.text).toContain('consent {');
  });

  it('the scope linked_identities tells which identities the person linked, and no other scope does', async () => {
    const linked = [{ provider: 'acme', issuer: 'https://acme.example', linked_at: '2026-03-03T12:00:00.000Z' }];
    op.linkedIdentities.set(person.userId, linked);
    const { access_token: token } = await signIn(asking, browser, { scope: 'openid linked_identities' });
    expect((await client.fetchUserInfo(asking, token, person.userId)).linked_identities).toEqual(linked);
    const { access_token: without } = await signIn(asking, browser, { scope: 'openid profile' });
    expect((await client.fetchUserInfo(asking, without, person.userId)).linked_identities).toBeUndefined();
  });

  it('claims that are asked for by name are given where a scope that was agreed to covers them', async () => {
    const claims = JSON.stringify({
      id_token: { name: { essential: true }, email: null },
      userinfo: { name: null, email: null },
    });
    await signIn(asking, browser, { scope: 'openid profile' });
    const tokens = await signIn(asking, browser, { scope: 'openid', claims });
    expect(tokens.claims()).toMatchObject({ name: 'Ada' });
    expect(tokens.claims()?.email).toBeUndefined();
    expect(await client.fetchUserInfo(asking, tokens.access_token, person.userId)).toEqual({
      sub: person.userId,
      name: 'Ada',
    });
  });
});
