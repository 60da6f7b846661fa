import { once } from 'node:events';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import type { CryptoKey } from 'jose';
import * as client from 'openid-client';
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
import type { TestOpenIdProvider } from '#test-support/open-id-provider.js';

const ASSERTION = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
const AT_ONCE = 50;

describe('how clients prove who they are', () => {
  let op: TestOpenIdProvider;
  let keys: Server;
  let keysUrl: string;
  let key: CryptoKey;
  let jwksRequests = 0;
  /** What the client's own server answers. */
  let answerKeys: (url: string) => { status: number; body: string; location?: string };

  beforeAll(async () => {
    op = await startTestOpenIdProvider(2, { client_failures_per_address: { points: 1_000, perS: 60 } });
    const pair = await generateKeyPair('ES256');
    key = pair.privateKey;
    const jwks = { keys: [{ ...(await exportJWK(pair.publicKey)), alg: 'ES256', use: 'sig', kid: 'k1' }] };
    answerKeys = () => ({ status: 200, body: JSON.stringify(jwks) });
    keys = createServer((request, response) => {
      jwksRequests += 1;
      const { status, body, location } = answerKeys(request.url ?? '');
      response.writeHead(status, { 'content-type': 'application/json', ...(location ? { location } : {}) }).end(body);
    }).listen(0, '127.0.0.1');
    await once(keys, 'listening');
    keysUrl = `http://127.0.0.1:${(keys.address() as AddressInfo).port}`;
    const signing = {
      grantTypes: ['client_credentials'],
      redirectUris: [],
      scopes: [],
      clientSecret: undefined,
      tokenEndpointAuthMethod: 'private_key_jwt',
    };
    for (const settings of [
      { clientId: 'signing', ...signing, jwks },
      { clientId: 'signing-too', ...signing, jwks },
      { clientId: 'with-uri', ...signing, jwksUri: `${keysUrl}/jwks` },
      { clientId: 'robot', grantTypes: ['client_credentials'], redirectUris: [], scopes: [] },
      {
        clientId: 'posting',
        grantTypes: ['client_credentials'],
        redirectUris: [],
        scopes: [],
        tokenEndpointAuthMethod: 'client_secret_post',
      },
    ])
      op.relyingParties.set(settings.clientId, aRelyingParty(settings));
  });
  afterAll(async () => {
    keys.closeAllConnections();
    keys.close();
    await op.stop();
  });

  const assertion = (claims: Record<string, unknown> = {}, clientId = 'signing', by = key): Promise<string> => {
    const now = Math.floor(Date.now() / 1_000);
    const payload = {
      iss: clientId,
      sub: clientId,
      aud: op.issuer,
      jti: crypto.randomUUID(),
      iat: now,
      exp: now + 60,
      ...claims,
    };
    return new SignJWT(payload).setProtectedHeader({ alg: 'ES256', kid: 'k1' }).sign(by);
  };
  const post = async (parameters: Record<string, string>, headers: Record<string, string> = {}) => {
    const response = await fetch(`${op.issuer}/token`, {
      method: 'POST',
      headers,
      body: new URLSearchParams({ grant_type: 'client_credentials', ...parameters }),
    });
    return {
      status: response.status,
      headers: response.headers,
      ...((await response.json()) as { error?: string; error_description?: string }),
    };
  };
  const withAssertion = (jwt: string) => post({ client_assertion: jwt, client_assertion_type: ASSERTION });

  it('private_key_jwt, with keys that are registered, and with keys at an address', async () => {
    expect(await withAssertion(await assertion())).toMatchObject({ status: 200 });
    expect(await withAssertion(await assertion({}, 'with-uri'))).toMatchObject({ status: 200 });
    const configuration = await client.discovery(
      new URL(op.issuer),
      'signing',
      {},
      client.PrivateKeyJwt({ key, kid: 'k1' }),
      {
        execute: [client.allowInsecureRequests],
      },
    );
    expect((await client.clientCredentialsGrant(configuration)).token_type).toBe('bearer');
  });

  it('client_secret_basic and client_secret_post, each only as registered', async () => {
    const basic = (id: string, secret = SECRET) => ({
      authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`,
    });
    expect(await post({}, basic('robot'))).toMatchObject({ status: 200 });
    expect(await post({ client_id: 'posting', client_secret: SECRET })).toMatchObject({ status: 200 });
    expect(await post({}, basic('signing'))).toMatchObject({ status: 401, error: 'invalid_client' });
    expect(await post({}, basic('robot', 'wrong'))).toMatchObject({ status: 401, error: 'invalid_client' });
    expect(await post({}, basic('nobody'))).toMatchObject({ status: 401, error: 'invalid_client' });
    expect(await post({ client_id: 'signing' })).toMatchObject({ status: 401, error: 'invalid_client' });
    expect(await post({ client_id: 'posting', client_secret: SECRET }, basic('posting'))).toMatchObject({
      status: 400,
      error: 'invalid_request',
    });
  });

  it.each([
    ['the token endpoint', () => `${op.issuer}/token`],
    ['the issuer with a slash', () => `${op.issuer}/`],
    ['another server', () => 'https://id.example'],
    ['the issuer among others', () => [op.issuer, 'https://id.example']],
    ['the issuer, as a list', () => [op.issuer]],
    ['nobody', () => undefined],
  ])('P9: an assertion whose audience is %s is refused', async (_what, aud) => {
    expect(await withAssertion(await assertion({ aud: aud() }))).toMatchObject({
      status: 401,
      error: 'invalid_client',
    });
  });

  it('P9: an assertion of another, by another key, expired, without id or of the wrong form is refused', async () => {
    const { privateKey } = await generateKeyPair('ES256');
    const [, payload] = (await assertion()).split('.');
    for (const bad of [
      await assertion({}, 'signing', privateKey),
      await assertion({ iss: 'signing-too' }),
      await assertion({ exp: 1 }),
      await assertion({ jti: undefined }),
      `${Buffer.from('{"alg":"none"}').toString('base64url')}.${payload}.`,
    ])
      expect(await withAssertion(bad)).toMatchObject({ status: 401, error: 'invalid_client' });
    expect(await withAssertion('x')).toMatchObject({ status: 400, error: 'invalid_request' });
  });

  it('P9: of 50 who show one assertion at once, one is believed; another client’s same id is another', async () => {
    const jti = crypto.randomUUID();
    const jwt = await assertion({ jti });
    const answers = await Promise.all(Array.from({ length: AT_ONCE }, () => withAssertion(jwt)));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(answers.filter(({ error }) => error === 'invalid_client')).toHaveLength(AT_ONCE - 1);
    expect(await withAssertion(await assertion({ jti }, 'signing-too'))).toMatchObject({ status: 200 });
  });

  it('P13: keys are asked for at allowed addresses only, without redirects, within bounds', async () => {
    const good = answerKeys;
    const other = (jwksUri: string) => {
      const clientId = `at-${crypto.randomUUID()}`;
      op.relyingParties.set(
        clientId,
        aRelyingParty({
          clientId,
          grantTypes: ['client_credentials'],
          redirectUris: [],
          scopes: [],
          clientSecret: undefined,
          tokenEndpointAuthMethod: 'private_key_jwt',
          jwksUri,
        }),
      );
      return clientId;
    };
    const refused = async (jwksUri: string) => {
      const clientId = other(jwksUri);
      expect(await withAssertion(await assertion({}, clientId))).toMatchObject({ error: 'invalid_client' });
    };
    for (const address of [
      'https://10.0.0.1/jwks',
      'https://192.168.1.1/jwks',
      'https://169.254.169.254/latest/meta-data',
      'https://[fd00::1]/jwks',
    ])
      await refused(address);
    answerKeys = (url) => (url === '/redirects' ? { status: 302, body: '', location: `${keysUrl}/jwks` } : good(url));
    await refused(`${keysUrl}/redirects`);
    answerKeys = () => ({ status: 200, body: `{"keys":[],"filler":"${'x'.repeat(600_000)}"}` });
    await refused(`${keysUrl}/huge`);
    for (const body of ['', 'null', '[]', '{"keys":1}', '<html>']) {
      answerKeys = () => ({ status: 200, body });
      await refused(`${keysUrl}/${encodeURIComponent(body)}`);
    }
    answerKeys = good;
  });

  it('P13: nothing is asked because a stranger names an address', async () => {
    const before = jwksRequests;
    const query = new URLSearchParams({
      client_id: 'app',
      response_type: 'code',
      redirect_uri: CALLBACK,
      scope: 'openid',
      request_uri: `${keysUrl}/x`,
    });
    const response = await fetch(`${op.issuer}/auth?${query}`, { redirect: 'manual' });
    expect(response.headers.get('location')).toContain('error=request_uri_not_supported');
    expect(jwksRequests).toBe(before);
  });

  describe('how often', () => {
    let limited: TestOpenIdProvider;
    beforeAll(async () => {
      limited = await startTestOpenIdProvider(2, {
        oauth_per_client: { points: 200, perS: 60 },
        client_failures_per_address: { points: 5, perS: 60 },
      });
      limited.relyingParties.set(
        'robot',
        aRelyingParty({ clientId: 'robot', grantTypes: ['client_credentials'], redirectUris: [], scopes: [] }),
      );
      limited.relyingParties.set(
        'busy',
        aRelyingParty({ clientId: 'busy', grantTypes: ['client_credentials'], redirectUris: [], scopes: [] }),
      );
    });
    afterAll(() => limited.stop());
    const ask = async (clientId: string, secret = SECRET) => {
      const response = await fetch(`${limited.issuer}/token`, {
        method: 'POST',
        headers: { authorization: `Basic ${Buffer.from(`${clientId}:${secret}`).toString('base64')}` },
        body: new URLSearchParams({ grant_type: 'client_credentials' }),
      });
      return { status: response.status, retryAfter: response.headers.get('retry-after'), body: await response.text() };
    };

    it('a secret is not guessed: after some failures the client is shut out from this address, by every instance', async () => {
      const statuses: number[] = [];
      for (let i = 0; i < 12; i += 1) statuses.push((await ask('robot', `guess ${i}`)).status);
      expect(statuses.slice(0, 5)).toEqual([401, 401, 401, 401, 401]);
      // One more reaches each instance, which learns of it.
      expect(statuses.slice(8)).toEqual([429, 429, 429, 429]);
      const right = await ask('robot');
      expect(right).toMatchObject({ status: 429, retryAfter: expect.stringMatching(/^\d+$/) });
      expect(right.body).toContain('temporarily_unavailable');
      expect((await ask('busy')).status).toBe(200);
    });

    it('a client that asks too often is told to wait', async () => {
      const statuses: number[] = [];
      for (let i = 0; i < 400; i += 1) statuses.push((await ask('busy')).status);
      expect(statuses.indexOf(429)).toBeGreaterThanOrEqual(200);
      expect(statuses.at(-1)).toBe(429);
    });
  });
});

describe('tokens and requests that are bound', () => {
  let op: TestOpenIdProvider;
  let browser: Browser;
  const person = aPerson();

  beforeAll(async () => {
    op = await startTestOpenIdProvider(2);
    const scopes = ['openid', 'offline_access'];
    for (const settings of [
      { clientId: 'bound', grantTypes: ['authorization_code', 'refresh_token'], scopes, dpopBoundAccessTokens: true },
      { clientId: 'pushing', requirePushedAuthorizationRequests: true },
      { clientId: 'other-app' },
      {
        clientId: 'with-api',
        grantTypes: ['authorization_code', 'refresh_token', 'client_credentials'],
        scopes,
        resources: [
          { resource: 'https://api.example/', scopes: ['read', 'write'] },
          { resource: 'https://other.example/', scopes: ['read'] },
        ],
      },
    ])
      op.relyingParties.set(settings.clientId, aRelyingParty(settings));
    op.users.set(person.userId, {});
  });
  afterAll(() => op.stop());
  beforeEach(() => {
    op.person = person;
    browser = new Browser([APP]);
  });

  describe('P5: DPoP', () => {
    let bound: client.Configuration;
    let dpop: client.DPoPHandle;
    let key: client.CryptoKeyPair;
    beforeAll(async () => {
      bound = await op.relyingParty('bound');
      key = await client.randomDPoPKeyPair();
      dpop = client.getDPoPHandle(bound, key);
    });
    const tokens = async () => {
      const { url, checks } = await authorize(bound, { scope: 'openid offline_access', prompt: 'consent' });
      return client.authorizationCodeGrant(bound, new URL(await browser.open(url)), checks, undefined, { DPoP: dpop });
    };
    const proof = async (accessToken: string, claims: Record<string, unknown> = {}, pair = key): Promise<string> => {
      const ath = Buffer.from(await crypto.subtle.digest('SHA-256', Buffer.from(accessToken))).toString('base64url');
      return new SignJWT({
        htm: 'GET',
        htu: `${op.issuer}/me`,
        jti: crypto.randomUUID(),
        iat: Math.floor(Date.now() / 1_000),
        ath,
        ...claims,
      })
        .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk: (await exportJWK(pair.publicKey)) as never })
        .sign(pair.privateKey);
    };
    const userInfo = async (accessToken: string, dpopProof?: string, scheme = 'DPoP') => {
      const response = await fetch(`${op.issuer}/me`, {
        headers: { authorization: `${scheme} ${accessToken}`, ...(dpopProof === undefined ? {} : { dpop: dpopProof }) },
      });
      return response.status;
    };

    it('the flow: bound tokens, userinfo and refresh with the key, and nothing without it', async () => {
      const first = await tokens();
      expect(first.token_type).toBe('dpop');
      expect(await client.fetchUserInfo(bound, first.access_token, person.userId, { DPoP: dpop })).toMatchObject({
        sub: person.userId,
      });
      const { access_token: second } = await client.refreshTokenGrant(bound, first.refresh_token ?? '', undefined, {
        DPoP: dpop,
      });
      expect(await client.tokenIntrospection(bound, second)).toMatchObject({
        active: true,
        token_type: 'DPoP',
        cnf: { jkt: expect.any(String) },
      });
      const { url, checks } = await authorize(bound, { scope: 'openid' });
      await expect(
        client.authorizationCodeGrant(bound, new URL(await browser.open(url)), checks),
      ).rejects.toMatchObject({
        error: 'invalid_grant',
      });
    });

    it('a proof with the wrong address, method, token or time, none, or by another key is refused', async () => {
      const { access_token: token } = await tokens();
      const stranger = await client.randomDPoPKeyPair();
      const past = Math.floor(Date.now() / 1_000) - 600;
      for (const bad of [
        await proof(token, { htu: `${op.issuer}/token` }),
        await proof(token, { htu: 'https://evil.example/me' }),
        await proof(token, { htm: 'POST' }),
        await proof(token, { ath: 'x'.repeat(43) }),
        await proof(token, { ath: undefined }),
        await proof(token, { iat: past }),
        await proof(token, { iat: -past }),
        await proof(token, { jti: undefined }),
        await proof(token, {}, stranger),
        'garbage',
        undefined,
      ])
        expect(await userInfo(token, bad)).toBeGreaterThanOrEqual(400);
      expect(await userInfo(token, await proof(token), 'Bearer')).toBeGreaterThanOrEqual(400);
      expect(await userInfo(token, await proof(token))).toBe(200);
    });

    it('of 50 who show one proof at once, one is answered', async () => {
      const { access_token: token } = await tokens();
      const once = await proof(token);
      const statuses = await Promise.all(Array.from({ length: AT_ONCE }, () => userInfo(token, once)));
      expect(statuses.filter((status) => status === 200)).toHaveLength(1);
      expect(statuses.filter((status) => status === 401)).toHaveLength(AT_ONCE - 1);
    });
  });

  describe('P6: pushed authorization requests', () => {
    const push = async (clientId: string) => {
      const configuration = await op.relyingParty(clientId);
      const pkceCodeVerifier = client.randomPKCECodeVerifier();
      const url = await client.buildAuthorizationUrlWithPAR(configuration, {
        redirect_uri: CALLBACK,
        scope: 'openid',
        code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier),
        code_challenge_method: 'S256',
      });
      return { configuration, url, checks: { pkceCodeVerifier } };
    };

    it('the flow', async () => {
      const { configuration, url, checks } = await push('pushing');
      const tokens = await client.authorizationCodeGrant(configuration, new URL(await browser.open(url.href)), checks);
      expect(tokens.claims()?.sub).toBe(person.userId);
    });

    it('who must push cannot do without', async () => {
      const { url } = await authorize(await op.relyingParty('pushing'));
      expect(await browser.open(url)).toContain('error=invalid_request');
    });

    it('a request_uri that was used, that has expired, that is another client’s or nobody’s is refused', async () => {
      const used = await push('pushing');
      await browser.open(used.url.href);
      await browser.open(used.url.href);
      expect(browser.text).toContain('invalid_request_uri');
      const expired = await push('pushing');
      await op.pool.query(
        `UPDATE provider.artifacts SET expires_at = now() - interval '1 second' WHERE model = 'PushedAuthorizationRequest'`,
      );
      await browser.open(expired.url.href);
      expect(browser.text).toContain('invalid_request_uri');
      const theirs = (await push('pushing')).url;
      theirs.searchParams.set('client_id', 'other-app');
      await browser.open(theirs.href);
      expect(browser.text).toMatch(/Code invalid_request/);
      theirs.searchParams.set('request_uri', 'urn:ietf:params:oauth:request_uri:guessed');
      await browser.open(theirs.href);
      expect(browser.text).toContain('invalid_request_uri');
    });

    it('of 50 who use one request_uri at once, one gets a code', async () => {
      await signIn(await op.relyingParty('other-app'), browser, { scope: 'openid' });
      const { url } = await push('pushing');
      const ends = await Promise.all(Array.from({ length: AT_ONCE }, () => browser.clone().open(url.href)));
      expect(ends.filter((end) => end.includes('code='))).toHaveLength(1);
    });
  });

  describe('access tokens for resource servers (RFC 8707, RFC 9068)', () => {
    const payloadOf = (jwt: string) =>
      JSON.parse(Buffer.from(jwt.split('.')[1] ?? '', 'base64url').toString()) as Record<string, unknown>;

    it('are JWTs for that resource and its scopes, for five minutes; a refresh may ask for the other one', async () => {
      const app = await op.relyingParty('with-api');
      const { url, checks } = await authorize(app, { scope: 'openid offline_access read write', prompt: 'consent' });
      const both = new URL(url);
      both.searchParams.append('resource', 'https://api.example/');
      both.searchParams.append('resource', 'https://other.example/');
      const back = new URL(await browser.open(both.href));
      const tokens = await client.authorizationCodeGrant(app, back, checks, { resource: 'https://api.example/' });
      expect(payloadOf(tokens.access_token)).toMatchObject({
        iss: op.issuer,
        aud: 'https://api.example/',
        sub: person.userId,
        client_id: 'with-api',
        scope: 'read write',
        organization: 'default',
      });
      const { iat, exp } = payloadOf(tokens.access_token) as { iat: number; exp: number };
      expect(exp - iat).toBeLessThanOrEqual(300);
      expect(op.issued.at(-1)).toMatchObject({ resource: 'https://api.example/', scopes: ['read', 'write'] });
      const other = await client.refreshTokenGrant(app, tokens.refresh_token ?? '', {
        resource: 'https://other.example/',
      });
      expect(payloadOf(other.access_token)).toMatchObject({ aud: 'https://other.example/', scope: 'read' });
    });

    it('a client may ask for one for itself', async () => {
      const { access_token: token } = await client.clientCredentialsGrant(await op.relyingParty('with-api'), {
        resource: 'https://api.example/',
        scope: 'read',
      });
      expect(payloadOf(token)).toMatchObject({
        aud: 'https://api.example/',
        sub: 'with-api',
        scope: 'read',
        organization: 'default',
      });
    });

    it('a resource that the client is not registered for is refused', async () => {
      const app = await op.relyingParty('with-api');
      expect(
        await browser.open((await authorize(app, { scope: 'openid', resource: 'https://evil.example/' })).url),
      ).toContain('error=invalid_target');
      await expect(client.clientCredentialsGrant(app, { resource: 'https://evil.example/' })).rejects.toMatchObject({
        error: 'invalid_target',
      });
    });
  });
});
