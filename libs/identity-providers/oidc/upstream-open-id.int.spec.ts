import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { createHmac, generateKeyPairSync } from 'node:crypto';
import { SignJWT } from 'jose';
import type { CryptoKey } from 'jose';
import { migrate } from '#libs/platform/postgres/migrations.js';
import { createPool } from '#libs/platform/postgres/pool.js';
import type { Pool } from '#libs/platform/postgres/pool.js';
import { createTestDatabase } from '#test-support/database.js';
import type { TestDatabase } from '#test-support/database.js';
import { HostileOpenIdProvider } from '#test-support/hostile-openid-provider.js';
import type { Lies } from '#test-support/hostile-openid-provider.js';
import { Discovery } from './discovery.js';
import { flowMigrations, Flows } from '../flows.postgres.js';
import { DEFAULT_HTTP_POLICY } from '#libs/platform/guarded-http.js';
import { oidcProviderSettingsSchema } from './settings.js';
import type { OidcProviderSettings } from './settings.js';
import { UpstreamOpenId } from './upstream-open-id.js';

interface Intent {
  readonly purpose: string;
}

const POLICY = { ...DEFAULT_HTTP_POLICY, allowLoopback: true, timeoutMs: 400 };
const CALLBACK = 'https://id.example.org/providers/hostile/callback';
const BROWSER = 'browser-1';
const segment = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

describe('sign-in at an external OpenID Provider', () => {
  let database: TestDatabase;
  let pool: Pool;
  let provider: HostileOpenIdProvider;
  let settings: OidcProviderSettings;
  let upstream: UpstreamOpenId<Intent>;
  let now: () => Date;

  beforeAll(async () => {
    database = await createTestDatabase();
    pool = createPool(database.urls.ligature_identity, { applicationName: 'test' });
    await migrate(pool, 'provider', flowMigrations);
  });
  afterAll(async () => {
    await pool.end();
    await database.drop();
  });
  beforeEach(async () => {
    provider = await HostileOpenIdProvider.start();
    settings = settingsOf({});
    now = () => new Date();
    upstream = fresh();
  });
  afterEach(() => provider.stop());

  const settingsOf = (more: object): OidcProviderSettings =>
    oidcProviderSettingsSchema.parse({
      id: 'hostile',
      kind: 'oidc',
      displayName: 'Hostile',
      issuer: provider.issuer,
      clientId: 'ligature',
      clientSecret: 's',
      scopes: ['openid'],
      ...more,
    });

  /** Without anything remembered of the provider. */
  const fresh = (policy = POLICY): UpstreamOpenId<Intent> => {
    const clock = (): Date => now();
    return new UpstreamOpenId<Intent>({ flows: new Flows(pool, clock), discovery: new Discovery(policy, clock), policy, clock });
  };

  const begin = async (more: { reauthenticate?: boolean } = {}): Promise<string> => {
    const begun = await upstream.begin({ settings, intent: { purpose: 'test' }, browserId: BROWSER, callbackUrl: CALLBACK, ...more });
    if (begun.kind !== 'redirect') throw new Error(`not begun: ${JSON.stringify(begun)}`);
    return begun.redirectTo;
  };
  const complete = (query: Record<string, unknown>, browserId = BROWSER) =>
    upstream.complete({ settings, parameters: query, browserId, callbackUrl: CALLBACK });

  /** A whole flow in which the provider lies; the code with which it is refused, or `verified`. */
  const outcomeWith = async (lies: Lies, more: { reauthenticate?: boolean } = {}): Promise<string> => {
    const redirectTo = await begin(more);
    provider.lies = lies;
    const result = await complete(await provider.authorize(redirectTo));
    return result.kind === 'refused' ? result.code : result.kind;
  };
  const withClaims = (change: object): Promise<string> => outcomeWith({ claims: (claims) => ({ ...claims, ...change }) });

  it('gives the verified assertion and the intent of its one-shot row', async () => {
    const result = await complete(await provider.authorize(await begin()));
    expect(result).toMatchObject({
      kind: 'verified',
      intent: { purpose: 'test' },
      reauthenticated: false,
      assertion: {
        providerId: 'hostile',
        issuer: provider.issuer,
        subject: 'subject-1',
        claims: { email: 'subject-1@example.org', emailVerified: true, name: 'A Person' },
      },
    });
  });

  describe('O1: signatures', () => {
    it('refuses alg none', async () => {
      expect(await outcomeWith({ idToken: (claims) => `${segment({ alg: 'none' })}.${segment(claims)}.` })).toBe(
        'id_token_signature_invalid',
      );
    });
    it('refuses HS256 keyed with the public key', async () => {
      const forged = (claims: object, { publicJwk }: { publicJwk: object }): string => {
        const input = `${segment({ alg: 'HS256' })}.${segment(claims)}`;
        return `${input}.${createHmac('sha256', JSON.stringify(publicJwk)).update(input).digest('base64url')}`;
      };
      expect(await outcomeWith({ idToken: forged })).toBe('id_token_signature_invalid');
    });
    it('refuses another key under the known kid', async () => {
      const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
      const forged = (claims: object, { kid }: { kid: string }) =>
        new SignJWT(claims as never).setProtectedHeader({ alg: 'RS256', kid }).sign(privateKey);
      expect(await outcomeWith({ idToken: forged })).toBe('id_token_signature_invalid');
    });
    it('refuses a signature that was changed', async () => {
      const changed = async (claims: object, { key, kid }: { key: CryptoKey; kid: string }) =>
        `${(await new SignJWT(claims as never).setProtectedHeader({ alg: 'RS256', kid }).sign(key)).slice(0, -6)}AAAAAA`;
      expect(await outcomeWith({ idToken: changed })).toBe('id_token_signature_invalid');
    });
    it('refuses an algorithm that the provider’s settings do not list', async () => {
      settings = settingsOf({ idTokenSigningAlgs: ['ES256'] });
      expect(await outcomeWith({})).toBe('id_token_signature_invalid');
    });
  });

  describe('O2: claims that are wrong or of a wrong type', () => {
    const seconds = (offset: number): number => Math.floor(Date.now() / 1_000) + offset;
    it.each<[string, object, string]>([
      ['iss of another', { iss: 'https://evil.example' }, 'issuer_mismatch'],
      ['aud of another', { aud: 'somebody-else' }, 'audience_mismatch'],
      ['aud of several without azp', { aud: ['ligature', 'other'] }, 'audience_mismatch'],
      ['azp of another', { aud: ['ligature', 'other'], azp: 'other' }, 'audience_mismatch'],
      ['expired', { exp: seconds(-120) }, 'token_expired'],
      ['exp as text', { exp: '9999999999' }, 'id_token_claims_invalid'],
      ['exp missing', { exp: undefined }, 'id_token_claims_invalid'],
      ['iat in the future', { iat: seconds(600), exp: seconds(900) }, 'token_not_yet_valid'],
      ['iat missing', { iat: undefined }, 'id_token_claims_invalid'],
      ['nbf in the future', { nbf: seconds(600) }, 'token_not_yet_valid'],
      ['sub a number', { sub: 42 }, 'id_token_claims_invalid'],
      ['sub missing', { sub: undefined }, 'id_token_claims_invalid'],
      ['sub empty', { sub: '' }, 'id_token_claims_invalid'],
      ['sub too long (OIDC Core 2)', { sub: 'x'.repeat(256) }, 'id_token_claims_invalid'],
      ['auth_time as text', { auth_time: 'now' }, 'id_token_claims_invalid'],
      ['amr not a list', { amr: 'pwd' }, 'id_token_claims_invalid'],
    ])('refuses %s', async (_what, change, code) => {
      expect(await withClaims(change)).toBe(code);
    });
    it('takes a list of one audience', async () => {
      expect(await withClaims({ aud: ['ligature'] })).toBe('verified');
    });
    it('L14: takes the subject byte for byte', async () => {
      provider.subject = 'CaseSensitive ';
      expect(await complete(await provider.authorize(await begin()))).toMatchObject({ assertion: { subject: 'CaseSensitive ' } });
    });
    it('L5: leaves out claims of a wrong type; email_verified is true only when it is exactly that', async () => {
      provider.lies = { claims: (claims) => ({ ...claims, email_verified: 'true', name: 7 }) };
      const result = await complete(await provider.authorize(await begin()));
      expect(result).toMatchObject({ assertion: { claims: { emailVerified: false } } });
      expect(result).not.toHaveProperty('assertion.claims.name');
    });
  });

  describe('O3: nonce', () => {
    it.each<[string, object]>([
      ['missing', { nonce: undefined }],
      ['of a wrong type', { nonce: 1 }],
    ])('refuses one that is %s', async (_what, change) => {
      expect(await withClaims(change)).toBe('id_token_claims_invalid');
    });
    it('refuses one of another flow', async () => {
      expect(await withClaims({ nonce: 'swapped' })).toBe('nonce_mismatch');
    });
    it('sends a fresh one each time', async () => {
      await provider.authorize(await begin());
      const first = provider.lastAuthorization.get('nonce');
      await provider.authorize(await begin());
      expect(provider.lastAuthorization.get('nonce')).not.toBe(first);
    });
  });

  describe('O4, L13, L22: state', () => {
    const codeOf = (result: { kind: string; code?: string }): string | undefined => result.code ?? result.kind;
    it('refuses a response without state, an error response too', async () => {
      expect(codeOf(await complete({ code: 'x', iss: provider.issuer }))).toBe('state_missing');
      expect(codeOf(await complete({ error: 'access_denied', iss: provider.issuer }))).toBe('state_missing');
      expect(codeOf(await complete({ state: ['a', 'b'], code: 'x' }))).toBe('state_missing');
    });
    it('refuses a state that names no flow', async () => {
      expect(codeOf(await complete({ state: 'made-up', code: 'x', iss: provider.issuer }))).toBe('state_unknown');
    });
    it('refuses a replayed response', async () => {
      const query = await provider.authorize(await begin());
      expect(codeOf(await complete(query))).toBe('verified');
      expect(codeOf(await complete(query))).toBe('state_unknown');
    });
    it('of two responses at once exactly one is verified', async () => {
      const query = await provider.authorize(await begin());
      const results = await Promise.all(Array.from({ length: 10 }, () => complete(query)));
      expect(results.map(codeOf).sort()).toEqual([...Array.from({ length: 9 }, () => 'state_unknown'), 'verified'].sort());
    });
    it('refuses another browser', async () => {
      expect(codeOf(await complete(await provider.authorize(await begin()), 'browser-2'))).toBe('browser_mismatch');
    });
    it('refuses a flow that was begun with another provider', async () => {
      const query = await provider.authorize(await begin());
      settings = settingsOf({ id: 'other' });
      expect(codeOf(await complete(query))).toBe('state_mismatch');
    });
    it('refuses a flow after ten minutes', async () => {
      const query = await provider.authorize(await begin());
      now = () => new Date(Date.now() + 601_000);
      expect(codeOf(await complete(query))).toBe('state_expired');
    });
    it('reports an error of the provider, once the state was checked', async () => {
      provider.lies = { callback: (parameters) => (parameters.delete('code'), parameters.set('error', 'access_denied')) };
      expect(await complete(await provider.authorize(await begin()))).toMatchObject({ code: 'provider_error', detail: 'access_denied' });
    });
  });

  describe('O5: mix-up', () => {
    it('refuses another issuer in the iss parameter (RFC 9207)', async () => {
      expect(await outcomeWith({ callback: (parameters) => parameters.set('iss', 'https://evil.example') })).toBe('issuer_mismatch');
    });
    it('refuses a response without iss from a provider that says it sends it', async () => {
      expect(await outcomeWith({ callback: (parameters) => parameters.delete('iss') })).toBe('issuer_mismatch');
    });
  });

  describe('O6: UserInfo', () => {
    it('is believed for the subject of the id_token only', async () => {
      settings = settingsOf({ userInfo: true });
      expect(await outcomeWith({ userInfo: (claims) => JSON.stringify({ ...claims, sub: 'another' }) })).toBe('userinfo_subject_mismatch');
    });
    it('fills what the id_token does not say', async () => {
      settings = settingsOf({ userInfo: true });
      provider.lies = { claims: ({ email: _email, ...claims }) => claims };
      expect(await complete(await provider.authorize(await begin()))).toMatchObject({
        assertion: { claims: { email: 'from-userinfo@example.org' } },
      });
    });
    it.each(['not json', 'null', '[]'])('process-killing input: UserInfo %s is a clean refusal', async (body) => {
      settings = settingsOf({ userInfo: true });
      expect(await outcomeWith({ userInfo: () => body })).toBe('provider_unreachable');
    });
  });

  it('O7: sends a PKCE S256 challenge, and the verifier with the code', async () => {
    expect(await outcomeWith({})).toBe('verified');
    expect(provider.lastAuthorization.get('code_challenge_method')).toBe('S256');
    expect(provider.lastAuthorization.get('code_challenge')).toMatch(/^[A-Za-z0-9_-]{43}$/);
  });
  it('O7: a code of another flow is refused by the provider, and that is a clean refusal', async () => {
    const stolen = (await provider.authorize(await begin())).code;
    expect(await outcomeWith({ callback: (parameters) => parameters.set('code', stolen ?? '') })).toBe('id_token_missing');
  });

  describe('O8: keys', () => {
    it('follows a key rotation without a restart', async () => {
      expect(await outcomeWith({})).toBe('verified');
      await provider.rotateKeys();
      now = () => new Date(Date.now() + 31_000);
      upstream = fresh();
      expect(await outcomeWith({})).toBe('verified');
    });
    it('asks for an unknown kid once, not for each token', async () => {
      const unknownKid = (claims: object, { key }: { key: CryptoKey }) =>
        new SignJWT(claims as never).setProtectedHeader({ alg: 'RS256', kid: 'nobody-knows' }).sign(key);
      expect(await outcomeWith({})).toBe('verified');
      for (let i = 0; i < 5; i += 1) expect(await outcomeWith({ idToken: unknownKid })).toBe('id_token_signature_invalid');
      expect(provider.jwksRequests).toBeLessThanOrEqual(2);
    });
    it('takes a token without kid when there is a single key', async () => {
      const noKid = (claims: object, { key }: { key: CryptoKey }) =>
        new SignJWT(claims as never).setProtectedHeader({ alg: 'RS256' }).sign(key);
      expect(await outcomeWith({ idToken: noKid })).toBe('verified');
    });
    it.each<[string, unknown]>([
      ['null', null],
      ['text', 'nonsense'],
      ['keys that are not a list', { keys: 1 }],
    ])('refuses a key set that is %s', async (_what, keys) => {
      expect(['id_token_signature_invalid', 'provider_unreachable']).toContain(await outcomeWith({ jwks: () => keys }));
    });
  });

  describe('O9: hangs, sizes, malformed answers', () => {
    it.each(['/token', '/jwks'])('gives up on a hanging %s in time', async (hang) => {
      const began = Date.now();
      expect(await outcomeWith({ hang })).toBe('provider_unreachable');
      expect(Date.now() - began).toBeLessThan(3_000);
    });
    it('gives up on a hanging discovery before the browser leaves', async () => {
      provider.lies = { hang: '/.well-known/openid-configuration' };
      expect(await upstream.begin({ settings, intent: { purpose: 'x' }, browserId: BROWSER, callbackUrl: CALLBACK })).toMatchObject({
        code: 'provider_unreachable',
      });
    });
    it.each<[string, Lies, string]>([
      ['token response not JSON', { tokenBody: () => 'not json' }, 'provider_unreachable'],
      ['token response null', { tokenBody: () => 'null' }, 'provider_unreachable'],
      ['a huge token response', { tokenBody: () => JSON.stringify({ x: 'x'.repeat(1_000_000) }) }, 'provider_unreachable'],
      ['process-killing input: id_token a number', { idToken: () => 7 }, 'id_token_missing'],
      [
        'process-killing input: id_token payload null',
        { idToken: () => `${segment({ alg: 'none' })}.${segment(null)}.x` },
        'id_token_signature_invalid',
      ],
      ['id_token missing', { idToken: () => undefined }, 'id_token_missing'],
      ['id_token with control characters', { idToken: () => '\u0000.\u0001.\u0002' }, 'id_token_signature_invalid'],
    ])('refuses %s', async (_what, lies, code) => {
      expect(await outcomeWith(lies)).toBe(code);
    });
    it('follows no redirect', async () => {
      const elsewhere = await HostileOpenIdProvider.start();
      let asked = 0;
      elsewhere.lies = { intercept: () => ((asked += 1), false) };
      expect(
        await outcomeWith({
          intercept: (request, response) =>
            request.url === '/token' && Boolean(response.writeHead(307, { location: `${elsewhere.issuer}/token` }).end()),
        }),
      ).toBe('token_exchange_failed');
      expect(asked).toBe(0);
      await elsewhere.stop();
    });
    it.each<[string, object]>([
      ['another issuer', { issuer: 'https://evil.example' }],
      ['no token endpoint', { token_endpoint: undefined }],
      ['a number for an endpoint', { jwks_uri: 5 }],
    ])('refuses metadata with %s (Discovery 4.3)', async (_what, change) => {
      provider.lies = { metadata: (metadata) => ({ ...metadata, ...change }) };
      expect(await upstream.begin({ settings, intent: { purpose: 'x' }, browserId: BROWSER, callbackUrl: CALLBACK })).toMatchObject({
        code: 'provider_unreachable',
        step: 'discovery',
      });
    });
  });

  describe('O10: addresses inside the network', () => {
    it('refuses loopback unless it is for development', async () => {
      upstream = fresh({ ...POLICY, allowLoopback: false });
      expect(await upstream.begin({ settings, intent: { purpose: 'x' }, browserId: BROWSER, callbackUrl: CALLBACK })).toMatchObject({
        code: 'provider_unreachable',
      });
    });
    it.each([
      'http://10.0.0.1',
      'https://192.168.1.1',
      'https://169.254.169.254',
      'https://[fd00::1]',
      'https://[::ffff:10.0.0.1]',
      'http://example.org',
    ])('refuses endpoints at %s', async (origin) => {
      const redirectTo = await begin();
      provider.lies = { metadata: (metadata) => ({ ...metadata, token_endpoint: `${origin}/token` }) };
      upstream = fresh();
      const result = await complete(await provider.authorize(redirectTo));
      expect(result).toMatchObject({ code: 'provider_unreachable', step: 'token_exchange' });
    });
  });

  describe('re-authentication', () => {
    const outcome = (change: object): Promise<string> =>
      outcomeWith({ claims: (claims) => ({ ...claims, ...change }) }, { reauthenticate: true });
    it('asks for it and believes a fresh auth_time', async () => {
      expect(await outcome({})).toBe('verified');
      expect([provider.lastAuthorization.get('prompt'), provider.lastAuthorization.get('max_age')]).toEqual(['login', '0']);
    });
    it('is not proven by an old auth_time, or none', async () => {
      expect(await outcome({ auth_time: Math.floor(Date.now() / 1_000) - 300 })).toBe('reauthentication_not_proven');
      expect(await outcome({ auth_time: undefined })).toBe('reauthentication_not_proven');
    });
  });
});
