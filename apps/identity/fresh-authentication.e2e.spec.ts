import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import * as client from 'openid-client';
import { userActivityStream } from '#libs/users/streams.js';
import { Browser } from '#test-support/browser.js';
import { HostileOpenIdProvider } from '#test-support/hostile-openid-provider.js';
import type { Lies } from '#test-support/hostile-openid-provider.js';
import { HostileSamlProvider } from '#test-support/hostile-saml-provider.js';
import { startTestIdentityServer } from '#test-support/identity-server.js';
import type { TestIdentityServer } from '#test-support/identity-server.js';
import { authorize, CALLBACK, SECRET } from '#test-support/open-id-provider.js';
import { samlProvider } from '#test-support/saml-configuration.js';
import { instant } from '#test-support/saml-responses.js';
import { UserApiProvider } from '#test-support/user-api-provider.js';

const APP = 'http://127.0.0.1:9';
const ESSENTIAL = '{"id_token":{"auth_time":{"essential":true}}}';
const LISTING: Lies = { metadata: (metadata) => ({ ...metadata, acr_values_supported: ['low', 'high'] }) };
const now = (): number => Math.floor(Date.now() / 1_000);

describe('L33: an app asks for a fresh authentication, and people sign in through providers', () => {
  let server: TestIdentityServer;
  let acme: HostileOpenIdProvider;
  let corp: HostileSamlProvider;
  let hub: UserApiProvider;
  let people = 0;
  let browser: Browser;

  beforeAll(async () => {
    [acme, corp, hub] = await Promise.all([
      HostileOpenIdProvider.start(),
      HostileSamlProvider.start(),
      UserApiProvider.start(),
    ]);
    acme.lies = LISTING;
    server = await startTestIdentityServer();
    const everything = { creationAllowed: true, autoCreate: true, linkingAllowed: true };
    const openId = {
      kind: 'oidc',
      displayName: 'Acme',
      issuer: acme.issuer,
      clientId: 'ligature',
      scopes: ['openid'],
    };
    const none = { prompt: false, maxAge: false, acrValues: false };
    const app = (clientId: string, organization: string) => ({
      clientId,
      organization,
      displayName: clientId,
      redirectUris: [CALLBACK],
      grantTypes: ['authorization_code', 'refresh_token'],
      clientSecret: { env: 'TEST_CLIENT_SECRET' },
      scopes: ['openid', 'profile', 'email'],
    });
    await server.installation.configure(
      JSON.stringify({
        identityProviders: [
          { ...openId, id: 'acme' },
          { ...openId, id: 'counted', displayName: 'Counted', reauthentication: none },
          { ...openId, id: 'google', displayName: 'Goggles', reauthentication: none },
          samlProvider('corp', corp, { reauthentication: { requestedAuthnContext: true } }),
          {
            id: 'hub',
            kind: 'oauth2',
            displayName: 'Hub',
            issuer: hub.origin,
            authorizationEndpoint: `${hub.origin}/authorize`,
            tokenEndpoint: `${hub.origin}/token`,
            userEndpoint: `${hub.origin}/user`,
            clientId: 'ligature',
            clientSecret: { env: 'TEST_HUB_SECRET' },
            subjectField: 'id',
          },
        ],
        organizations: [
          {
            id: 'default',
            displayName: 'Test',
            loginPolicy: { password: true, registration: true, acrValues: ['low', 'high'] },
            identityProviders: [
              { id: 'acme', policy: { ...everything, grantsAcr: 'high' } },
              { id: 'counted', policy: { ...everything, freshRoundTripCounts: true } },
              { id: 'corp', policy: { ...everything, grantsAcr: 'low' } },
              { id: 'google', policy: everything },
              { id: 'hub', policy: everything },
            ],
          },
          { id: 'weak', displayName: 'Weak', identityProviders: [{ id: 'hub', policy: everything }] },
        ],
        relyingParties: [app('a', 'default'), app('b', 'default'), app('weak', 'weak')],
      }),
      { TEST_CLIENT_SECRET: SECRET, TEST_HUB_SECRET: 'secret' },
    );
  }, 60_000);
  afterAll(async () => {
    await server.stop();
    await Promise.all([acme, corp, hub].map((each) => each.stop()));
  });
  beforeEach(() => {
    acme.subject = corp.subject = `person-${(people += 1)}`;
    browser = new Browser([APP]);
  });
  afterEach(() => {
    acme.lies = LISTING;
    corp.lies = {};
  });

  const discover = (clientId: string) =>
    client.discovery(new URL(server.issuer), clientId, undefined, client.ClientSecretBasic(SECRET), {
      execute: [client.allowInsecureRequests],
    });
  /** A request of an app, up to where the person comes back to the app, or stops. */
  const ask = async (parameters: Readonly<Record<string, string>>, through?: string, clientId = 'a') => {
    const app = await discover(clientId);
    const { url, checks } = await authorize(app, parameters);
    let at = await browser.open(url);
    if (through !== undefined && at.includes('/sign-in/')) at = await browser.submit({}, `/providers/${through}`);
    if (browser.html.includes('SAMLResponse')) at = await browser.submit({}, '/acs');
    return {
      error: at.startsWith(CALLBACK) ? new URL(at).searchParams.get('error') : `stopped at ${at}: ${browser.text}`,
      tokens: () => client.authorizationCodeGrant(app, new URL(at), checks),
    };
  };
  const claimsOf = async (...asked: Parameters<typeof ask>) => {
    const { error, tokens } = await ask(...asked);
    if (error !== null) throw new Error(error);
    return (await tokens()).claims();
  };
  const sessions = async (): Promise<number> => {
    const { rows } = await server.installation.pool.query<{ count: string }>(
      `SELECT count(*) FROM provider.sessions WHERE state IN ('pending', 'active')`,
    );
    return Number(rows[0]?.count);
  };
  const saying = (claims: object): void => {
    acme.lies = { ...LISTING, claims: (honest) => ({ ...honest, ...claims }) };
  };

  it('OpenID Connect: it is passed on, and auth_time is the provider’s word', async () => {
    const at = now() - 20;
    saying({ auth_time: at });
    expect((await claimsOf({ prompt: 'login' }, 'acme'))?.auth_time).toBe(at);
    expect([acme.lastAuthorization.get('prompt'), acme.lastAuthorization.get('max_age')]).toEqual(['login', '0']);
    saying({ auth_time: at - 200 });
    expect((await ask({ max_age: '100' }, 'acme')).error).toBeNull();
    browser = new Browser([APP]);
    expect((await ask({ max_age: '100' }, 'acme')).error).toBe('login_required');
    expect((await claimsOf({ max_age: '300' }, 'acme'))?.auth_time).toBe(at - 200);
    expect([acme.lastAuthorization.get('prompt'), acme.lastAuthorization.get('max_age')]).toEqual([null, '300']);
  });

  it.each([
    ['that was an hour ago', { auth_time: now() - 3_600 }],
    ['without a time', { auth_time: undefined }],
    ['in the future', { auth_time: now() + 3_600 }],
  ])('a provider that lies, and answers with an authentication %s: login_required, and no session', async (_t, lie) => {
    const before = await sessions();
    for (const parameters of [{ prompt: 'login' }, { max_age: '0' }, { max_age: '60' }]) {
      saying(lie);
      expect((await ask(parameters, 'acme')).error).toBe('login_required');
    }
    expect(await sessions()).toBe(before);
    expect(server.log.at(-1)).toMatchObject({ msg: 'a sign-in was refused' });
  });

  it('SAML: ForceAuthn, and AuthnInstant is what counts', async () => {
    corp.lies = { facts: (facts) => void (facts.authnInstant = instant(-20)) };
    expect((await claimsOf({ prompt: 'login' }, 'corp'))?.auth_time).toBeLessThanOrEqual(now() - 20);
    expect(corp.lastRequest?.forceAuthn).toBe(true);
    for (const offset of [-3_600, 3_600]) {
      corp.lies = { facts: (facts) => void (facts.authnInstant = instant(offset)) };
      expect((await ask({ prompt: 'login' }, 'corp')).error).toBe('login_required');
    }
  });

  it('SAML: an essential acr is asked for by RequestedAuthnContext, a wish is not; the answer counts', async () => {
    const essential = '{"id_token":{"acr":{"essential":true,"value":"low"}}}';
    expect((await claimsOf({ acr_values: 'low' }, 'corp'))?.acr).toBe('low');
    expect(corp.lastRequest?.xml).not.toContain('RequestedAuthnContext');
    browser = new Browser([APP]);
    expect((await ask({ claims: essential }, 'corp')).error).toBe('unmet_authentication_requirements');
    expect(corp.lastRequest?.xml).toMatch(/Comparison="exact"[^<]*<[^<]*AuthnContextClassRef[^>]*>low</);
  });

  it('a provider that cannot prove it is not offered, and named; a password is', async () => {
    await ask({ prompt: 'login' });
    expect(browser.text).toContain('a asks for a new sign-in');
    expect(browser.text).toMatch(/Not available for this request[^.]*Goggles, Hub\./);
    expect(browser.html).not.toContain('/providers/hub');
    expect(browser.html).toContain('/password');
    const page = browser.url;
    await browser.submit({}, '/providers/acme');
    browser = new Browser([APP]);
    await ask({ prompt: 'login' });
    const csrf = /name="csrf" value="([^"]*)"/.exec(browser.html)?.[1] ?? '';
    await browser.post(`${browser.url.split('?')[0]}/providers/hub`, { csrf });
    expect([browser.status, browser.text]).toEqual([403, expect.stringContaining('provider_not_allowed')]);
    expect(page).toContain('/sign-in/');

    browser = new Browser([APP]);
    await ask({});
    expect(browser.html).toContain('/providers/hub');
    expect(browser.text).not.toContain('Not available for this request');
  });

  it('where no way in can prove it: login_required at once', async () => {
    for (const parameters of [{ prompt: 'login' }, { max_age: '60' }, { claims: ESSENTIAL }])
      expect((await ask(parameters, undefined, 'weak')).error).toBe('login_required');
    expect((await claimsOf({}, undefined, 'weak'))?.auth_time).toBeUndefined();
    // The session is there, and nobody knows how old the authentication is.
    expect((await ask({ max_age: '100000', prompt: 'none' }, undefined, 'weak')).error).toBe('login_required');
  });

  it('where a full new round trip counts: auth_time is left out, and an essential one is still login_required', async () => {
    saying({ auth_time: now() - 3_600 });
    expect(await claimsOf({ prompt: 'login' }, 'counted')).not.toHaveProperty('auth_time');
    saying({ auth_time: undefined });
    expect(await claimsOf({ max_age: '60' }, 'counted')).not.toHaveProperty('auth_time');
    await ask({ prompt: 'login', claims: ESSENTIAL });
    expect(browser.html).not.toContain('/providers/counted');
    // What the provider does say it says.
    browser = new Browser([APP]);
    saying({ auth_time: now() - 10 });
    expect((await claimsOf({ prompt: 'login' }, 'counted'))?.auth_time).toBeLessThanOrEqual(now() - 10);
  });

  it('a password is of now', async () => {
    await ask({ prompt: 'login' });
    await browser.open(`${server.issuer}/register`);
    await browser.submit({ displayName: 'Ada', username: `ada${people}`, password: 'correct horse battery staple' });
    const app = await discover('a');
    const { url, checks } = await authorize(app, { prompt: 'login', claims: ESSENTIAL });
    await browser.open(url);
    const at = await browser.submit({ login: `ada${people}`, password: 'correct horse battery staple' }, '/password');
    const tokens = await client.authorizationCodeGrant(app, new URL(at), checks);
    expect(tokens.claims()?.auth_time).toBeGreaterThan(now() - 60);
  });

  it('one app’s prompt=login leaves another’s tokens, and the history says that the session was renewed', async () => {
    const [a, b] = [await discover('a'), await discover('b')];
    const atA = await (await ask({}, 'acme')).tokens();
    const atB = await (await ask({}, undefined, 'b')).tokens();
    const again = await (await ask({ prompt: 'login' }, 'acme', 'b')).tokens();
    const userId = again.claims()?.sub ?? '';
    expect(await client.fetchUserInfo(a, atA.access_token, userId)).toMatchObject({ sub: userId });
    expect((await client.refreshTokenGrant(a, atA.refresh_token ?? '')).claims()?.sub).toBe(userId);
    for (const tokens of [atB, again]) await client.refreshTokenGrant(b, tokens.refresh_token ?? '');
    const events = (await server.installation.store.read(userActivityStream(userId))).map(({ event }) => event.type);
    expect(events.filter((type) => type.startsWith('Session') || type.startsWith('Login'))).toEqual([
      'LoginSucceeded',
      'SessionStarted',
      'LoginSucceeded',
      'SessionRenewed',
    ]);
  });

  it('another person who signs in for it replaces the session, as before', async () => {
    const atA = await (await ask({}, 'acme')).tokens();
    acme.subject = `person-${(people += 1)}`;
    await (await ask({ prompt: 'login' }, 'acme', 'b')).tokens();
    const userId = atA.claims()?.sub ?? '';
    await expect(client.fetchUserInfo(await discover('a'), atA.access_token, userId)).rejects.toMatchObject({
      status: 401,
    });
    const events = await server.installation.store.read(userActivityStream(userId));
    expect(events.at(-1)?.event).toMatchObject({ type: 'SessionEnded', data: { reason: 'replaced' } });
  });

  it('L30: acr_values are passed on, and the lower of the provider’s answer and its grant is what is told', async () => {
    saying({ acr: 'high' });
    expect((await claimsOf({ acr_values: 'high' }, 'acme'))?.acr).toBe('high');
    expect(acme.lastAuthorization.get('acr_values')).toBe('high');
    saying({ acr: 'low' });
    expect((await claimsOf({ acr_values: 'high', prompt: 'login' }, 'acme'))?.acr).toBe('low');
    const essential = '{"id_token":{"acr":{"essential":true,"value":"high"}}}';
    expect((await ask({ claims: essential }, 'acme')).error).toBe('unmet_authentication_requirements');
    saying({ acr: 'invented' });
    expect(await claimsOf({ acr_values: 'high', prompt: 'login' }, 'acme')).not.toHaveProperty('acr');
  });
});
