import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import * as client from 'openid-client';
import { newUuid } from '#libs/platform/ids.js';
import { Browser } from '#test-support/browser.js';
import {
  aPerson,
  APP,
  aRelyingParty,
  authorize,
  CALLBACK,
  SECRET,
  signIn,
  startTestOpenIdProvider,
} from '#test-support/open-id-provider.js';
import type { Authorization, Person, TestOpenIdProvider } from '#test-support/open-id-provider.js';
import { sessionOf } from '#test-support/sessions.js';

const codeOf = (url: string): string => new URL(url).searchParams.get('code') ?? '';

describe('sign-in against revocation', () => {
  let op: TestOpenIdProvider;
  let app: client.Configuration;
  let person: Person;
  let browser: Browser;

  beforeAll(async () => {
    op = await startTestOpenIdProvider(2);
    op.relyingParties.set(
      'refreshing',
      aRelyingParty({
        clientId: 'refreshing',
        grantTypes: ['authorization_code', 'refresh_token'],
        scopes: ['openid', 'offline_access'],
      }),
    );
    app = await op.relyingParty('app');
  });
  afterAll(() => op.stop());
  beforeEach(() => {
    person = aPerson();
    op.users.set(person.userId, {});
    op.person = person;
    op.onActivated = () => Promise.resolve();
    op.onSignedOut = () => undefined;
    browser = new Browser([APP]);
  });

  const provider = () => {
    const [first] = op.instances;
    if (!first) throw new Error('no instance');
    return first;
  };
  const artifacts = async (): Promise<string[]> => {
    const { rows } = await op.pool.query<{ model: string }>(
      `SELECT model FROM provider.artifacts WHERE payload->>'accountId' = $1 ORDER BY model`,
      [person.userId],
    );
    return rows.map(({ model }) => model);
  };
  const usable = async (who: Browser): Promise<boolean> => {
    await who.open(`${op.issuer}/account`);
    return who.html !== 'null';
  };
  /** A plain exchange, whose answer may be anything. */
  const exchange = async (
    code: string,
    { checks }: Authorization,
  ): Promise<{ status: number; error?: string; access_token?: string }> => {
    const response = await fetch(`${op.issuer}/token`, {
      method: 'POST',
      headers: { authorization: `Basic ${Buffer.from(`app:${SECRET}`).toString('base64')}` },
      body: new URLSearchParams({
        grant_type: 'authorization_code',
        code,
        redirect_uri: CALLBACK,
        code_verifier: checks.pkceCodeVerifier,
      }),
    });
    return { status: response.status, ...((await response.json()) as object) };
  };

  it('a pending session is usable by nobody', async () => {
    const { sessionId } = await provider().insertPending({ ...person, ...sessionOf, authTime: new Date() });
    const { rows } = await op.pool.query('SELECT state, jti FROM provider.sessions WHERE uid = $1', [sessionId]);
    expect(rows).toEqual([{ state: 'pending', jti: null }]);
    // An insider's trick: even with an id in its row it is no session, because its events may not be stored (invariant
    // 5).
    await signIn(app, browser);
    await op.pool.query(
      `WITH stolen AS (UPDATE provider.sessions SET jti = NULL WHERE user_id = $2 AND state = 'active' RETURNING uid)
       UPDATE provider.sessions SET jti = $3 WHERE uid = $1 AND EXISTS (SELECT 1 FROM stolen)`,
      [sessionId, person.userId, browser.cookie(op.issuer, 'ligature_session')],
    );
    expect(await usable(browser)).toBe(false);
    op.person = undefined;
    await browser.open((await authorize(app)).url);
    expect(browser.text).toBe('sign-in default');
  });

  it('a pending session that was ended never becomes active', async () => {
    const { sessionId } = await provider().insertPending({ ...person, ...sessionOf, authTime: new Date() });
    expect(await provider().end({ userId: person.userId, claimId: person.claimId }, 'identity_unlinked')).toMatchObject(
      [{ sessionId }],
    );
    expect(await provider().sessions.activate(sessionId)).toBeUndefined();
  });

  it('a session becomes active once', async () => {
    const { sessionId } = await provider().insertPending({ ...person, ...sessionOf, authTime: new Date() });
    const ids = await Promise.all(Array.from({ length: 10 }, () => provider().sessions.activate(sessionId)));
    expect(ids.filter((jti) => jti !== undefined)).toHaveLength(1);
  });

  it('ending a session takes its grants, codes and tokens with it, at once', async () => {
    const tokens = await signIn(app, browser);
    await browser.open((await authorize(app)).url);
    expect(await artifacts()).toEqual(['AccessToken', 'AuthorizationCode', 'AuthorizationCode']);
    await provider().end({ userId: person.userId, openedBefore: 2n }, 'account_deactivated');
    expect(await artifacts()).toEqual([]);
    expect(await usable(browser)).toBe(false);
    await expect(client.fetchUserInfo(app, tokens.access_token, person.userId)).rejects.toMatchObject({ status: 401 });
    op.person = undefined;
    await browser.open((await authorize(app)).url);
    expect(browser.text).toBe('sign-in default');
  });

  it('L20: ends the sessions of one link only', async () => {
    await signIn(app, browser);
    const otherBrowser = new Browser([APP]);
    op.person = { ...person, claimId: newUuid() };
    await signIn(app, otherBrowser);
    await provider().end({ userId: person.userId, claimId: person.claimId }, 'identity_unlinked');
    expect([await usable(browser), await usable(otherBrowser)]).toEqual([false, true]);
  });

  it('refresh tokens end with their session, offline ones too', async () => {
    const refreshing = await op.relyingParty('refreshing');
    const { refresh_token } = await signIn(refreshing, browser, { scope: 'openid offline_access', prompt: 'consent' });
    const { refresh_token: next } = await client.refreshTokenGrant(refreshing, refresh_token ?? '');
    await provider().end({ userId: person.userId, openedBefore: 2n }, 'account_recovered');
    await expect(client.refreshTokenGrant(refreshing, next ?? '')).rejects.toMatchObject({ error: 'invalid_grant' });
  });

  it('ended between activation and the end of the interaction: no code', async () => {
    op.onActivated = async (sessionId) => {
      await provider().end({ sessionId }, 'identity_unlinked');
    };
    await browser.open((await authorize(app)).url);
    expect(browser.status).toBe(400);
    expect(await artifacts()).toEqual([]);
  });

  it('ended between code and exchange: invalid_grant', async () => {
    const { url, checks } = await authorize(app);
    const back = new URL(await browser.open(url));
    await provider().end({ userId: person.userId, claimId: person.claimId }, 'identity_unlinked');
    await expect(client.authorizationCodeGrant(app, back, checks)).rejects.toMatchObject({ error: 'invalid_grant' });
  });

  it('ended while a code is exchanged: whatever comes first, nothing usable is left, and no answer is a server error', async () => {
    for (let round = 0; round < 15; round += 1) {
      op.person = { ...person, claimId: newUuid() };
      const authorization = await authorize(app, round === 0 ? {} : { prompt: 'login' });
      const code = codeOf(await browser.open(authorization.url));
      const [answer] = await Promise.all([
        exchange(code, authorization),
        new Promise((resolve) => setTimeout(resolve, round)).then(() =>
          provider().end({ userId: person.userId, openedBefore: 2n }, 'identity_unlinked'),
        ),
      ]);
      expect([200, 400]).toContain(answer.status);
      expect(answer.status === 200 ? answer.access_token : answer.error).toEqual(
        answer.status === 200 ? expect.any(String) : 'invalid_grant',
      );
      expect(await artifacts()).toEqual([]);
      if (answer.access_token !== undefined)
        await expect(client.fetchUserInfo(app, answer.access_token, person.userId)).rejects.toMatchObject({
          status: 401,
        });
    }
  });

  it('ended while many authorization requests are answered: no code is left, and no answer is a server error', async () => {
    await signIn(app, browser);
    const requests = await Promise.all(Array.from({ length: 12 }, () => authorize(app)));
    op.person = undefined;
    const answers = await Promise.all([
      ...requests.map(async ({ url }) => {
        const tab = browser.clone();
        const at = await tab.open(url);
        return at.startsWith(APP) ? 302 : tab.status;
      }),
      provider()
        .end({ userId: person.userId, openedBefore: 2n }, 'identity_unlinked')
        .then(() => 200),
    ]);
    expect(answers.filter((status) => status >= 500)).toEqual([]);
    expect(await artifacts()).toEqual([]);
  });

  it('P3: a code exchanged 50 times at once succeeds once at most, and its grant is revoked', async () => {
    const authorization = await authorize(app);
    const code = codeOf(await browser.open(authorization.url));
    const answers = await Promise.all(Array.from({ length: 50 }, () => exchange(code, authorization)));
    const [won, lost] = [
      answers.filter(({ status }) => status === 200),
      answers.filter(({ status }) => status !== 200),
    ];
    expect(won.length).toBeLessThanOrEqual(1);
    expect(new Set(lost.map(({ status, error }) => `${status} ${error}`))).toEqual(new Set(['400 invalid_grant']));
    expect(await artifacts()).not.toContain('Grant');
    for (const { access_token } of won)
      await expect(client.fetchUserInfo(app, access_token ?? '', person.userId)).rejects.toMatchObject({ status: 401 });
  });

  it('P3: a code replayed later is refused, and takes the tokens of its first use away', async () => {
    const authorization = await authorize(app);
    const code = codeOf(await browser.open(authorization.url));
    const first = await exchange(code, authorization);
    expect(first.status).toBe(200);
    expect(await exchange(code, authorization)).toMatchObject({ status: 400, error: 'invalid_grant' });
    await expect(client.fetchUserInfo(app, first.access_token ?? '', person.userId)).rejects.toMatchObject({
      status: 401,
    });
    // The person is still signed in: that somebody replays a code is not their doing.
    expect(await usable(browser)).toBe(true);
    op.person = undefined;
    expect((await signIn(app, browser)).claims()?.sub).toBe(person.userId);
  });

  it('P4: a refresh token used 20 times at once: one successor at most, and none that works', async () => {
    const refreshing = await op.relyingParty('refreshing');
    const { refresh_token } = await signIn(refreshing, browser, { scope: 'openid offline_access', prompt: 'consent' });
    const answers = await Promise.allSettled(
      Array.from({ length: 20 }, () => client.refreshTokenGrant(refreshing, refresh_token ?? '')),
    );
    const won = answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []));
    expect(won.length).toBeLessThanOrEqual(1);
    for (const answer of answers)
      if (answer.status === 'rejected') expect(answer.reason).toMatchObject({ error: 'invalid_grant' });
    for (const { refresh_token: next } of won)
      await expect(client.refreshTokenGrant(refreshing, next ?? '')).rejects.toMatchObject({ error: 'invalid_grant' });
  });

  describe('signing out through a relying party', () => {
    const signOut = async (answer: Record<string, string> = { logout: 'yes' }): Promise<string> => {
      const { id_token } = await signIn(app, browser);
      await browser.open(
        client.buildEndSessionUrl(app, {
          id_token_hint: id_token ?? '',
          post_logout_redirect_uri: `${APP}/signed-out`,
          state: 's',
        }).href,
      );
      expect(browser.text).toContain('Sign out?');
      return browser.submit(answer);
    };

    it('ends the session with its tokens, tells of it once, and goes back to the relying party', async () => {
      expect(await signOut()).toBe(`${APP}/signed-out?state=s`);
      expect(op.signedOut.filter(({ userId }) => userId === person.userId)).toMatchObject([
        { claimId: person.claimId },
      ]);
      expect(await artifacts()).toEqual([]);
      expect(await usable(browser)).toBe(false);
      const { rows } = await op.pool.query(
        'SELECT state, ended_reason, jti FROM provider.sessions WHERE user_id = $1',
        [person.userId],
      );
      expect(rows).toEqual([{ state: 'ended', ended_reason: 'signed_out', jti: null }]);
    });

    it('a person who stays signed in stays signed in, with a new session id', async () => {
      await signIn(app, browser);
      const before = browser.cookie(op.issuer, 'ligature_session');
      await signOut({});
      expect(op.signedOut.some(({ userId }) => userId === person.userId)).toBe(false);
      expect(await usable(browser)).toBe(true);
      expect(browser.cookie(op.issuer, 'ligature_session')).not.toBe(before);
    });

    it('when its event cannot be stored it did not happen', async () => {
      op.onSignedOut = () => {
        throw new Error('the store is away');
      };
      await signOut();
      expect([browser.status, browser.text]).toEqual([500, expect.stringContaining('server_error')]);
      expect(browser.text).not.toContain('the store is away');
      expect(await usable(browser)).toBe(true);
      op.onSignedOut = () => undefined;
      expect(await signOut()).toContain('/signed-out');
    });
  });

  it('what has expired goes, and nothing else', async () => {
    await signIn(app, browser);
    const before = (await artifacts()).length;
    await op.pool.query(
      `INSERT INTO provider.artifacts (model, id, payload, expires_at) VALUES ('AccessToken', 'old', '{}', now() - interval '1 second')`,
    );
    await op.pool.query(
      `INSERT INTO provider.sessions (uid, state, payload, expires_at) VALUES ('old', 'anonymous', '{}', now() - interval '1 second')`,
    );
    expect(await provider().removeExpired()).toBe(2);
    expect((await artifacts()).length).toBe(before);
    expect(await usable(browser)).toBe(true);
  });
});
