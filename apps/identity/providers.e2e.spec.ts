import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { userActivityStream } from '#libs/users/streams.js';
import { Browser } from '#test-support/browser.js';
import { HostileOpenIdProvider } from '#test-support/hostile-openid-provider.js';
import { startTestIdentityServer } from '#test-support/identity-server.js';
import type { TestIdentityServer } from '#test-support/identity-server.js';
import { UserApiProvider } from '#test-support/user-api-provider.js';

const USER_ID = /id="user-id">([0-9a-f-]{36})</;
const LOGOUT_EVENT = 'http://schemas.openid.net/event/backchannel-logout';

describe('identity providers over HTTP', () => {
  let server: TestIdentityServer;
  let acme: HostileOpenIdProvider;
  let globex: HostileOpenIdProvider;
  let poster: HostileOpenIdProvider;
  let hub: UserApiProvider;
  let people = 0;

  beforeAll(async () => {
    [acme, globex, poster] = await Promise.all([
      HostileOpenIdProvider.start(),
      HostileOpenIdProvider.start(),
      HostileOpenIdProvider.start(),
    ]);
    hub = await UserApiProvider.start();
    server = await startTestIdentityServer();
    await configure();
  }, 60_000);
  afterAll(async () => {
    await server.stop();
    await Promise.all([acme, globex, poster, hub].map((provider) => provider.stop()));
  });
  afterEach(() => {
    for (const provider of [acme, globex, poster]) provider.lies = {};
  });

  const configure = (
    more = '',
    others: readonly { readonly id: string; readonly issuer: string }[] = [],
  ): Promise<void> =>
    server.installation.configure(
      `
identityProviders:
  - { id: acme, kind: oidc, displayName: Acme, issuer: "${acme.issuer}", clientId: ligature, scopes: [openid]${more} }
  - { id: globex, kind: oidc, displayName: Globex, issuer: "${globex.issuer}", clientId: ligature, scopes: [openid] }
  - { id: poster, kind: oidc, displayName: Poster, issuer: "${poster.issuer}", clientId: ligature, scopes: [openid], responseMode: form_post }
  - id: hub
    kind: oauth2
    displayName: Hub
    issuer: "${hub.origin}"
    authorizationEndpoint: "${hub.origin}/authorize"
    tokenEndpoint: "${hub.origin}/token"
    userEndpoint: "${hub.origin}/user"
    clientId: ligature
    clientSecret: { env: TEST_HUB_SECRET }
    subjectField: id
    fieldMapping: { name: name }
${others.map(({ id, issuer }) => `  - { id: ${id}, kind: oidc, displayName: ${id}, issuer: "${issuer}", clientId: ligature, scopes: [openid] }\n`).join('')}organizations:
  - id: default
    displayName: Test
    identityProviders:
${['acme', 'globex', 'poster', 'hub', ...others.map(({ id }) => id)].map((id) => `      - { id: ${id}, policy: { creationAllowed: true, autoCreate: true, linkingAllowed: true } }`).join('\n')}
`,
      { TEST_HUB_SECRET: 'secret' },
    );
  const nextName = (): string => `person-${(people += 1)}`;
  const leaveFor = async (id: string, browser = new Browser()): Promise<Browser> => {
    await browser.open(`${server.issuer}/sign-in?choose`);
    await browser.submit({}, `/providers/${id}`);
    return browser;
  };
  const isSignedIn = async (browser: Browser): Promise<boolean> =>
    (await browser.open(`${server.issuer}/account`)) === `${server.issuer}/account`;
  const userIdIn = (browser: Browser): string => USER_ID.exec(browser.html)?.[1] ?? '';
  const sessionsOf = async (userId: string): Promise<number> => {
    const { rows } = await server.installation.pool.query<{ count: string }>(
      `SELECT count(*) FROM provider.sessions WHERE user_id = $1 AND state = 'active'`,
      [userId],
    );
    return Number(rows[0]?.count);
  };

  it('signs in through an OAuth 2.0 provider with a user API, as the same person each time', async () => {
    const browser = await leaveFor('hub');
    expect([browser.url, browser.text]).toEqual([`${server.issuer}/account`, expect.stringContaining('Octo Cat')]);
    expect(userIdIn(await leaveFor('hub'))).toBe(userIdIn(browser));
  });

  describe('a response that the provider has the browser post', () => {
    it('signs in, though the post from another site brings no cookie', async () => {
      poster.subject = nextName();
      const browser = await leaveFor('poster');
      expect(browser.url).toContain(poster.issuer);
      const fields = Object.fromEntries(
        [...browser.html.matchAll(/name="([^"]*)" value="([^"]*)"/g)].map(([, name = '', value = '']) => [name, value]),
      );
      const posted = await fetch(`${server.issuer}/providers/poster/callback`, {
        method: 'POST',
        body: new URLSearchParams(fields),
        redirect: 'manual',
      });
      expect(posted.status).toBe(303);
      const next = posted.headers.get('location') ?? '';
      // The code is not in the address: only a handle that is used once, in the browser that began.
      expect(next).not.toContain(fields.code);
      await browser.open(next);
      expect(browser.url).toBe(`${server.issuer}/account`);
      await browser.open(next);
      expect([browser.status, browser.text]).toEqual([400, expect.stringContaining('response_unknown')]);
    });

    it('L22: is of no use in another browser', async () => {
      poster.subject = nextName();
      const attacker = await leaveFor('poster');
      const stopped = attacker.clone([`${server.issuer}/providers/poster/callback?`]);
      await stopped.open(attacker.url);
      const next = await stopped.submit({});
      const victim = new Browser();
      await victim.open(`${server.issuer}/sign-in?choose`);
      await victim.open(next);
      expect([victim.status, victim.text]).toEqual([400, expect.stringContaining('browser_mismatch')]);
    });

    it('is refused from a provider that posts none, with a field twice, and under a handle that is made up', async () => {
      const post = (id: string, body: string) =>
        fetch(`${server.issuer}/providers/${id}/callback`, {
          method: 'POST',
          body,
          redirect: 'manual',
          headers: { 'content-type': 'application/x-www-form-urlencoded' },
        });
      expect((await post('acme', 'state=x&code=y')).status).toBe(403);
      expect((await post('nonesuch', 'state=x&code=y')).status).toBe(403);
      const twice = await post('poster', 'state=x&state=y');
      expect([twice.status, await twice.text()]).toEqual([400, expect.stringContaining('response_unreadable')]);
      const browser = new Browser();
      await browser.open(`${server.issuer}/sign-in?choose`);
      for (const handle of ['', '?response=x', `?response=${'A'.repeat(43)}`, '?state=x&code=y']) {
        await browser.open(`${server.issuer}/providers/poster/callback${handle}`);
        expect([browser.status, browser.text]).toEqual([400, expect.stringContaining('response_unknown')]);
      }
    });
  });

  it('two concurrent callbacks of one code: exactly one session', async () => {
    acme.subject = nextName();
    const browser = await leaveFor('acme');
    const userId = userIdIn(browser);
    await browser.submit({}, '/account/sign-out');
    expect(await sessionsOf(userId)).toBe(0);
    const stopped = new Browser([`${server.issuer}/providers/acme/callback`]);
    await stopped.open(`${server.issuer}/sign-in?choose`);
    const callback = await stopped.submit({}, '/providers/acme');
    const both = await Promise.all(
      [0, 1].map(async () => {
        const copy = stopped.clone([]);
        await copy.open(callback);
        return copy.status;
      }),
    );
    expect(both.sort()).toEqual([200, 400]);
    expect(await sessionsOf(userId)).toBe(1);
  });

  describe('a provider that is away', () => {
    const away = ['hanging', 'dying'] as const;
    let [hanging, dying]: HostileOpenIdProvider[] = [];
    beforeAll(async () => {
      [hanging, dying] = await Promise.all([HostileOpenIdProvider.start(), HostileOpenIdProvider.start()]);
      await configure(
        '',
        away.map((id, i) => ({ id, issuer: [hanging, dying][i]?.issuer ?? '' })),
      );
    });
    afterAll(async () => {
      await hanging?.stop();
      await dying?.stop();
      await configure();
    });
    const signsInMeanwhile = async (): Promise<boolean> => {
      globex.subject = nextName();
      return (await leaveFor('globex')).url === `${server.issuer}/account`;
    };

    it('hangs before anybody leaves: others sign in while twenty people wait for it, and then it is named, with the other ways beside it', async () => {
      if (hanging) hanging.lies = { hang: '/.well-known/openid-configuration' };
      let answered = 0;
      const waiting = Promise.all(
        Array.from({ length: 20 }, async () => {
          const browser = await leaveFor('hanging');
          answered += 1;
          return browser;
        }),
      );
      expect([await signsInMeanwhile(), answered]).toEqual([true, 0]);
      for (const browser of await waiting) {
        expect([browser.status, browser.url]).toEqual([502, expect.stringContaining('/sign-in')]);
        expect(browser.text).toMatch(/hanging does not answer at the moment.*Choose another way/);
      }
      const browser = new Browser();
      await browser.open(`${server.issuer}/sign-in?choose`);
      expect(browser.text).toMatch(/Continue with Globex.*Continue with hanging hanging does not answer/);
    });

    it.each<[string, HostileOpenIdProvider['lies']]>([
      ['hangs', { hang: '/token' }],
      ['dies', { intercept: (request) => request.url === '/token' && Boolean(request.socket.destroy()) }],
    ])(
      '%s in mid-login: others sign in meanwhile, and whoever was there gets a page with a way back',
      async (_what, lies) => {
        if (dying) dying.lies = lies;
        const leaving = leaveFor('dying');
        expect(await signsInMeanwhile()).toBe(true);
        const browser = await leaving;
        expect([browser.status, browser.text]).toEqual([502, expect.stringContaining('provider_unreachable')]);
        expect(browser.html).toContain('href="/sign-in?choose"');
      },
    );
  });

  describe('logout at the provider (OpenID Connect Back-Channel Logout 1.0)', () => {
    const at = (session: string) => ({ claims: (claims: object) => ({ ...claims, sid: session }) });
    const logout = async (change: object, provider = acme, id = 'acme'): Promise<Response> => {
      const now = Math.floor(Date.now() / 1_000);
      const claims = {
        iss: provider.issuer,
        aud: 'ligature',
        iat: now,
        exp: now + 120,
        jti: randomUUID(),
        events: { [LOGOUT_EVENT]: {} },
        ...change,
      };
      return fetch(`${server.issuer}/providers/${id}/backchannel-logout`, {
        method: 'POST',
        body: new URLSearchParams({ logout_token: await provider.sign(claims, { typ: 'logout+jwt' }) }),
      });
    };

    it('ends the sessions that came from that session, with an event, and no other', async () => {
      acme.subject = nextName();
      acme.lies = at('one');
      const one = await leaveFor('acme');
      acme.lies = at('two');
      const two = await leaveFor('acme');
      const userId = userIdIn(one);
      const answer = await logout({ sub: acme.subject, sid: 'one' });
      expect([answer.status, answer.headers.get('cache-control'), await answer.text()]).toEqual([200, 'no-store', '']);
      expect([await isSignedIn(one), await isSignedIn(two)]).toEqual([false, true]);
      const ended = (await server.installation.store.read(userActivityStream(userId))).filter(
        ({ event }) => event.type === 'SessionEnded',
      );
      expect(ended.map(({ event, metadata }) => [event.data, metadata.actor])).toEqual([
        [
          { sessionId: expect.any(String), reason: 'signed_out_at_provider' },
          { type: 'provider', id: 'acme' },
        ],
      ]);
    });

    it('of a person ends all sessions that came from there; a session of the same person from elsewhere stays', async () => {
      acme.subject = nextName();
      const [first, second] = [await leaveFor('acme'), await leaveFor('acme')];
      globex.subject = acme.subject;
      const elsewhere = await leaveFor('globex');
      expect((await logout({ sub: acme.subject })).status).toBe(200);
      expect([await isSignedIn(first), await isSignedIn(second), await isSignedIn(elsewhere)]).toEqual([
        false,
        false,
        true,
      ]);
    });

    it('is used once: a replay does not end what the person began since', async () => {
      acme.subject = nextName();
      await leaveFor('acme');
      const message = { sub: acme.subject, jti: randomUUID() };
      expect((await logout(message)).status).toBe(200);
      const since = await leaveFor('acme');
      const replayed = await logout(message);
      expect([replayed.status, await replayed.json()]).toEqual([
        400,
        { error: 'invalid_request', error_description: expect.any(String) },
      ]);
      expect(await isSignedIn(since)).toBe(true);
    });

    it('of one provider never ends sessions of another; a token that does not verify ends nothing', async () => {
      acme.subject = nextName();
      const browser = await leaveFor('acme');
      expect((await logout({ sub: acme.subject }, globex, 'globex')).status).toBe(200);
      expect((await logout({ sub: acme.subject }, globex, 'acme')).status).toBe(400);
      expect((await logout({ sub: acme.subject, nonce: 'n' })).status).toBe(400);
      expect((await logout({ sub: acme.subject }, acme, 'hub')).status).toBe(400);
      expect((await logout({ sub: acme.subject }, acme, 'nonesuch')).status).toBe(400);
      expect(await isSignedIn(browser)).toBe(true);
      expect(server.log).toContainEqual(expect.objectContaining({ refusal: 'logout_token_claims_invalid' }));
    });
  });
});
