import { connect } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { SignJWT, generateKeyPair } from 'jose';
import * as client from 'openid-client';
import { Browser } from '#test-support/browser.js';
import {
  aPerson,
  APP,
  aRelyingParty,
  authorize,
  CALLBACK,
  MASTER_KEY,
  SECRET,
  signIn,
  startTestOpenIdProvider,
} from '#test-support/open-id-provider.js';
import type { Person, TestOpenIdProvider } from '#test-support/open-id-provider.js';
import { loadSigningKeys } from './signing-keys.postgres.js';

describe('the OpenID Provider by the rules', () => {
  let op: TestOpenIdProvider;
  let app: client.Configuration;
  let person: Person;
  let browser: Browser;

  beforeAll(async () => {
    op = await startTestOpenIdProvider();
    for (const settings of [
      {
        clientId: 'auditor',
        organizationId: 'audited',
        grantTypes: ['client_credentials'],
        redirectUris: [],
        scopes: ['history:read'],
      },
      { clientId: 'robot', grantTypes: ['client_credentials'], redirectUris: [], scopes: [] },
      {
        clientId: 'both',
        grantTypes: ['authorization_code', 'client_credentials'],
        scopes: ['openid', 'history:read'],
      },
      { clientId: 'native', applicationType: 'native', redirectUris: ['http://127.0.0.1/callback'] },
      { clientId: 'other-app' },
    ])
      op.relyingParties.set(settings.clientId, aRelyingParty(settings));
    app = await op.relyingParty('app');
    person = aPerson();
    op.users.set(person.userId, {});
  });
  afterAll(() => op.stop());
  beforeEach(() => {
    op.person = person;
    browser = new Browser([APP]);
  });

  const provider = () => {
    const [first] = op.instances;
    if (!first) throw new Error('no instance');
    return first;
  };
  const open = async (
    parameters: Readonly<Record<string, string | undefined>>,
    configuration = app,
  ): Promise<string> => {
    const url = new URL((await authorize(configuration)).url);
    for (const [name, value] of Object.entries(parameters)) {
      if (value === undefined) url.searchParams.delete(name);
      else url.searchParams.set(name, value);
    }
    return browser.open(url.href);
  };
  const asClient = (clientId: string) => ({
    authorization: `Basic ${Buffer.from(`${clientId}:${SECRET}`).toString('base64')}`,
  });

  describe('access tokens of our own APIs', () => {
    const tokenOf = async (clientId: string): Promise<string> => {
      const configuration = await op.relyingParty(clientId);
      return (await client.clientCredentialsGrant(configuration, { scope: 'history:read' })).access_token;
    };
    const refused = (code: string) => ({ kind: 'refused', code });

    it('a client with the scope gets one, for five minutes at most, and with its organization (RFC 9068, P12)', async () => {
      const answer = await client.clientCredentialsGrant(await op.relyingParty('auditor'), { scope: 'history:read' });
      expect(answer.expires_in).toBeLessThanOrEqual(300);
      const [header, payload] = answer.access_token
        .split('.')
        .slice(0, 2)
        .map((part) => JSON.parse(Buffer.from(part, 'base64url').toString()) as object);
      expect(header).toMatchObject({ alg: 'RS256', typ: 'at+jwt' });
      expect(payload).toMatchObject({
        iss: op.issuer,
        aud: `${op.issuer}/api`,
        client_id: 'auditor',
        sub: 'auditor',
        organization: 'audited',
      });
      const { iat, exp } = payload as { iat: number; exp: number };
      expect(exp - iat).toBeLessThanOrEqual(300);
      expect(await provider().verifyAccessToken(answer.access_token, { scope: 'history:read' })).toEqual({
        kind: 'valid',
        clientId: 'auditor',
        organizationId: 'audited',
      });
      expect(await provider().verifyAccessToken(answer.access_token, { scope: 'history:write' })).toEqual(
        refused('insufficient_scope'),
      );
    });

    it('a client without the scope gets no token that is good for it', async () => {
      const token = await tokenOf('robot').catch(({ error }: { error: string }) => error);
      expect(await provider().verifyAccessToken(token, { scope: 'history:read' })).toMatchObject({ kind: 'refused' });
    });

    it('a signed-in user’s app gets none for it, whatever it asks for', async () => {
      const both = await op.relyingParty('both');
      expect(await open({ scope: 'openid', resource: `${op.issuer}/api` }, both)).toContain('error=invalid_target');
      const tokens = await signIn(both, browser, { scope: 'openid history:read' });
      expect(tokens.scope).toBe('openid');
      expect(await provider().verifyAccessToken(tokens.access_token, { scope: 'history:read' })).toEqual(
        refused('invalid_token'),
      );
      expect(await provider().verifyAccessToken(tokens.id_token ?? '', { scope: 'history:read' })).toEqual(
        refused('invalid_token'),
      );
    });

    it('refuses a token of our own that speaks for somebody else than its client, or to somebody else', async () => {
      const [key] = await loadSigningKeys(op.pool, MASTER_KEY, new Date());
      if (!key) throw new Error('no signing key');
      const sign = (claims: Record<string, unknown>, typ = 'at+jwt') =>
        new SignJWT({
          iss: op.issuer,
          aud: `${op.issuer}/api`,
          sub: 'auditor',
          client_id: 'auditor',
          organization: 'audited',
          scope: 'history:read',
          ...claims,
        })
          .setProtectedHeader({ alg: 'RS256', typ, kid: key.kid ?? '' })
          .setIssuedAt()
          .setExpirationTime('exp' in claims ? Number(claims.exp) : '5m')
          .sign(key.jwk);
      const verify = async (token: Promise<string>) =>
        provider().verifyAccessToken(await token, { scope: 'history:read' });
      expect(await verify(sign({}))).toMatchObject({ kind: 'valid' });
      for (const claims of [
        { sub: person.userId },
        { aud: 'app' },
        { iss: 'https://evil.example' },
        { organization: undefined },
        { exp: 1 },
      ])
        expect(await verify(sign(claims))).toEqual(refused('invalid_token'));
      expect(await verify(sign({}, 'JWT'))).toEqual(refused('invalid_token'));
    });

    it('refuses what is signed by another key, or altered, or garbage', async () => {
      const token = await tokenOf('auditor');
      const { privateKey } = await generateKeyPair('RS256');
      const forged = new SignJWT({ client_id: 'auditor', organization: 'audited', scope: 'history:read' })
        .setProtectedHeader({ alg: 'RS256', typ: 'at+jwt' })
        .setIssuer(op.issuer)
        .setAudience(`${op.issuer}/api`)
        .setSubject('auditor')
        .setIssuedAt()
        .setExpirationTime('5m');
      const [, payload] = token.split('.');
      const unsigned = `${Buffer.from('{"alg":"none","typ":"at+jwt"}').toString('base64url')}.${payload}.`;
      for (const bad of [await forged.sign(privateKey), unsigned, `${token.slice(0, -4)}AAAA`, 'x', ''])
        expect(await provider().verifyAccessToken(bad, { scope: 'history:read' })).toEqual(refused('invalid_token'));
    });
  });

  it.each([
    ['another path', `${CALLBACK}/x`],
    ['a trailing slash', `${CALLBACK}/`],
    ['a query', `${CALLBACK}?a=b`],
    ['a fragment', `${CALLBACK}#a`],
    ['another scheme', CALLBACK.replace('http:', 'https:')],
    ['another port', CALLBACK.replace(':9/', ':10/')],
    ['another host', CALLBACK.replace('127.0.0.1', 'localhost')],
    ['user information', CALLBACK.replace('127.0.0.1', '127.0.0.1:9@evil.example')],
    ['upper case', CALLBACK.replace('callback', 'Callback')],
    ['an encoded path', CALLBACK.replace('callback', '%63allback')],
    ['dot segments', CALLBACK.replace('/callback', '/x/../callback')],
    ['none', undefined],
  ])('P1: a redirect URI with %s is not redirected to', async (_what, redirectUri) => {
    const at = await open({ redirect_uri: redirectUri });
    expect(at.startsWith(op.issuer)).toBe(true);
    expect(browser.status).toBe(400);
    expect(browser.text).toContain(redirectUri === undefined ? 'invalid_request' : 'invalid_redirect_uri');
  });

  it('P1: a native app may have any port on a loopback address, and nothing else', async () => {
    const native = await op.relyingParty('native');
    expect(await open({ redirect_uri: 'http://127.0.0.1:9/callback' }, native)).toMatch(
      /^http:\/\/127\.0\.0\.1:9\/callback\?code=/,
    );
    await open({ redirect_uri: 'http://127.0.0.1:9/other' }, native);
    expect(browser.text).toContain('invalid_redirect_uri');
  });

  it('P2: a request without PKCE, or with the plain method, is refused', async () => {
    expect(await open({ code_challenge: undefined, code_challenge_method: undefined })).toContain(
      'error=invalid_request',
    );
    expect(await open({ code_challenge_method: 'plain' })).toContain('error=invalid_request');
    expect(await open({ code_challenge_method: undefined })).toContain('error=invalid_request');
  });

  it('P2: a code is worth nothing without its verifier', async () => {
    const code = new URL(await open({})).searchParams.get('code') ?? '';
    for (const verifier of [undefined, 'x'.repeat(43)]) {
      const response = await fetch(`${op.issuer}/token`, {
        method: 'POST',
        headers: asClient('app'),
        body: new URLSearchParams({
          grant_type: 'authorization_code',
          code,
          redirect_uri: CALLBACK,
          ...(verifier === undefined ? {} : { code_verifier: verifier }),
        }),
      });
      expect([response.status, await response.json()]).toEqual([
        400,
        expect.objectContaining({ error: 'invalid_grant' }),
      ]);
    }
  });

  it('P3: a code of one client is worth nothing to another', async () => {
    const { url, checks } = await authorize(app);
    const back = new URL(await browser.open(url));
    const other = await op.relyingParty('other-app');
    await expect(client.authorizationCodeGrant(other, back, checks)).rejects.toMatchObject({ error: 'invalid_grant' });
  });

  describe('P7: signing out', () => {
    const endSession = (parameters: Record<string, string>) =>
      browser.open(`${op.issuer}/session/end?${new URLSearchParams(parameters)}`);
    const account = async () => {
      await browser.open(`${op.issuer}/account`);
      return browser.html;
    };

    it.each([
      ['an unregistered address', { client_id: 'app', post_logout_redirect_uri: 'https://evil.example/' }],
      ['an address of another client', { client_id: 'native', post_logout_redirect_uri: 'https://evil.example/' }],
      ['a hint that is no token', { id_token_hint: 'x', post_logout_redirect_uri: `${APP}/signed-out` }],
      [
        'a hint without signature',
        { id_token_hint: 'eyJhbGciOiJub25lIn0.eyJhdWQiOiJhcHAifQ.', post_logout_redirect_uri: `${APP}/signed-out` },
      ],
    ])('%s: no redirect, nobody signed out; the page leads to the question', async (_what, parameters) => {
      await signIn(app, browser);
      const at = await endSession(parameters);
      expect(at.startsWith(op.issuer)).toBe(true);
      expect(browser.status).toBe(400);
      expect(await account()).not.toBe('null');
      await endSession(parameters);
      const link = /href="([^"]*\/session\/end)"/.exec(browser.html)?.[1];
      await browser.open(new URL(link ?? 'nowhere:', op.issuer).href);
      expect(browser.text).toContain('Sign out?');
    });

    it('an address without a client is not redirected to', async () => {
      await signIn(app, browser);
      await endSession({ post_logout_redirect_uri: 'https://evil.example/' });
      expect(browser.text).toContain('Sign out?');
      const at = await browser.submit({ logout: 'yes' });
      expect(at.startsWith(op.issuer)).toBe(true);
      expect(browser.text).toContain('You are signed out');
    });

    it.each([
      ['en', 'You are still signed in'],
      ['de', 'Sie sind weiterhin angemeldet'],
    ])('who stays signed in is told so, not that they are signed out (%s)', async (language, text) => {
      browser.language = language;
      await signIn(app, browser);
      for (const parameters of [{}, { client_id: 'app' }]) {
        await endSession(parameters);
        await browser.submit({});
        expect(browser.text).toContain(text);
        expect(await account()).not.toBe('null');
      }
    });

    it('a page elsewhere cannot sign anyone out: the answer needs the form’s own secret', async () => {
      await signIn(app, browser);
      await endSession({});
      await browser.post(`${op.issuer}/session/end/confirm`, { logout: 'yes', xsrf: 'guessed' });
      expect(browser.status).toBe(400);
      expect(await account()).not.toBe('null');
    });

    it('the page has no script and does not load anything from elsewhere', async () => {
      await signIn(app, browser);
      await endSession({});
      expect(browser.html).not.toContain('<script');
      expect(browser.headers.get('content-security-policy')).toContain(`default-src 'none'`);
    });
  });

  it('P8: every answer names the issuer, errors too', async () => {
    expect(new URL(await open({})).searchParams.get('iss')).toBe(op.issuer);
    expect(new URL(await open({ prompt: 'none', max_age: '0' })).searchParams.get('iss')).toBe(op.issuer);
    expect(new URL(await open({ scope: 'openid offline_access' })).searchParams.get('iss')).toBe(op.issuer);
    expect(app.serverMetadata().authorization_response_iss_parameter_supported).toBe(true);
  });

  it.each(['token', 'id_token', 'code id_token', 'code token', 'none'])(
    'P11: response type %s is refused',
    async (response_type) => {
      expect(await open({ response_type })).toMatch(
        /^[^?#]+[?#]error=(unsupported_response_type|invalid_request)&(?!.*(code|token)=)/,
      );
      expect(app.serverMetadata().response_types_supported).toEqual(['code']);
    },
  );

  it('P11: no code is ever put into a fragment', async () => {
    const at = await open({ response_mode: 'fragment' });
    expect(at).toContain('error=invalid_request');
    expect(at).not.toContain('code=');
    expect(app.serverMetadata().response_modes_supported).toEqual(['query', 'form_post']);
  });

  it('P11: the form_post page runs its one script by hash', async () => {
    await open({ response_mode: 'form_post' });
    expect(browser.html).toContain(`action="${CALLBACK}"`);
    expect(browser.headers.get('content-security-policy')).toMatch(/script-src 'sha256-/);
  });

  it('P11: an error page says a code and a reference, and repeats nothing of the request', async () => {
    await browser.open(
      `${op.issuer}/auth?client_id=${encodeURIComponent('<script>alert(1)</script>')}&login_hint=ada@example.com`,
    );
    expect(browser.status).toBe(400);
    expect(browser.text).toMatch(/Code invalid_\w+ · reference [0-9a-f-]{36}/);
    expect(browser.html).not.toMatch(/alert|ada@example|<script/);
  });

  it.each(['x'.repeat(101), '../user', 'a b', 'ä', '%00', ''])(
    'a client id that cannot be one (%j) is not looked for',
    async (clientId) => {
      const looked: string[] = [];
      const known = op.relyingParties.get.bind(op.relyingParties);
      op.relyingParties.get = (id) => (looked.push(id), known(id));
      try {
        await browser.open(`${op.issuer}/auth?${new URLSearchParams({ client_id: clientId, response_type: 'code' })}`);
        expect([browser.status, looked]).toEqual([400, []]);
      } finally {
        op.relyingParties.get = known;
      }
    },
  );

  it('endpoints are those of the issuer, whatever Host, forwarded headers or request target say', async () => {
    const { hostname, port } = new URL(op.issuer);
    const raw = (head: string): Promise<string> =>
      new Promise((resolve, reject) => {
        const socket = connect(Number(port), hostname, () => socket.write(`${head}\r\nConnection: close\r\n\r\n`));
        let answer = '';
        socket
          .on('data', (data) => (answer += data.toString()))
          .on('end', () => resolve(answer))
          .on('error', reject);
      });
    const path = '/.well-known/openid-configuration';
    for (const head of [
      `GET ${path} HTTP/1.1\r\nHost: evil.example`,
      `GET ${path} HTTP/1.1\r\nHost: x\r\nX-Forwarded-Host: evil.example\r\nX-Forwarded-Proto: https`,
      `GET http://evil.example${path} HTTP/1.1\r\nHost: evil.example`,
    ]) {
      const answer = await raw(head);
      expect(answer).toContain('200 OK');
      expect(answer).toContain(`"token_endpoint":"${op.issuer}/token"`);
      expect(answer).not.toContain('evil.example');
    }
  });

  it('a client learns nothing of another one’s tokens', async () => {
    const { access_token: token } = await signIn(app, browser);
    const introspect = async (clientId: string) => {
      const response = await fetch(`${op.issuer}/token/introspection`, {
        method: 'POST',
        headers: asClient(clientId),
        body: new URLSearchParams({ token }),
      });
      return (await response.json()) as object;
    };
    expect(await introspect('other-app')).toEqual({ active: false });
    expect(await introspect('app')).toMatchObject({ active: true, sub: person.userId });
  });

  it('a token that is presented is looked up once, whatever its kind, together with its grant', async () => {
    const { access_token: token } = await signIn(app, browser);
    const asked = jest.spyOn(op.pool, 'query');
    try {
      expect(await client.tokenIntrospection(app, token)).toMatchObject({ active: true });
      expect(await client.fetchUserInfo(app, token, person.userId)).toMatchObject({ sub: person.userId });
      const statements = asked.mock.calls.map(([statement]) => JSON.stringify(statement));
      expect(statements.filter((text) => /provider\.(artifacts|grants)/.test(text))).toHaveLength(2);
    } finally {
      asked.mockRestore();
    }
  });

  it('a token can be revoked by its client', async () => {
    const { access_token } = await signIn(app, browser);
    await client.tokenRevocation(app, access_token);
    await expect(client.fetchUserInfo(app, access_token, person.userId)).rejects.toMatchObject({ status: 401 });
  });

  it('signing keys lie in the database encrypted', async () => {
    const { rows } = await op.pool.query<{ sealed: Buffer }>('SELECT sealed FROM provider.signing_keys');
    expect(rows).toHaveLength(2);
    for (const { sealed } of rows) expect(sealed.toString('latin1')).not.toMatch(/"kty"|"d"/);
  });
});
