import { once } from 'node:events';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { generateCodeVerifier, OAuth2Client } from '@badgateway/oauth2-client';
import { createRemoteJWKSet, exportJWK, generateKeyPair, jwtVerify } from 'jose';
import type { CryptoKey } from 'jose';
import * as client from 'openid-client';
import { userActivityStream } from '#libs/users/streams.js';
import { DEVICE_CODE_GRANT } from '#libs/relying-parties/settings.js';
import { createPool } from '#libs/platform/postgres/pool.js';
import { requestRotation, rotationDone } from '#libs/openid-provider/signing-keys.postgres.js';
import { Browser } from '#test-support/browser.js';
import { deny } from '#test-support/denied.js';
import { HostileOpenIdProvider } from '#test-support/hostile-openid-provider.js';
import { startTestIdentityServer } from '#test-support/identity-server.js';
import type { TestIdentityServer } from '#test-support/identity-server.js';
import { authorize, CALLBACK, SECRET } from '#test-support/open-id-provider.js';
import { until } from '#test-support/until.js';

const APP = 'http://127.0.0.1:9';
const API = 'https://api.example/';
const OFFLINE = { scope: 'openid profile email offline_access', prompt: 'consent' };

const configuration = (acme: string, logoutUrl: string, jwks: object): string => `
identityProviders:
  - { id: acme, kind: oidc, displayName: Acme, issuer: "${acme}", clientId: ligature, scopes: [openid, profile, email] }
  - { id: globex, kind: oidc, displayName: Globex, issuer: "${acme}", clientId: ligature, scopes: [openid] }
organizations:
  - id: default
    displayName: Test
    loginPolicy: { password: true, acrValues: ["urn:example:low"] }
    identityProviders:
      - { id: acme, policy: { creationAllowed: true, autoCreate: true, linkingAllowed: true, unlinkAllowed: true, grantsAcr: "urn:example:low" } }
      - { id: globex, policy: { creationAllowed: true, autoCreate: true, linkingAllowed: true } }
relyingParties:
  - clientId: web
    organization: default
    displayName: Web app
    redirectUris: ["${CALLBACK}"]
    postLogoutRedirectUris: ["${APP}/signed-out"]
    backchannelLogoutUri: "${logoutUrl}"
    grantTypes: [authorization_code, refresh_token, client_credentials]
    clientSecret: { env: TEST_CLIENT_SECRET }
    scopes: [openid, profile, email, linked_identities, offline_access]
    resources: [{ resource: "${API}", scopes: [read] }]
  - clientId: asking
    organization: default
    displayName: Asking app
    redirectUris: ["${CALLBACK}"]
    grantTypes: [authorization_code]
    clientSecret: { env: TEST_CLIENT_SECRET }
    consent: by_person
    scopes: [openid, email]
  - clientId: signing
    organization: default
    displayName: Signing app
    redirectUris: ["${CALLBACK}"]
    grantTypes: [authorization_code, refresh_token]
    tokenEndpointAuthMethod: private_key_jwt
    jwks: ${JSON.stringify(jwks)}
    requirePushedAuthorizationRequests: true
    dpopBoundAccessTokens: true
    scopes: [openid, offline_access]
  - clientId: television
    organization: default
    displayName: Television
    grantTypes: ["${DEVICE_CODE_GRANT}", refresh_token]
    tokenEndpointAuthMethod: none
    applicationType: native
    scopes: [openid, profile, offline_access]
  - clientId: admin
    organization: default
    displayName: Admin
    grantTypes: [client_credentials]
    clientSecret: { env: TEST_CLIENT_SECRET }
    scopes: ["users:write"]
`;

describe('relying apps, on two instances behind one address', () => {
  let server: TestIdentityServer;
  let acme: HostileOpenIdProvider;
  let apps: Server;
  let signingKey: CryptoKey;
  let web: client.Configuration;
  let browser: Browser;
  let subjects = 0;
  const logoutTokens: string[] = [];

  beforeAll(async () => {
    acme = await HostileOpenIdProvider.start();
    apps = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk: Buffer) => (body += chunk.toString()));
      request.on('end', () => {
        logoutTokens.push(new URLSearchParams(body).get('logout_token') ?? '');
        response.end();
      });
    }).listen(0, '127.0.0.1');
    await once(apps, 'listening');
    const { privateKey, publicKey } = await generateKeyPair('ES256');
    signingKey = privateKey;
    const jwks = { keys: [{ ...(await exportJWK(publicKey)), alg: 'ES256', use: 'sig', kid: 'k1' }] };
    server = await startTestIdentityServer(undefined, 2);
    await server.installation.configure(
      configuration(acme.issuer, `http://127.0.0.1:${(apps.address() as AddressInfo).port}/logout`, jwks),
      { TEST_CLIENT_SECRET: SECRET },
    );
    web = await discover('web', client.ClientSecretBasic(SECRET));
  }, 60_000);
  afterAll(async () => {
    apps.closeAllConnections();
    apps.close();
    await server.stop();
    await acme.stop();
  });
  beforeEach(() => {
    acme.subject = `person-${(subjects += 1)}`;
    browser = new Browser([APP]);
    logoutTokens.length = 0;
  });

  const discover = (clientId: string, authentication: client.ClientAuth) =>
    client.discovery(new URL(server.issuer), clientId, undefined, authentication, {
      execute: [client.allowInsecureRequests],
    });
  /** Through the sign-in page and the provider, and the consent page where there is one, back to the app. */
  const through = async (url: string): Promise<URL> => {
    let at = await browser.open(url);
    if (browser.html.includes('/providers/acme')) at = await browser.submit({}, '/providers/acme');
    if (at.includes('/consent/')) at = await browser.submit({ answer: 'allow' });
    return new URL(at);
  };
  const signIn = async (configuration = web, parameters: Record<string, string> = {}) => {
    const { url, checks } = await authorize(configuration, parameters);
    return client.authorizationCodeGrant(configuration, await through(url), checks);
  };
  const activityOf = async (userId: string) =>
    (await server.installation.store.read(userActivityStream(userId))).map(({ event }) => event);
  const subOf = (tokens: client.TokenEndpointResponseHelpers): string => tokens.claims()?.sub ?? '';

  describe('openid-client', () => {
    it('authorization code with PKCE, userinfo, introspection, refresh, revocation, sign-out; each grant has its event, none a token', async () => {
      const tokens = await signIn(web, OFFLINE);
      const userId = subOf(tokens);
      expect(tokens.claims()).toMatchObject({ acr: 'urn:example:low', email: expect.stringContaining('@example.org') });
      expect(await client.fetchUserInfo(web, tokens.access_token, userId)).toMatchObject({ sub: userId });
      expect(await client.tokenIntrospection(web, tokens.access_token)).toMatchObject({
        active: true,
        organization: 'default',
      });
      const refreshed = await client.refreshTokenGrant(web, tokens.refresh_token ?? '');
      expect(refreshed.claims()?.sub).toBe(userId);
      await client.tokenRevocation(web, refreshed.refresh_token ?? '');
      expect(await client.tokenIntrospection(web, refreshed.access_token)).toEqual({ active: false });
      const again = await signIn(web, { scope: 'openid' });
      const out = client.buildEndSessionUrl(web, {
        id_token_hint: again.id_token ?? '',
        post_logout_redirect_uri: `${APP}/signed-out`,
        state: 's',
      });
      await browser.open(out.href);
      expect(await browser.submit({ logout: 'yes' })).toBe(`${APP}/signed-out?state=s`);

      const events = await activityOf(userId);
      expect(events.map(({ type }) => type)).toEqual([
        'LoginSucceeded',
        'SessionStarted',
        'ConsentGranted',
        'TokensIssued',
        'TokensIssued',
        'TokensRevoked',
        'TokensIssued',
        'SessionEnded',
      ]);
      const told = JSON.stringify(events);
      for (const token of [tokens, refreshed, again].flatMap((each) => [
        each.access_token,
        each.refresh_token,
        each.id_token,
      ]))
        if (token !== undefined) expect(told).not.toContain(token);
      expect(events[3]).toMatchObject({
        data: {
          clientId: 'web',
          grantType: 'authorization_code',
          scopes: ['openid', 'profile', 'email', 'offline_access'],
          offline: true,
        },
      });
    });

    it('P4: a refresh token that comes twice is an event, RefreshTokenReuseDetected, and the end of the grant', async () => {
      const tokens = await signIn(web, OFFLINE);
      await client.refreshTokenGrant(web, tokens.refresh_token ?? '');
      await expect(client.refreshTokenGrant(web, tokens.refresh_token ?? '')).rejects.toMatchObject({
        error: 'invalid_grant',
      });
      expect((await activityOf(subOf(tokens))).at(-1)).toMatchObject({
        type: 'RefreshTokenReuseDetected',
        data: { clientId: 'web' },
      });
    });

    it('somebody on the deny list gets no code, no token and no claims, although signed in; all again when they are cleared', async () => {
      const tokens = await signIn(web, OFFLINE);
      const userId = subOf(tokens);
      const projector = createPool(server.installation.eventStore.database.urls.ligature_projector, {
        applicationName: 'test',
      });
      const { url, checks } = await authorize(web);
      const code = await through(url);
      const clear = await deny(projector, userId);
      try {
        await expect(client.fetchUserInfo(web, tokens.access_token, userId)).rejects.toMatchObject({ status: 401 });
        await expect(client.refreshTokenGrant(web, tokens.refresh_token ?? '')).rejects.toMatchObject({
          error: 'invalid_grant',
        });
        await expect(client.authorizationCodeGrant(web, code, checks)).rejects.toMatchObject({
          error: 'invalid_grant',
        });
        const refused = await through((await authorize(web, { prompt: 'login' })).url);
        expect([refused.href.startsWith(server.issuer), browser.status]).toEqual([true, 403]);
      } finally {
        await clear();
        await projector.end();
      }
      expect(await client.fetchUserInfo(web, tokens.access_token, userId)).toMatchObject({ sub: userId });
      expect((await client.refreshTokenGrant(web, tokens.refresh_token ?? '')).claims()?.sub).toBe(userId);
      expect(subOf(await signIn(web))).toBe(userId);
    });

    it('client credentials, and a JWT access token for a resource', async () => {
      expect((await client.clientCredentialsGrant(web)).token_type).toBe('bearer');
      const { access_token: token } = await client.clientCredentialsGrant(web, { resource: API, scope: 'read' });
      const { payload } = await jwtVerify(token, createRemoteJWKSet(new URL(`${server.issuer}/jwks`)), {
        issuer: server.issuer,
        audience: API,
        typ: 'at+jwt',
      });
      expect(payload).toMatchObject({ client_id: 'web', scope: 'read', organization: 'default' });
    });

    it('PAR, private_key_jwt and DPoP, from the request to the refresh', async () => {
      const signing = await discover('signing', client.PrivateKeyJwt({ key: signingKey, kid: 'k1' }));
      const dpop = { DPoP: client.getDPoPHandle(signing, await client.randomDPoPKeyPair()) };
      const pkceCodeVerifier = client.randomPKCECodeVerifier();
      const url = await client.buildAuthorizationUrlWithPAR(
        signing,
        {
          redirect_uri: CALLBACK,
          scope: 'openid offline_access',
          prompt: 'consent',
          code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier),
          code_challenge_method: 'S256',
        },
        dpop,
      );
      const tokens = await client.authorizationCodeGrant(
        signing,
        await through(url.href),
        { pkceCodeVerifier },
        undefined,
        dpop,
      );
      expect(tokens.token_type).toBe('dpop');
      const refreshed = await client.refreshTokenGrant(signing, tokens.refresh_token ?? '', undefined, dpop);
      expect(await client.fetchUserInfo(signing, refreshed.access_token, subOf(tokens), dpop)).toMatchObject({
        sub: subOf(tokens),
      });
    });

    it('the device flow', async () => {
      const television = await discover('television', client.None());
      const device = await client.initiateDeviceAuthorization(television, { scope: 'openid profile' });
      await browser.open(device.verification_uri_complete ?? '');
      await browser.submit({ user_code: device.user_code });
      expect(browser.text).toContain('Give Television access?');
      await browser.submit({ confirm: 'yes' });
      await browser.submit({}, '/providers/acme');
      expect(browser.text).toContain('Your device is connected');
      const tokens = await client.pollDeviceAuthorizationGrant(television, { ...device, interval: 0.01 });
      expect((await activityOf(subOf(tokens))).at(-1)).toMatchObject({
        type: 'TokensIssued',
        data: { grantType: 'device_code', offline: false },
      });
    });

    it('an app that asks each person: the page, the event, and no page the second time', async () => {
      const asking = await discover('asking', client.ClientSecretBasic(SECRET));
      const { url } = await authorize(asking, { scope: 'openid email' });
      await browser.open(url);
      await browser.submit({}, '/providers/acme');
      expect(browser.text).toContain('Allow Asking app to use your account?');
      expect(browser.text).toContain('your e-mail address');
      expect(browser.html).not.toContain('<script');
      await browser.post(browser.url, { answer: 'allow', csrf: 'guessed' });
      expect(browser.status).toBe(403);
      const tokens = await signIn(asking, { scope: 'openid email' });
      expect(
        (await activityOf(subOf(tokens))).map(({ type }) => type).filter((type) => type.startsWith('Consent')),
      ).toEqual(['ConsentGranted']);
      const { url: again } = await authorize(asking, { scope: 'openid email' });
      expect((await browser.open(again)).startsWith(CALLBACK)).toBe(true);
      const denied = new Browser([APP]);
      acme.subject = 'who-does-not-agree';
      await denied.open((await authorize(asking, { scope: 'openid email' })).url);
      await denied.submit({}, '/providers/acme');
      expect(new URL(await denied.submit({ answer: 'deny' })).searchParams.get('error')).toBe('access_denied');
    });

    it('the apps with access stand on the account pages, and a person takes it away there', async () => {
      const tokens = await signIn(web, OFFLINE);
      await browser.open(`${server.issuer}/account/apps`);
      expect(browser.text).toContain('Web app');
      expect(browser.text).toContain('also while you are not signed in');
      await browser.submit({ app: 'web' }, '/account/apps/revoke');
      expect(browser.text).toContain('The app has no access any more.');
      await expect(client.refreshTokenGrant(web, tokens.refresh_token ?? '')).rejects.toMatchObject({
        error: 'invalid_grant',
      });
      const types = (await activityOf(subOf(tokens))).map(({ type }) => type);
      expect(types.slice(-2)).toEqual(['ConsentRevoked', 'TokensRevoked']);
    });

    it('idp: straight to that provider; one that is not offered is passed over; login_hint is filled in', async () => {
      const stopped = new Browser([APP, acme.issuer]);
      expect(await stopped.open((await authorize(web, { idp: 'acme' })).url)).toContain(`${acme.issuer}/`);
      await stopped.open((await authorize(web, { idp: 'nobody', login_hint: 'ada"><b>' })).url);
      expect(stopped.text).toContain('Continue with Acme');
      expect(stopped.html).toContain('value="ada&quot;>');
    });

    it('linked_identities', async () => {
      const tokens = await signIn(web, { scope: 'openid linked_identities' });
      const info = await until(async () => {
        const answer = await client.fetchUserInfo(web, tokens.access_token, subOf(tokens));
        return (answer.linked_identities as unknown[]).length > 0 ? answer : undefined;
      });
      expect(info.linked_identities).toEqual([
        { provider: 'acme', issuer: acme.issuer, linked_at: expect.any(String) },
      ]);
      // L32: an app is not told of an identity that is on hold since a recovery.
      const projector = createPool(server.installation.eventStore.database.urls.ligature_projector, {
        applicationName: 'test',
      });
      const hold = (held: boolean) =>
        projector.query('UPDATE models.links SET on_hold = $1 WHERE user_id = $2', [held, subOf(tokens)]);
      await hold(true);
      const held = await client.fetchUserInfo(web, tokens.access_token, subOf(tokens));
      await hold(false);
      await projector.end();
      expect(held.linked_identities).toEqual([]);
    });

    it('form_post: a page that submits itself, to the app only, with a button for who has no script', async () => {
      await browser.open((await authorize(web, { response_mode: 'form_post', scope: 'openid' })).url);
      await browser.submit({}, '/providers/acme');
      const policy = browser.headers.get('content-security-policy') ?? '';
      expect(policy).toMatch(/script-src 'sha256-[A-Za-z0-9+/=]+'/);
      expect(policy).toContain(`form-action ${APP}`);
      expect(browser.html).toContain('<button autofocus type="submit">');
      expect(browser.html).toMatch(/name="iss" value="[^"]+"/);
    });
  });

  describe('@badgateway/oauth2-client', () => {
    const library = () =>
      new OAuth2Client({
        server: server.issuer,
        clientId: 'web',
        clientSecret: SECRET,
        discoveryEndpoint: '/.well-known/oauth-authorization-server',
        authenticationMethod: 'client_secret_basic',
      });

    it('authorization code with PKCE, refresh, introspection, revocation', async () => {
      const app = library();
      const codeVerifier = await generateCodeVerifier();
      const scope = ['openid', 'offline_access'];
      const uri = await app.authorizationCode.getAuthorizeUri({
        redirectUri: CALLBACK,
        state: 's',
        codeVerifier,
        scope,
        extraParams: { prompt: 'consent' },
      });
      const back = await through(uri);
      const tokens = await app.authorizationCode.getTokenFromCodeRedirect(back.href, {
        redirectUri: CALLBACK,
        state: 's',
        codeVerifier,
      });
      const refreshed = await app.refreshToken(tokens);
      expect(await app.introspect(refreshed)).toMatchObject({ active: true, client_id: 'web' });
      await app.revoke(refreshed, 'refresh_token');
      await expect(app.refreshToken(refreshed)).rejects.toMatchObject({ oauth2Code: 'invalid_grant' });
    });

    it('client credentials, also for a resource', async () => {
      expect((await library().clientCredentials()).accessToken).toEqual(expect.any(String));
      expect(
        (await library().clientCredentials({ resource: API, scope: ['read'] })).accessToken.split('.'),
      ).toHaveLength(3);
    });
  });

  describe('what ends, ends everywhere, within a second, and the apps are told (invariant 7)', () => {
    const admin = async (method: string, path: string, body?: object): Promise<number> => {
      const configuration = await discover('admin', client.ClientSecretBasic(SECRET));
      const { access_token: token } = await client.clientCredentialsGrant(configuration, { scope: 'users:write' });
      const response = await fetch(`${server.issuer}/api/v1/users/${path}`, {
        method,
        headers: { authorization: `Bearer ${token}`, ...(body ? { 'content-type': 'application/json' } : {}) },
        ...(body ? { body: JSON.stringify(body) } : {}),
      });
      return response.status;
    };
    const claimOf = async (userId: string): Promise<string> => {
      const events = await activityOf(userId);
      return (events.find(({ type }) => type === 'LoginSucceeded')?.data as { claimId: string }).claimId;
    };

    it.each([
      ['deactivated', (userId: string) => admin('POST', `${userId}/deactivate`, {})],
      ['erased', (userId: string) => admin('POST', `${userId}/erase`, {})],
      [
        'unlinked from the identity that it came through',
        async (userId: string) =>
          admin('POST', `${userId}/identities/${await claimOf(userId)}/unlink`, { force: true }),
      ],
    ])('a user who is %s', async (_what, ends) => {
      const tokens = await signIn(web, OFFLINE);
      const userId = subOf(tokens);
      expect(await ends(userId)).toBeLessThan(300);
      // Before the command has answered, sessions and refresh tokens are gone.
      await expect(client.refreshTokenGrant(web, tokens.refresh_token ?? '')).rejects.toMatchObject({
        error: 'invalid_grant',
      });
      await expect(client.fetchUserInfo(web, tokens.access_token, userId)).rejects.toMatchObject({ status: 401 });
      await browser.open((await authorize(web)).url);
      expect(browser.text).toContain('Continue with Acme');
      const [logout] = await until(() => Promise.resolve(logoutTokens.length > 0 ? logoutTokens : undefined));
      const { payload } = await jwtVerify(logout ?? '', createRemoteJWKSet(new URL(`${server.issuer}/jwks`)), {
        issuer: server.issuer,
        audience: 'web',
        typ: 'logout+jwt',
      });
      expect(payload).toMatchObject({ sub: userId, sid: tokens.claims()?.sid });
    });
  });

  it('what the command line asks for, the identity servers do: signing keys are rotated', async () => {
    const pool = createPool(server.installation.eventStore.database.urls.ligature_cli, {
      applicationName: 'test',
      max: 1,
    });
    try {
      const number = await requestRotation(pool);
      await expect(pool.query('SELECT sealed FROM provider.signing_keys')).rejects.toThrow(/permission denied/);
      expect(await until(() => rotationDone(pool, number), 40_000)).toBeInstanceOf(Date);
    } finally {
      await pool.end();
    }
  }, 60_000);
});
