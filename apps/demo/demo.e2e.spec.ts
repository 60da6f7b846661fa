import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import * as client from 'openid-client';
import { silentLogger } from '#libs/platform/logger.js';
import { Browser } from '#test-support/browser.js';
import { startRelyingApp } from './relying-app/relying-app.js';
import type { RelyingApp } from './relying-app/relying-app.js';
import { ACME, GLOBEX } from './upstream/people.js';
import { startUpstreamProvider } from './upstream/upstream-provider.js';
import type { UpstreamProvider } from './upstream/upstream-provider.js';

const REDIRECT_URI = 'http://localhost:3000/providers/acme/callback';
const SECRET = 'a-secret-of-the-test';

describe('the demo provider Acme', () => {
  let acme: UpstreamProvider;
  let config: client.Configuration;
  beforeAll(async () => {
    const registration = { id: 'ligature', secret: SECRET, redirectUri: REDIRECT_URI };
    acme = await startUpstreamProvider({ directory: ACME, port: 0, client: registration, logger: silentLogger });
    config = await client.discovery(new URL(acme.issuer), 'ligature', {}, client.ClientSecretBasic(SECRET), {
      execute: [client.allowInsecureRequests],
    });
  });
  afterAll(() => acme.close());

  const codeVerifier = client.randomPKCECodeVerifier();
  const authorize = async (browser: Browser, extra: Record<string, string> = {}): Promise<string> => {
    const parameters = {
      redirect_uri: REDIRECT_URI,
      scope: 'openid profile email',
      state: 'the-state',
      nonce: 'the-nonce',
      code_challenge: await client.calculatePKCECodeChallenge(codeVerifier),
      code_challenge_method: 'S256',
      ...extra,
    };
    return browser.open(client.buildAuthorizationUrl(config, parameters).href);
  };
  const redeem = (callback: string) =>
    client.authorizationCodeGrant(config, new URL(callback), {
      expectedState: 'the-state',
      expectedNonce: 'the-nonce',
      pkceCodeVerifier: codeVerifier,
      idTokenExpected: true,
    });

  it('signs in whom one clicks, with name, e-mail and its verified flag in the ID Token and at UserInfo', async () => {
    const browser = new Browser([REDIRECT_URI]);
    await authorize(browser);
    expect(browser.text).toContain('Grace Hopper');
    const callback = await browser.submit({ person: 'acme-1906' });
    expect(new URL(callback).searchParams.get('iss')).toBe(acme.issuer);
    const tokens = await redeem(callback);
    const person = {
      name: 'Grace Hopper',
      preferred_username: 'grace',
      email: 'grace@acme.example',
      email_verified: true,
    };
    expect(tokens.claims()).toMatchObject({
      iss: acme.issuer,
      aud: 'ligature',
      sub: 'acme-1906',
      auth_time: expect.any(Number),
      ...person,
    });
    expect(await client.fetchUserInfo(config, tokens.access_token, 'acme-1906')).toMatchObject(person);
  });

  it('asks again at every sign-in, so that one browser can be several people and max_age=0 is honoured', async () => {
    const browser = new Browser([REDIRECT_URI]);
    await authorize(browser);
    await browser.submit({ person: 'acme-1906' });
    const before = Math.floor(Date.now() / 1000);
    await authorize(browser, { prompt: 'login', max_age: '0' });
    const tokens = await redeem(await browser.submit({ person: 'acme-1912' }));
    expect(tokens.claims()).toMatchObject({ sub: 'acme-1912' });
    expect(Number(tokens.claims()?.auth_time)).toBeGreaterThanOrEqual(before);
  });

  it('O5: answers a cancelled sign-in with an error, the state and its issuer', async () => {
    const browser = new Browser([REDIRECT_URI]);
    await authorize(browser);
    const { searchParams } = new URL(await browser.submit({ cancel: 'yes' }));
    expect(Object.fromEntries(searchParams)).toMatchObject({
      error: 'access_denied',
      state: 'the-state',
      iss: acme.issuer,
    });
  });

  it('O7: refuses a request without PKCE, and a code with another verifier', async () => {
    const browser = new Browser([REDIRECT_URI]);
    const refused = await browser.open(
      client.buildAuthorizationUrl(config, { redirect_uri: REDIRECT_URI, scope: 'openid', state: 'the-state' }).href,
    );
    expect(new URL(refused).searchParams.get('error')).toBe('invalid_request');
    await authorize(browser);
    const callback = await browser.submit({ person: 'acme-1906' });
    const stolen = {
      expectedState: 'the-state',
      expectedNonce: 'the-nonce',
      pkceCodeVerifier: client.randomPKCECodeVerifier(),
    };
    await expect(client.authorizationCodeGrant(config, new URL(callback), stolen)).rejects.toMatchObject({
      error: 'invalid_grant',
    });
  });

  it('says so when a sign-in is continued in another browser', async () => {
    const browser = new Browser([REDIRECT_URI]);
    const page = await authorize(browser);
    const other = new Browser([REDIRECT_URI]);
    await other.open(page);
    expect([other.status, other.text]).toEqual([400, expect.stringContaining('Start again')]);
  });
});

describe('the demo app', () => {
  let provider: UpstreamProvider;
  let app: RelyingApp;
  beforeAll(async () => {
    // Any OpenID Provider will do as its issuer; here it is Globex, with the app as its client.
    const directory = GLOBEX;
    const port = await (async () => {
      const probe = await startRelyingApp({
        port: 0,
        issuer: 'http://127.0.0.1:1',
        clientSecret: SECRET,
        logger: silentLogger,
      });
      await probe.close();
      return Number(new URL(probe.url).port);
    })();
    const registration = { id: 'demo-app', secret: SECRET, redirectUri: `http://127.0.0.1:${port}/callback` };
    provider = await startUpstreamProvider({ directory, port: 0, client: registration, logger: silentLogger });
    app = await startRelyingApp({ port, issuer: provider.issuer, clientSecret: SECRET, logger: silentLogger });
  });
  afterAll(async () => {
    await app.close();
    await provider.close();
  });

  it('signs in and shows subject and claims; signing out forgets them', async () => {
    const browser = new Browser();
    await browser.open(`${app.url}/`);
    expect(browser.text).toContain('Sign in');
    await browser.open(`${app.url}/sign-in`);
    await browser.submit({ person: 'c20b41' });
    expect(browser.html).toContain('<code id="sub">c20b41</code>');
    expect(browser.text).toContain('k.johnson@globex.example');
    expect(browser.html).toContain(`href="${provider.issuer}/account"`);
    await browser.post(`${app.url}/sign-out`, {});
    await browser.open(`${app.url}/`);
    expect(browser.html).not.toContain('c20b41');
  });

  it('O4: refuses a callback with another state, and one that no sign-in of this browser waits for', async () => {
    const browser = new Browser();
    await browser.open(`${app.url}/callback?code=x&state=y`);
    expect([browser.status, browser.text]).toEqual([400, expect.stringContaining('no_sign_in_pending')]);
    await browser.open(`${app.url}/sign-in`);
    await browser.open(`${app.url}/callback?code=x&state=y&iss=${encodeURIComponent(provider.issuer)}`);
    expect(browser.status).toBe(400);
    expect(browser.html).not.toContain('id="sub"');
  });

  it('says so, with a way back, when its provider cannot be reached or refuses', async () => {
    const lonely = await startRelyingApp({
      port: 0,
      issuer: 'http://127.0.0.1:1',
      clientSecret: SECRET,
      logger: silentLogger,
    });
    const browser = new Browser();
    await browser.open(`${lonely.url}/sign-in`);
    await lonely.close();
    expect([browser.status, browser.text]).toEqual([502, expect.stringContaining('ligature_unreachable')]);
    await browser.open(`${app.url}/sign-in`);
    await browser.submit({ cancel: 'yes' });
    expect([browser.status, browser.text]).toEqual([400, expect.stringContaining('access_denied')]);
  });
});
