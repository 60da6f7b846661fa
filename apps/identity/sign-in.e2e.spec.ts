import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { SignJWT } from 'jose';
import { userActivityStream, userStream } from '#libs/users/streams.js';
import { Browser } from '#test-support/browser.js';
import { HostileOpenIdProvider } from '#test-support/hostile-openid-provider.js';
import type { Lies } from '#test-support/hostile-openid-provider.js';
import { configurationFor, startTestIdentityServer } from '#test-support/identity-server.js';
import type { TestIdentityServer } from '#test-support/identity-server.js';

const USER_ID = /id="user-id">([0-9a-f-]{36})</;

describe('sign-in over HTTP', () => {
  let server: TestIdentityServer;
  let acme: HostileOpenIdProvider;
  let globex: HostileOpenIdProvider;

  beforeAll(async () => {
    [acme, globex] = [await HostileOpenIdProvider.start(), await HostileOpenIdProvider.start()];
    server = await startTestIdentityServer();
    await server.installation.configure(configurationFor({ acme: acme.issuer, globex: globex.issuer }));
  }, 60_000);
  afterAll(async () => {
    await server.stop();
    await acme.stop();
    await globex.stop();
  });
  afterEach(() => {
    acme.lies = {};
    globex.lies = {};
  });

  const continueWith = async (browser: Browser, provider: string): Promise<void> => {
    await browser.open(`${server.issuer}/sign-in`);
    await browser.submit({}, `/providers/${provider}`);
  };
  const signIn = async (
    provider: HostileOpenIdProvider,
    name: string,
    subject: string,
    browser = new Browser(),
  ): Promise<Browser> => {
    provider.subject = subject;
    await continueWith(browser, name);
    return browser;
  };
  const userIdIn = (browser: Browser): string => USER_ID.exec(browser.html)?.[1] ?? '';
  const eventCount = async (): Promise<number> => {
    const { rows } = await server.installation.pool.query<{ count: string }>(
      `SELECT count(*) FROM provider.sessions WHERE state <> 'anonymous'`,
    );
    return Number(rows[0]?.count);
  };
  const logEnd = async (): Promise<bigint> => {
    let last = 0n;
    for await (const { event } of server.installation.connection.client.readAll({
      direction: 'backwards',
      fromPosition: 'end',
      maxCount: 1,
    })) {
      last = (event as unknown as { position: { commit: bigint } }).position.commit;
    }
    return last;
  };

  it('a provider that signs people in at another origin than its issuer: from a page of its own, because form-action governs redirects too', async () => {
    const elsewhere = await HostileOpenIdProvider.start();
    const authorizationEndpoint = `${elsewhere.issuer.replace('127.0.0.1', 'localhost')}/authorize`;
    elsewhere.lies = { metadata: (metadata) => ({ ...metadata, authorization_endpoint: authorizationEndpoint }) };
    try {
      await server.installation.configure(
        configurationFor({ acme: acme.issuer, globex: globex.issuer, elsewhere: elsewhere.issuer }),
      );
      const browser = new Browser();
      await continueWith(browser, 'elsewhere');
      const onward = /href="(http:\/\/localhost:[^"]*)"/.exec(browser.html)?.[1]?.replaceAll('&amp;', '&') ?? '';
      expect(onward).toContain(`${authorizationEndpoint}?`);
      expect([browser.status, browser.headers.get('refresh')]).toEqual([200, `0; url=${onward}`]);
      await browser.open(onward);
      expect(browser.url).toBe(`${server.issuer}/account`);
    } finally {
      await elsewhere.stop();
      await server.installation.configure(configurationFor({ acme: acme.issuer, globex: globex.issuer }));
    }
  });

  it('a first sign-in ends on the account page, with the identity linked', async () => {
    const browser = await signIn(acme, 'acme', 'ann');
    expect(browser.url).toBe(`${server.issuer}/account`);
    expect(browser.text).toContain('ann@example.org');
    const types = (await server.installation.store.read(userActivityStream(userIdIn(browser)))).map(
      ({ event }) => event.type,
    );
    expect(types).toEqual(['LoginSucceeded', 'SessionStarted']);
  });

  it('L16: ten first sign-ins of one identity at once, in ten browsers, give one user and no error', async () => {
    acme.subject = 'crowd';
    const browsers = await Promise.all(
      Array.from({ length: 10 }, async () => {
        const browser = new Browser();
        await continueWith(browser, 'acme');
        return browser;
      }),
    );
    expect(browsers.map(({ status }) => status)).toEqual(Array.from({ length: 10 }, () => 200));
    expect(new Set(browsers.map(userIdIn)).size).toBe(1);
  });

  describe('bad input gives a page with a code and a way back, a log entry, no session and no event', () => {
    const forged = (claims: object): Promise<string> =>
      new SignJWT(claims as never)
        .setProtectedHeader({ alg: 'HS256' })
        .sign(new TextEncoder().encode('0123456789abcdef0123456789abcdef'));
    it.each<[string, Lies, string]>([
      ['a wrong state', { callback: (parameters) => parameters.set('state', 'wrong') }, 'state_unknown'],
      ['a bad signature', { idToken: forged }, 'id_token_signature_invalid'],
      ['a wrong nonce', { claims: (claims) => ({ ...claims, nonce: 'wrong' }) }, 'nonce_mismatch'],
      ['a wrong issuer', { claims: (claims) => ({ ...claims, iss: 'https://evil.example' }) }, 'issuer_mismatch'],
      ['a wrong audience', { claims: (claims) => ({ ...claims, aud: 'another' }) }, 'audience_mismatch'],
    ])('%s', async (what, lies, code) => {
      const [sessions, end] = [await eventCount(), await logEnd()];
      acme.lies = lies;
      const browser = await signIn(acme, 'acme', 'mallory');
      expect(browser.status).toBe(400);
      expect(browser.html).toContain(`<span class="code">${code}</span>`);
      // Whose state was unknown is nobody we know; the others may choose another way in.
      expect(browser.html).toContain(`href="${what === 'a wrong state' ? '/account' : '/sign-in?choose'}"`);
      const reference = /reference <span class="code">([0-9a-f-]{36})</.exec(browser.html)?.[1];
      expect(server.log).toContainEqual(expect.objectContaining({ correlationId: reference, refusal: code }));
      await browser.open(`${server.issuer}/account`);
      expect(browser.url).toBe(`${server.issuer}/sign-in`);
      expect([await eventCount(), await logEnd()]).toEqual([sessions, end]);
    });

    it('a replayed callback', async () => {
      let callback = '';
      acme.lies = { callback: (parameters) => (callback = `${server.issuer}/providers/acme/callback?${parameters}`) };
      const browser = await signIn(acme, 'acme', 'replayed');
      const end = await logEnd();
      await browser.open(callback);
      expect([browser.status, browser.html.includes('state_unknown')]).toEqual([400, true]);
      expect(await logEnd()).toBe(end);
    });

    it('L22: a callback in another browser than the one that began', async () => {
      let callback = '';
      acme.lies = { callback: (parameters) => (callback = `${server.issuer}/providers/acme/callback?${parameters}`) };
      acme.subject = 'victim';
      const attacker = new Browser([`${server.issuer}/providers/`]);
      await continueWith(attacker, 'acme');
      const victim = new Browser();
      await victim.open(`${server.issuer}/sign-in`);
      await victim.open(callback);
      expect([victim.status, victim.html.includes('browser_mismatch')]).toEqual([400, true]);
    });

    it('L10: a form without the token of this browser', async () => {
      const browser = new Browser();
      await browser.open(`${server.issuer}/sign-in`);
      await browser.post(`${server.issuer}/sign-in/providers/acme`, { csrf: 'made-up' });
      expect([browser.status, browser.html.includes('form_expired')]).toEqual([403, true]);
    });

    it('a provider that nobody configured', async () => {
      const browser = new Browser();
      await browser.open(`${server.issuer}/providers/nonesuch/callback?state=x&code=y`);
      expect([browser.status, browser.html.includes('provider_not_allowed')]).toEqual([403, true]);
    });
  });

  describe('linking and unlinking', () => {
    /** Clicks "Link globex", proves again who it is, confirms; ends wherever the server leads. */
    const linkGlobex = async (browser: Browser): Promise<void> => {
      await browser.submit({}, '/account/identities/link/globex');
      if (browser.url.endsWith('/account/identities/link/globex'))
        await browser.submit({}, '/account/identities/link/globex');
    };

    it('needs a re-authentication first, then links; the other identity is the same user', async () => {
      const browser = await signIn(acme, 'acme', 'bea');
      const userId = userIdIn(browser);
      globex.subject = 'bea-g';
      await browser.submit({}, '/account/identities/link/globex');
      expect(browser.url).toBe(`${server.issuer}/account/identities/link/globex`);
      expect(acme.lastAuthorization.get('prompt')).toBe('login');
      await browser.submit({}, '/account/identities/link/globex');
      expect(browser.url).toBe(`${server.issuer}/account?notice=linked`);
      expect(userIdIn(await signIn(globex, 'globex', 'bea-g'))).toBe(userId);
    });

    it('L22: a re-authentication and a link each give the session a fresh cookie; the old one no longer works', async () => {
      const browser = await signIn(acme, 'acme', 'ivy');
      globex.subject = 'ivy-g';
      const cookie = (): string | undefined => browser.cookie(server.issuer, 'ligature_session');
      const cookies = [cookie()];
      const thief = browser.clone();
      await browser.submit({}, '/account/identities/link/globex');
      cookies.push(cookie());
      await browser.submit({}, '/account/identities/link/globex');
      cookies.push(cookie());
      expect(new Set(cookies).size).toBe(3);
      await thief.open(`${server.issuer}/account`);
      expect(thief.url).toBe(`${server.issuer}/sign-in`);
    });

    it('row 1′: a proof with somebody else’s identity proves nothing, and never signs in', async () => {
      await signIn(acme, 'acme', 'other-person');
      const browser = await signIn(acme, 'acme', 'cat');
      const userId = userIdIn(browser);
      acme.subject = 'other-person';
      await browser.submit({}, '/account/identities/link/globex');
      expect([browser.status, browser.html.includes('proof_failed')]).toEqual([403, true]);
      await browser.open(`${server.issuer}/account`);
      expect(userIdIn(browser)).toBe(userId);
    });

    it('row 1: an identity of another account is refused by its own code', async () => {
      await signIn(globex, 'globex', 'taken');
      const browser = await signIn(acme, 'acme', 'dan');
      globex.subject = 'taken';
      await linkGlobex(browser);
      expect([browser.status, browser.html.includes('identity_already_linked_to_another_account')]).toEqual([
        409,
        true,
      ]);
    });

    it('refuses to unlink the last way in', async () => {
      const browser = await signIn(acme, 'acme', 'eve');
      await browser.submit({}, '/unlink');
      await browser.submit({}, '/unlink');
      expect([browser.status, browser.html.includes('last_credential')]).toEqual([409, true]);
    });

    it('L20: unlinking ends the sessions that the identity opened, in other browsers too', async () => {
      const browser = await signIn(acme, 'acme', 'fay');
      globex.subject = 'fay-g';
      await linkGlobex(browser);
      const elsewhere = await signIn(globex, 'globex', 'fay-g');
      expect(elsewhere.url).toBe(`${server.issuer}/account`);
      const userId = userIdIn(elsewhere);
      await browser.open(`${server.issuer}/account`);
      const claimId = /globex[\s\S]*?identities\/([0-9a-f-]{36})\/unlink/.exec(browser.html)?.[1] ?? '';
      await browser.submit({}, `${claimId}/unlink`);
      expect(browser.url).toContain('notice=unlinked');
      await elsewhere.open(`${server.issuer}/account`);
      expect(elsewhere.url).toBe(`${server.issuer}/sign-in`);
      expect((await server.installation.store.read(userStream(userId))).at(-1)?.event.type).toBe(
        'ExternalIdentityUnlinked',
      );
      expect(
        (await server.installation.store.read(userActivityStream(userId))).map(({ event }) => event),
      ).toContainEqual(
        expect.objectContaining({
          type: 'SessionEnded',
          data: expect.objectContaining({ reason: 'identity_unlinked' }) as object,
        }),
      );
    });
  });

  describe('an organization with exactly one provider', () => {
    let single: TestIdentityServer;
    beforeAll(async () => {
      single = await startTestIdentityServer();
      await single.installation.configure(configurationFor({ acme: acme.issuer }));
    }, 60_000);
    afterAll(() => single.stop());

    it('C6: sends people straight through: no page of ours before the account', async () => {
      acme.subject = 'straight';
      const browser = new Browser();
      await browser.open(`${single.issuer}/account`);
      expect([browser.url, browser.text.includes('straight@example.org')]).toEqual([`${single.issuer}/account`, true]);
    });

    it('C7: with that provider down they are told, and the way back shows the ways in', async () => {
      acme.lies = { hang: '/token' };
      const browser = new Browser();
      await browser.open(`${single.issuer}/sign-in`);
      expect([browser.status, browser.html.includes('provider_unreachable')]).toEqual([502, true]);
      const wayBack = /href="(\/sign-in[^"]*)"/.exec(browser.html)?.[1] ?? '';
      await browser.open(`${single.issuer}${wayBack}`);
      expect(browser.text).toContain('Continue with acme');
    }, 20_000);
  });

  it('a person who signs out is signed out, and the history says so', async () => {
    const browser = await signIn(acme, 'acme', 'gil');
    const userId = userIdIn(browser);
    await browser.submit({}, '/account/sign-out');
    await browser.open(`${server.issuer}/account`);
    expect(browser.url).toBe(`${server.issuer}/sign-in`);
    expect((await server.installation.store.read(userActivityStream(userId))).at(-1)?.event).toMatchObject({
      type: 'SessionEnded',
      data: { reason: 'signed_out' },
    });
  });
});
