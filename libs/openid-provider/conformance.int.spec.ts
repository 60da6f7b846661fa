import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { createRemoteJWKSet, decodeProtectedHeader, jwtVerify } from 'jose';
import * as client from 'openid-client';
import { Browser } from '#test-support/browser.js';
import {
  aPerson,
  APP,
  aRelyingParty,
  authorize,
  CALLBACK,
  SECRET,
  startTestOpenIdProvider,
} from '#test-support/open-id-provider.js';
import type { Authorization, Person, TestOpenIdProvider } from '#test-support/open-id-provider.js';

/*
 * What the certification plans of the OpenID Foundation's conformance suite check of a provider, for the code flow, by
 * the suite's names (docs/conformance.md). The suite's requests have no PKCE; ours do, because every client must send
 * it (P2).
 */
const SIGNED_OUT = `${APP}/signed-out`;
const CLAIMS = {
  name: 'Ada Lovelace',
  givenName: 'Ada',
  familyName: 'Lovelace',
  email: 'ada@example.com',
  emailVerified: true,
};

type Parameters = Readonly<Record<string, string | undefined>>;

describe('conformance', () => {
  let op: TestOpenIdProvider;
  let app: client.Configuration;
  let person: Person;
  let browser: Browser;

  beforeAll(async () => {
    op = await startTestOpenIdProvider(2);
    const grantTypes = ['authorization_code', 'refresh_token'];
    op.relyingParties.set(
      'app',
      aRelyingParty({ grantTypes, scopes: ['openid', 'profile', 'email', 'offline_access'] }),
    );
    op.relyingParties.set(
      'app2',
      aRelyingParty({ clientId: 'app2', grantTypes, scopes: ['openid', 'offline_access'] }),
    );
    op.relyingParties.set('post', aRelyingParty({ clientId: 'post', tokenEndpointAuthMethod: 'client_secret_post' }));
    app = await op.relyingParty('app');
  });
  afterAll(() => op.stop());
  beforeEach(() => {
    person = aPerson();
    op.users.set(person.userId, CLAIMS);
    op.person = person;
    browser = new Browser([APP]);
  });

  const requestWith = async (parameters: Parameters): Promise<Authorization> => {
    const { url, checks } = await authorize(app);
    const changed = new URL(url);
    for (const [name, value] of Object.entries(parameters)) {
      if (value === undefined) changed.searchParams.delete(name);
      else changed.searchParams.set(name, value);
    }
    return {
      url: changed.href,
      checks: 'nonce' in parameters ? { ...checks, expectedNonce: undefined as never } : checks,
    };
  };
  /** The answer at the app, whichever way it came. */
  const answerOf = (at: string): URL => {
    if (at.startsWith(APP)) return new URL(at);
    const fields = [...browser.html.matchAll(/name="([^"]*)" value="([^"]*)"/g)].map(([, name = '', value = '']) => [
      name,
      value,
    ]);
    expect(browser.html).toContain(`<form method="post" action="${CALLBACK}">`);
    return new URL(
      `${CALLBACK}?${new URLSearchParams(Object.fromEntries(fields.map(([k, v]) => [k, v?.replaceAll('&#x2F;', '/')])) as Record<string, string>)}`,
    );
  };
  const errorAt = (at: string): string | null => answerOf(at).searchParams.get('error');

  describe.each([
    ['oidcc-basic-certification-test-plan', undefined],
    ['oidcc-formpost-basic-certification-test-plan', 'form_post'],
  ])('%s', (_plan, responseMode) => {
    const open = async (parameters: Parameters = {}) => {
      const request = await requestWith({
        ...parameters,
        ...(responseMode === undefined ? {} : { response_mode: responseMode }),
      });
      return { ...request, at: await browser.open(request.url) };
    };
    const signIn = async (parameters: Parameters = {}) => {
      const { at, checks } = await open(parameters);
      return client.authorizationCodeGrant(app, answerOf(at), checks);
    };
    const userInfo = async (init: RequestInit) => {
      const response = await fetch(`${op.issuer}/me`, init);
      return { status: response.status, body: (await response.json()) as Record<string, unknown> };
    };
    const claimsFor = async (scope: string) => {
      const { access_token: token } = await signIn({ scope });
      return client.fetchUserInfo(app, token, person.userId);
    };

    it('oidcc-server', async () => {
      const tokens = await signIn();
      expect(tokens.claims()).toMatchObject({ iss: op.issuer, aud: 'app', sub: person.userId });
    });

    it('oidcc-response-type-missing', async () => {
      const { at } = await open({ response_type: undefined });
      expect(errorAt(at)).toMatch(/^(invalid_request|unsupported_response_type)$/);
    });

    it('oidcc-idtoken-signature', async () => {
      const { id_token: idToken = '' } = await signIn();
      const { kid, alg } = decodeProtectedHeader(idToken);
      expect([typeof kid, alg]).toEqual(['string', 'RS256']);
      await jwtVerify(idToken, createRemoteJWKSet(new URL(`${op.issuer}/jwks`)), {
        issuer: op.issuer,
        audience: 'app',
      });
    });

    it('oidcc-userinfo-get, oidcc-userinfo-post-header, oidcc-userinfo-post-body', async () => {
      const { access_token: token } = await signIn();
      const authorization = `Bearer ${token}`;
      for (const init of [
        { headers: { authorization } },
        { method: 'POST', headers: { authorization } },
        { method: 'POST', body: new URLSearchParams({ access_token: token }) },
      ])
        expect(await userInfo(init)).toMatchObject({ status: 200, body: { sub: person.userId } });
    });

    it('oidcc-ensure-request-without-nonce-succeeds-for-code-flow', async () => {
      expect((await signIn({ nonce: undefined })).claims()?.nonce).toBeUndefined();
    });

    it('oidcc-scope-profile', async () => {
      expect(await claimsFor('openid profile')).toEqual({
        sub: person.userId,
        name: 'Ada Lovelace',
        given_name: 'Ada',
        family_name: 'Lovelace',
      });
    });

    it('oidcc-scope-email', async () => {
      expect(await claimsFor('openid email')).toEqual({
        sub: person.userId,
        email: 'ada@example.com',
        email_verified: true,
      });
    });

    it('oidcc-scope-address, oidcc-scope-phone: not supported, and the suite leaves them out by scopes_supported', () => {
      expect(app.serverMetadata().scopes_supported).toEqual(expect.not.arrayContaining(['address', 'phone']));
    });

    it('oidcc-scope-all: all that are supported, in any order (oidcc-alternate-happy-flow)', async () => {
      expect(await claimsFor('email openid profile')).toMatchObject({ name: 'Ada Lovelace', email: 'ada@example.com' });
    });

    it('oidcc-claims-essential', async () => {
      const tokens = await signIn({
        scope: 'openid',
        claims: JSON.stringify({ userinfo: { name: { essential: true } } }),
      });
      expect(await client.fetchUserInfo(app, tokens.access_token, person.userId)).toMatchObject({
        name: 'Ada Lovelace',
      });
    });

    it.each([
      ['oidcc-display-page', { display: 'page' }],
      ['oidcc-display-popup', { display: 'popup' }],
      ['oidcc-ui-locales', { ui_locales: 'se' }],
      ['oidcc-claims-locales', { claims_locales: 'se' }],
      ['oidcc-login-hint', { login_hint: 'ada@example.com' }],
      ['oidcc-ensure-request-with-acr-values-succeeds', { acr_values: '1 2' }],
      ['oidcc-ensure-request-with-unknown-parameter-succeeds', { extra: 'foobar' }],
      ['oidcc-ensure-request-with-valid-pkce-succeeds', {}],
    ])('%s', async (_module, parameters: Parameters) => {
      expect((await signIn(parameters)).claims()?.sub).toBe(person.userId);
    });

    it('oidcc-prompt-login', async () => {
      const first = await signIn();
      await op.pool.query(
        `UPDATE provider.sessions SET payload = jsonb_set(payload, '{loginTs}', to_jsonb((payload->>'loginTs')::int - 100)) WHERE user_id = $1`,
        [person.userId],
      );
      const second = await signIn({ prompt: 'login' });
      expect(second.claims()?.sub).toBe(first.claims()?.sub);
      expect(second.claims()?.auth_time).toBeGreaterThanOrEqual(first.claims()?.auth_time ?? Infinity);
    });

    it('oidcc-prompt-none-not-logged-in', async () => {
      expect(errorAt((await open({ prompt: 'none' })).at)).toMatch(/^(login_required|interaction_required)$/);
    });

    it('oidcc-prompt-none-logged-in', async () => {
      const first = await signIn();
      op.person = undefined;
      const second = await signIn({ prompt: 'none' });
      expect([second.claims()?.sub, second.claims()?.auth_time]).toEqual([
        first.claims()?.sub,
        first.claims()?.auth_time,
      ]);
    });

    it('oidcc-max-age-1', async () => {
      await signIn();
      await op.pool.query(
        `UPDATE provider.sessions SET payload = jsonb_set(payload, '{loginTs}', to_jsonb((payload->>'loginTs')::int - 100)) WHERE user_id = $1`,
        [person.userId],
      );
      op.person = undefined;
      await open({ max_age: '1' });
      expect(browser.text).toBe('sign-in default');
      op.person = person;
      expect((await signIn({ max_age: '1' })).claims()?.auth_time).toBeGreaterThan(Date.now() / 1_000 - 30);
    });

    it('oidcc-max-age-10000', async () => {
      const first = await signIn();
      op.person = undefined;
      expect((await signIn({ max_age: '10000' })).claims()?.auth_time).toBe(first.claims()?.auth_time);
    });

    it('oidcc-id-token-hint', async () => {
      const { id_token: hint } = await signIn();
      op.person = undefined;
      expect((await signIn({ prompt: 'none', id_token_hint: hint })).claims()?.sub).toBe(person.userId);
    });

    it('oidcc-ensure-post-request-succeeds', async () => {
      const { url, checks } = await requestWith(responseMode === undefined ? {} : { response_mode: responseMode });
      const { origin, pathname, searchParams } = new URL(url);
      const at = await browser.post(`${origin}${pathname}`, Object.fromEntries(searchParams));
      expect((await client.authorizationCodeGrant(app, answerOf(at), checks)).claims()?.sub).toBe(person.userId);
    });

    it('oidcc-ensure-registered-redirect-uri', async () => {
      const { at } = await open({ redirect_uri: `${CALLBACK}/unregistered` });
      expect([at.startsWith(op.issuer), browser.status]).toEqual([true, 400]);
    });

    it('oidcc-codereuse, oidcc-codereuse-30seconds', async () => {
      const { at, checks } = await open();
      const back = answerOf(at);
      const { access_token: token } = await client.authorizationCodeGrant(app, back, checks);
      await expect(client.authorizationCodeGrant(app, back, checks)).rejects.toMatchObject({ error: 'invalid_grant' });
      expect((await userInfo({ headers: { authorization: `Bearer ${token}` } })).status).toBe(401);
    });

    it('oidcc-server-client-secret-post', async () => {
      const post = await client.discovery(new URL(op.issuer), 'post', undefined, client.ClientSecretPost(SECRET), {
        execute: [client.allowInsecureRequests],
      });
      const { at, checks } = await open({ client_id: 'post' });
      expect((await client.authorizationCodeGrant(post, answerOf(at), checks)).claims()?.aud).toBe('post');
    });

    it.each([
      [
        'oidcc-unsigned-request-object-supported-correctly-or-rejected-as-unsupported',
        { request: 'eyJhbGciOiJub25lIn0.e30.' },
        'request_not_supported',
      ],
      [
        'oidcc-ensure-request-object-with-redirect-uri',
        { request: 'eyJhbGciOiJub25lIn0.eyJyZWRpcmVjdF91cmkiOiJ4In0.' },
        'request_not_supported',
      ],
      [
        'oidcc-request-uri-unsigned-supported-correctly-or-rejected-as-unsupported',
        { request_uri: 'https://app.example/request' },
        'request_uri_not_supported',
      ],
    ])('%s: rejected as unsupported', async (_module, parameters: Parameters, error) => {
      expect(errorAt((await open(parameters)).at)).toBe(error);
      // What is not said of `request` means no (OpenID Connect Discovery 3); of `request_uri` it would mean yes.
      const { request_parameter_supported: byValue, request_uri_parameter_supported: byReference } =
        app.serverMetadata();
      expect([byValue, byReference]).toEqual([undefined, false]);
    });

    it('oidcc-idtoken-unsigned: not supported', () => {
      expect(app.serverMetadata().id_token_signing_alg_values_supported).not.toContain('none');
    });

    it('oidcc-refresh-token', async () => {
      const tokens = await signIn({ scope: 'openid offline_access', prompt: 'consent' });
      const refreshed = await client.refreshTokenGrant(app, tokens.refresh_token ?? '');
      const [before, after] = [tokens.claims(), refreshed.claims()];
      expect(after).toMatchObject({
        iss: before?.iss,
        sub: before?.sub,
        aud: before?.aud,
        auth_time: before?.auth_time,
      });
      expect(after?.iat).toBeGreaterThanOrEqual(before?.iat ?? Infinity);
      await expect(
        client.refreshTokenGrant(await op.relyingParty('app2'), refreshed.refresh_token ?? ''),
      ).rejects.toMatchObject({
        error: 'invalid_grant',
      });
    });
  });

  describe('oidcc-config-certification-test-plan', () => {
    it('oidcc-discovery-endpoint-verification', async () => {
      const metadata = app.serverMetadata();
      expect(metadata).toMatchObject({
        issuer: op.issuer,
        response_types_supported: ['code'],
        subject_types_supported: expect.arrayContaining(['public']),
        id_token_signing_alg_values_supported: expect.arrayContaining(['RS256']),
        scopes_supported: expect.arrayContaining(['openid']),
        claims_supported: expect.arrayContaining(['sub', 'name', 'email']),
        claims_parameter_supported: true,
        authorization_response_iss_parameter_supported: true,
        code_challenge_methods_supported: ['S256'],
      });
      for (const name of [
        'authorization_endpoint',
        'token_endpoint',
        'userinfo_endpoint',
        'jwks_uri',
        'end_session_endpoint',
      ] as const)
        expect(metadata[name]?.startsWith(`${op.issuer}/`)).toBe(true);
      const { keys } = (await (await fetch(metadata.jwks_uri ?? '')).json()) as { keys: Record<string, unknown>[] };
      for (const key of keys) expect([typeof key.kid, key.use, key.d]).toEqual(['string', 'sig', undefined]);
    });
  });

  describe('oidcc-rp-initiated-logout-certification-test-plan', () => {
    const signIn = async () => {
      const { url, checks } = await authorize(app);
      return client.authorizationCodeGrant(app, new URL(await browser.open(url)), checks);
    };
    const endSession = (parameters: Record<string, string>) =>
      browser.open(`${op.issuer}/session/end?${new URLSearchParams(parameters)}`);
    const signOut = async (): Promise<string> => {
      expect(browser.text).toContain('Sign out?');
      return browser.submit({ logout: 'yes' });
    };
    const isSignedIn = async (): Promise<boolean> => {
      const { url } = await authorize(app, { prompt: 'none' });
      return !(await browser.open(url)).includes('login_required');
    };

    it('oidcc-rp-initiated-logout-discovery-endpoint-verification', () => {
      expect(app.serverMetadata().end_session_endpoint).toBe(`${op.issuer}/session/end`);
    });

    it('oidcc-rp-initiated-logout', async () => {
      const { id_token: hint = '' } = await signIn();
      await endSession({ id_token_hint: hint, post_logout_redirect_uri: SIGNED_OUT, state: 'abc' });
      expect(await signOut()).toBe(`${SIGNED_OUT}?state=abc`);
      expect(await isSignedIn()).toBe(false);
    });

    it('oidcc-rp-initiated-logout-no-state', async () => {
      const { id_token: hint = '' } = await signIn();
      await endSession({ id_token_hint: hint, post_logout_redirect_uri: SIGNED_OUT });
      expect(await signOut()).toBe(SIGNED_OUT);
    });

    it.each([
      ['oidcc-rp-initiated-logout-no-params', {}],
      ['oidcc-rp-initiated-logout-only-state', { state: 'abc' }],
      ['oidcc-rp-initiated-logout-no-id-token-hint', { post_logout_redirect_uri: SIGNED_OUT }],
    ])('%s: asks, and stays', async (_module, parameters) => {
      await signIn();
      await endSession(parameters);
      expect((await signOut()).startsWith(op.issuer)).toBe(true);
      expect(await isSignedIn()).toBe(false);
    });

    it('oidcc-rp-initiated-logout-no-post-logout-redirect-uri', async () => {
      const { id_token: hint = '' } = await signIn();
      await endSession({ id_token_hint: hint });
      expect((await signOut()).startsWith(op.issuer)).toBe(true);
    });

    it.each([
      [
        'oidcc-rp-initiated-logout-bad-post-logout-redirect-uri',
        (hint: string) => ({ id_token_hint: hint, post_logout_redirect_uri: `${APP}/elsewhere` }),
      ],
      [
        'oidcc-rp-initiated-logout-query-added-to-post-logout-redirect-uri',
        (hint: string) => ({ id_token_hint: hint, post_logout_redirect_uri: `${SIGNED_OUT}?foo=bar` }),
      ],
      [
        'oidcc-rp-initiated-logout-modified-id-token-hint',
        (hint: string) => ({ id_token_hint: `${hint.slice(0, -6)}AAAAAA`, post_logout_redirect_uri: SIGNED_OUT }),
      ],
      [
        'oidcc-rp-initiated-logout-bad-id-token-hint',
        () => ({ id_token_hint: 'x.y.z', post_logout_redirect_uri: SIGNED_OUT }),
      ],
    ])('%s: an error page, no redirect, nobody signed out', async (_module, parameters) => {
      const { id_token: hint = '' } = await signIn();
      const at = await endSession(parameters(hint));
      expect([at.startsWith(op.issuer), browser.status]).toEqual([true, 400]);
      expect(await isSignedIn()).toBe(true);
    });
  });

  describe('oidcc-backchannel-rp-initiated-logout-certification-test-plan', () => {
    it('oidcc-backchannel-logout-discovery-endpoint-verification (oidcc-backchannel-rp-initiated-logout: backchannel-logout.int.spec.ts)', () => {
      expect(app.serverMetadata()).toMatchObject({
        backchannel_logout_supported: true,
        backchannel_logout_session_supported: true,
      });
    });
  });
});
