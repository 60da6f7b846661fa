import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { createHmac, generateKeyPairSync } from 'node:crypto';
import { jwtVerify, SignJWT } from 'jose';
import type { CryptoKey } from 'jose';
import { HostileOpenIdProvider } from '#test-support/hostile-openid-provider.js';
import type { Lies } from '#test-support/hostile-openid-provider.js';
import { TEST_POLICY, UpstreamFlows } from '#test-support/upstream-flows.js';

const segment = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

describe('sign-in at an external OpenID Provider', () => {
  let flows: UpstreamFlows;

  beforeAll(async () => {
    flows = await UpstreamFlows.start();
  });
  afterAll(() => flows.stop());
  beforeEach(() => flows.reset());
  afterEach(() => {
    jest.restoreAllMocks();
  });

  it('gives the verified assertion and the intent of its one-shot row', async () => {
    const result = await flows.signIn();
    expect(result).toMatchObject({
      kind: 'verified',
      intent: { purpose: 'test' },
      reauthenticated: false,
      assertion: {
        providerId: 'hostile',
        issuer: flows.provider.issuer,
        subject: 'subject-1',
        claims: { email: 'subject-1@example.org', emailVerified: true, name: 'A Person' },
      },
    });
  });

  describe('O1: signatures', () => {
    it('refuses alg none', async () => {
      expect(await flows.outcomeWith({ idToken: (claims) => `${segment({ alg: 'none' })}.${segment(claims)}.` })).toBe(
        'id_token_signature_invalid',
      );
    });
    it('refuses HS256 keyed with the public key', async () => {
      const forged = (claims: object, { publicJwk }: { publicJwk: object }): string => {
        const input = `${segment({ alg: 'HS256' })}.${segment(claims)}`;
        return `${input}.${createHmac('sha256', JSON.stringify(publicJwk)).update(input).digest('base64url')}`;
      };
      expect(await flows.outcomeWith({ idToken: forged })).toBe('id_token_signature_invalid');
    });
    it('refuses another key under the known kid', async () => {
      const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
      const forged = (claims: object, { kid }: { kid: string }) =>
        new SignJWT(claims as never).setProtectedHeader({ alg: 'RS256', kid }).sign(privateKey);
      expect(await flows.outcomeWith({ idToken: forged })).toBe('id_token_signature_invalid');
    });
    it('refuses a signature that was changed', async () => {
      const changed = async (claims: object, { key, kid }: { key: CryptoKey; kid: string }) =>
        `${(await new SignJWT(claims as never).setProtectedHeader({ alg: 'RS256', kid }).sign(key)).slice(0, -6)}AAAAAA`;
      expect(await flows.outcomeWith({ idToken: changed })).toBe('id_token_signature_invalid');
    });
    it('refuses an algorithm that the provider’s settings do not list', async () => {
      flows.settings = flows.settingsOf({ idTokenSigningAlgs: ['ES256'] });
      expect(await flows.outcomeWith({})).toBe('id_token_signature_invalid');
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
      ['auth_time beyond all time', { auth_time: 9e15 }, 'id_token_claims_invalid'],
      ['auth_time as text', { auth_time: 'now' }, 'id_token_claims_invalid'],
      ['amr not a list', { amr: 'pwd' }, 'id_token_claims_invalid'],
    ])('refuses %s', async (_what, change, code) => {
      expect(await flows.withClaims(change)).toBe(code);
    });
    it('takes a list of one audience', async () => {
      expect(await flows.withClaims({ aud: ['ligature'] })).toBe('verified');
    });
    it('L14: takes the subject byte for byte', async () => {
      flows.provider.subject = 'CaseSensitive ';
      expect(await flows.signIn()).toMatchObject({ assertion: { subject: 'CaseSensitive ' } });
    });
    it('T1: leaves out of acr, amr and sid what breaks the rule for text, and refuses nothing for it', async () => {
      const claims = { acr: 'a\u0000', amr: ['pwd', '\u0085'], sid: 'x'.repeat(1_001), name: 'Ada\u0000' };
      flows.provider.lies = { claims: (honest) => ({ ...honest, ...claims }) };
      const result = await flows.signIn();
      expect(result).toMatchObject({ assertion: { amr: ['pwd'], claims: { name: 'Ada' } } });
      expect(result).not.toHaveProperty('assertion.acr', expect.anything());
    });
    it('T1: refuses a subject that breaks it, and repairs none: two would become one', async () => {
      expect(await flows.withClaims({ sub: 'subject\u0000' })).toBe('id_token_claims_invalid');
    });
    it('L5: leaves out claims of a wrong type; email_verified is true only when it is exactly that', async () => {
      flows.provider.lies = { claims: (claims) => ({ ...claims, email_verified: 'true', name: 7 }) };
      const result = await flows.signIn();
      expect(result).toMatchObject({ assertion: { claims: { emailVerified: false } } });
      expect(result).not.toHaveProperty('assertion.claims.name');
    });
  });

  describe('O3: nonce', () => {
    it.each<[string, object]>([
      ['missing', { nonce: undefined }],
      ['of a wrong type', { nonce: 1 }],
    ])('refuses one that is %s', async (_what, change) => {
      expect(await flows.withClaims(change)).toBe('id_token_claims_invalid');
    });
    it('refuses one of another flow', async () => {
      expect(await flows.withClaims({ nonce: 'swapped' })).toBe('nonce_mismatch');
    });
    it('sends a fresh one each time', async () => {
      await flows.provider.authorize(await flows.begin());
      const first = flows.provider.lastAuthorization.get('nonce');
      await flows.provider.authorize(await flows.begin());
      expect(flows.provider.lastAuthorization.get('nonce')).not.toBe(first);
    });
  });

  describe('O4, L13, L22: state', () => {
    const codeOf = (result: { kind: string; code?: string }): string | undefined => result.code ?? result.kind;
    it('refuses a response without state, an error response too', async () => {
      expect(codeOf(await flows.complete({ code: 'x', iss: flows.provider.issuer }))).toBe('state_missing');
      expect(codeOf(await flows.complete({ error: 'access_denied', iss: flows.provider.issuer }))).toBe(
        'state_missing',
      );
      expect(codeOf(await flows.complete({ state: ['a', 'b'], code: 'x' }))).toBe('state_missing');
    });
    it('refuses a state that names no flow', async () => {
      expect(codeOf(await flows.complete({ state: 'made-up', code: 'x', iss: flows.provider.issuer }))).toBe(
        'state_unknown',
      );
    });
    it('refuses a replayed response', async () => {
      const query = await flows.provider.authorize(await flows.begin());
      expect(codeOf(await flows.complete(query))).toBe('verified');
      expect(codeOf(await flows.complete(query))).toBe('state_unknown');
    });
    it('of two responses at once exactly one is verified', async () => {
      const query = await flows.provider.authorize(await flows.begin());
      const results = await Promise.all(Array.from({ length: 10 }, () => flows.complete(query)));
      expect(results.map(codeOf).sort()).toEqual(
        [...Array.from({ length: 9 }, () => 'state_unknown'), 'verified'].sort(),
      );
    });
    it('refuses another browser', async () => {
      expect(codeOf(await flows.complete(await flows.provider.authorize(await flows.begin()), 'browser-2'))).toBe(
        'browser_mismatch',
      );
    });
    it('refuses a flow that was begun with another provider', async () => {
      const query = await flows.provider.authorize(await flows.begin());
      flows.settings = flows.settingsOf({ id: 'other' });
      expect(codeOf(await flows.complete(query))).toBe('state_mismatch');
    });
    it('refuses a flow after ten minutes', async () => {
      const query = await flows.provider.authorize(await flows.begin());
      flows.now = () => new Date(Date.now() + 601_000);
      expect(codeOf(await flows.complete(query))).toBe('state_expired');
    });
    it('reports an error of the provider, once the state was checked', async () => {
      flows.provider.lies = {
        callback: (parameters) => (parameters.delete('code'), parameters.set('error', 'access_denied')),
      };
      expect(await flows.signIn()).toMatchObject({ code: 'provider_error', detail: 'access_denied' });
    });
  });

  describe('O5: mix-up', () => {
    it('refuses another issuer in the iss parameter (RFC 9207)', async () => {
      expect(await flows.outcomeWith({ callback: (parameters) => parameters.set('iss', 'https://evil.example') })).toBe(
        'issuer_mismatch',
      );
    });
    it('refuses a response without iss from a provider that says it sends it', async () => {
      expect(await flows.outcomeWith({ callback: (parameters) => parameters.delete('iss') })).toBe('issuer_mismatch');
    });
  });

  describe('O6: UserInfo', () => {
    it('is believed for the subject of the id_token only', async () => {
      flows.settings = flows.settingsOf({ userInfo: true });
      expect(await flows.outcomeWith({ userInfo: (claims) => JSON.stringify({ ...claims, sub: 'another' }) })).toBe(
        'userinfo_subject_mismatch',
      );
    });
    it('fills what the id_token does not say', async () => {
      flows.settings = flows.settingsOf({ userInfo: true });
      flows.provider.lies = { claims: ({ email: _email, ...claims }) => claims };
      expect(await flows.signIn()).toMatchObject({
        assertion: { claims: { email: 'from-userinfo@example.org' } },
      });
    });
    it.each(['not json', 'null', '[]'])('process-killing input: UserInfo %s is a clean refusal', async (body) => {
      flows.settings = flows.settingsOf({ userInfo: true });
      expect(await flows.outcomeWith({ userInfo: () => body })).toBe('provider_unreachable');
    });
  });

  describe('L23: what is taken over', () => {
    it('is what the mapping lists, of the verified token; roles and groups never', async () => {
      flows.settings = flows.settingsOf({ claimMapping: { name: 'nickname' } });
      flows.provider.lies = {
        claims: (claims) => ({ ...claims, nickname: 'Nick', roles: ['admin'], groups: ['admin'], is_admin: true }),
      };
      const result = await flows.signIn();
      const claims = result.kind === 'verified' ? result.assertion.claims : undefined;
      expect(claims).toEqual({ email: 'subject-1@example.org', emailVerified: true, name: 'Nick' });
    });
    it('is nothing that stands beside the signed token: not in the callback, not in the token response', async () => {
      const beside = {
        email: 'evil@example.org',
        email_verified: 'true',
        name: 'Evil',
        user: '{"name":"Evil"}',
        sub: 'evil',
      };
      flows.provider.lies = {
        callback: (parameters) => Object.entries(beside).forEach(([name, value]) => parameters.set(name, value)),
      };
      expect(await flows.signIn()).toMatchObject({
        assertion: { subject: 'subject-1', claims: { email: 'subject-1@example.org', name: 'A Person' } },
      });
    });
    it('an inherited property is no claim', async () => {
      flows.settings = flows.settingsOf({ claimMapping: { name: 'constructor', preferredUsername: 'toString' } });
      const result = await flows.signIn();
      expect(result).toMatchObject({ kind: 'verified' });
      expect(result).not.toHaveProperty('assertion.claims.name');
      expect(result).not.toHaveProperty('assertion.claims.preferredUsername');
    });
    it('L5: "verified" of UserInfo never speaks for the address of the id_token', async () => {
      flows.settings = flows.settingsOf({ userInfo: true });
      flows.provider.lies = { claims: ({ email_verified: _verified, ...claims }) => claims };
      expect(await flows.signIn()).toMatchObject({
        assertion: { claims: { email: 'subject-1@example.org', emailVerified: false } },
      });
    });
  });

  describe('who the person is, where not sub says so', () => {
    const ENTRA = { subjectClaims: ['tid', 'oid'], requiredClaims: { tid: 'tenant-1' } };
    it('is what the claims say together, as a source of another kind than any sub', async () => {
      flows.settings = flows.settingsOf(ENTRA);
      flows.provider.lies = { claims: (claims) => ({ ...claims, tid: 'tenant-1', oid: 'object-1' }) };
      expect(await flows.signIn()).toMatchObject({
        assertion: { sourceKind: 'oidc_claims', subject: 'tid:8:tenant-1;oid:8:object-1' },
      });
    });
    it('L14: no value can pass for two', async () => {
      flows.settings = flows.settingsOf({ subjectClaims: ['a', 'b'] });
      const subjectWith = async (a: string, b: string): Promise<string> => {
        flows.provider.lies = { claims: (claims) => ({ ...claims, a, b }) };
        const result = await flows.signIn();
        return result.kind === 'verified' ? result.assertion.subject : result.code;
      };
      expect(await subjectWith('1;b:1:2', '3')).not.toBe(await subjectWith('1', '2;b:1:3'));
      expect(await subjectWith('x', '1;b:1:2')).not.toBe(await subjectWith('x;b:1:1', '2'));
    });
    it.each<[string, object, string]>([
      ['of another tenant', { tid: 'tenant-2', oid: 'object-1' }, 'required_claim_mismatch'],
      ['of no tenant', { oid: 'object-1' }, 'required_claim_mismatch'],
      ['without one of the claims', { tid: 'tenant-1' }, 'id_token_claims_invalid'],
      ['with a number for one of the claims', { tid: 'tenant-1', oid: 7 }, 'id_token_claims_invalid'],
    ])('refuses a token %s', async (_what, change, code) => {
      flows.settings = flows.settingsOf(ENTRA);
      expect(await flows.withClaims(change)).toBe(code);
    });
  });

  it('a client secret that is a JWT is signed for the provider, for minutes (Apple)', async () => {
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    flows.settings = flows.settingsOf({
      clientSecret: undefined,
      clientSecretJwt: { teamId: 'TEAM', keyId: 'KEY' },
      clientSecretKey: privateKey.export({ format: 'pem', type: 'pkcs8' }),
    });
    flows.provider.lies = {
      metadata: (metadata) => ({ ...metadata, token_endpoint_auth_methods_supported: ['client_secret_post'] }),
    };
    expect(await flows.outcomeWith(flows.provider.lies)).toBe('verified');
    const { parameters } = flows.provider.lastTokenRequest;
    const { payload, protectedHeader } = await jwtVerify(parameters.get('client_secret') ?? '', publicKey, {
      issuer: 'TEAM',
      subject: 'ligature',
      audience: flows.provider.issuer,
    });
    expect(protectedHeader).toEqual({ alg: 'ES256', kid: 'KEY' });
    expect(Number(payload.exp) - Number(payload.iat)).toBe(300);
  });

  it('asks for form_post where the settings say so', async () => {
    flows.settings = flows.settingsOf({ responseMode: 'form_post' });
    expect(new URL(await flows.begin()).searchParams.get('response_mode')).toBe('form_post');
  });

  it('O7: sends a PKCE S256 challenge, and the verifier with the code', async () => {
    expect(await flows.outcomeWith({})).toBe('verified');
    expect(flows.provider.lastAuthorization.get('code_challenge_method')).toBe('S256');
    expect(flows.provider.lastAuthorization.get('code_challenge')).toMatch(/^[A-Za-z0-9_-]{43}$/);
  });
  it('O7: a code of another flow is refused by the provider, and that is a clean refusal', async () => {
    const stolen = (await flows.provider.authorize(await flows.begin())).code;
    expect(await flows.outcomeWith({ callback: (parameters) => parameters.set('code', stolen ?? '') })).toBe(
      'id_token_missing',
    );
  });

  describe('O8: keys', () => {
    it('follows a key rotation without a restart', async () => {
      expect(await flows.outcomeWith({})).toBe('verified');
      await flows.provider.rotateKeys();
      const later = Date.now() + 31_000;
      jest.spyOn(Date, 'now').mockImplementation(() => later);
      expect(await flows.outcomeWith({})).toBe('verified');
      expect(flows.provider.jwksRequests).toBe(2);
    });
    it('follows a key set that moved to another address, once its metadata is read again', async () => {
      expect(await flows.outcomeWith({})).toBe('verified');
      await flows.provider.rotateKeys();
      const moved = { jwks_uri: `${flows.provider.issuer}/jwks?moved` };
      flows.now = () => new Date(Date.now() + 601_000);
      flows.provider.lies = { metadata: (metadata) => ({ ...metadata, ...moved }) };
      const later = (claims: Record<string, unknown>) => ({
        ...claims,
        iat: Number(claims.iat) + 600,
        exp: Number(claims.exp) + 600,
      });
      expect(await flows.outcomeWith({ ...flows.provider.lies, claims: later })).toBe('verified');
    });
    it('asks for an unknown kid once, not for each token', async () => {
      const unknownKid = (claims: object, { key }: { key: CryptoKey }) =>
        new SignJWT(claims as never).setProtectedHeader({ alg: 'RS256', kid: 'nobody-knows' }).sign(key);
      expect(await flows.outcomeWith({})).toBe('verified');
      for (let i = 0; i < 5; i += 1)
        expect(await flows.outcomeWith({ idToken: unknownKid })).toBe('id_token_signature_invalid');
      expect(flows.provider.jwksRequests).toBeLessThanOrEqual(2);
    });
    it('takes a token without kid when there is a single key', async () => {
      const noKid = (claims: object, { key }: { key: CryptoKey }) =>
        new SignJWT(claims as never).setProtectedHeader({ alg: 'RS256' }).sign(key);
      expect(await flows.outcomeWith({ idToken: noKid })).toBe('verified');
    });
    it.each<[string, unknown]>([
      ['null', null],
      ['text', 'nonsense'],
      ['keys that are not a list', { keys: 1 }],
    ])('refuses a key set that is %s', async (_what, keys) => {
      expect(['id_token_signature_invalid', 'provider_unreachable']).toContain(
        await flows.outcomeWith({ jwks: () => keys }),
      );
    });
  });

  describe('O9: hangs, sizes, malformed answers', () => {
    it.each(['/token', '/jwks'])('gives up on a hanging %s in time', async (hang) => {
      const began = Date.now();
      expect(await flows.outcomeWith({ hang })).toBe('provider_unreachable');
      expect(Date.now() - began).toBeLessThan(3_000);
    });
    it('gives up on a hanging discovery before the browser leaves', async () => {
      flows.provider.lies = { hang: '/.well-known/openid-configuration' };
      expect(await flows.tryToBegin()).toMatchObject({
        code: 'provider_unreachable',
      });
    });
    it.each<[string, Lies, string]>([
      ['token response not JSON', { tokenBody: () => 'not json' }, 'provider_unreachable'],
      ['token response null', { tokenBody: () => 'null' }, 'provider_unreachable'],
      [
        'a huge token response',
        { tokenBody: () => JSON.stringify({ x: 'x'.repeat(1_000_000) }) },
        'provider_unreachable',
      ],
      ['process-killing input: id_token a number', { idToken: () => 7 }, 'id_token_missing'],
      [
        'process-killing input: id_token payload null',
        { idToken: () => `${segment({ alg: 'none' })}.${segment(null)}.x` },
        'id_token_signature_invalid',
      ],
      ['id_token missing', { idToken: () => undefined }, 'id_token_missing'],
      ['id_token with control characters', { idToken: () => '\u0000.\u0001.\u0002' }, 'id_token_signature_invalid'],
    ])('refuses %s', async (_what, lies, code) => {
      expect(await flows.outcomeWith(lies)).toBe(code);
    });
    it('follows no redirect', async () => {
      const elsewhere = await HostileOpenIdProvider.start();
      let asked = 0;
      elsewhere.lies = { intercept: () => ((asked += 1), false) };
      expect(
        await flows.outcomeWith({
          intercept: (request, response) =>
            request.url === '/token' &&
            Boolean(response.writeHead(307, { location: `${elsewhere.issuer}/token` }).end()),
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
      flows.provider.lies = { metadata: (metadata) => ({ ...metadata, ...change }) };
      expect(await flows.tryToBegin()).toMatchObject({
        code: 'provider_unreachable',
        step: 'discovery',
      });
    });
  });

  describe('O10: addresses inside the network', () => {
    it('refuses loopback unless it is for development', async () => {
      flows.forget({ ...TEST_POLICY, allowLoopback: false });
      expect(await flows.tryToBegin()).toMatchObject({
        code: 'provider_unreachable',
      });
    });
    it.each([
      'http://10.0.0.1',
      'https://192.168.1.1',
      'https://169.254.169.254',
      'https://[fd00::1]',
      'https://[::ffff:10.0.0.1]',
      'https://[fec0::1]',
      'https://[64:ff9b::a00:1]',
      'https://[64:ff9b:1::a00:1]',
      'https://[2002:a00:1::]',
      'https://[2001:0:4136:e378:8000:63bf:f5ff:fffe]',
      'http://example.org',
    ])('refuses endpoints at %s', async (origin) => {
      const redirectTo = await flows.begin();
      flows.provider.lies = { metadata: (metadata) => ({ ...metadata, token_endpoint: `${origin}/token` }) };
      flows.forget();
      const result = await flows.complete(await flows.provider.authorize(redirectTo));
      expect(result).toMatchObject({ code: 'provider_unreachable', step: 'token_exchange' });
    });
  });

  it.each(['authorization_endpoint', 'token_endpoint', 'jwks_uri', 'userinfo_endpoint'])(
    'a provider whose %s is no web address is not used',
    async (name) => {
      flows.provider.lies = { metadata: (metadata) => ({ ...metadata, [name]: 'javascript:alert(1)' }) };
      flows.forget();
      expect(await flows.tryToBegin()).toMatchObject({ code: 'provider_unreachable' });
    },
  );

  describe('re-authentication', () => {
    const outcome = (change: object): Promise<string> =>
      flows.outcomeWith({ claims: (claims) => ({ ...claims, ...change }) }, { reauthenticate: true });
    it('asks for it and believes a fresh auth_time', async () => {
      expect(await outcome({})).toBe('verified');
      expect([flows.provider.lastAuthorization.get('prompt'), flows.provider.lastAuthorization.get('max_age')]).toEqual(
        ['login', '0'],
      );
    });
    it('is not proven by an old auth_time, or none', async () => {
      expect(await outcome({ auth_time: Math.floor(Date.now() / 1_000) - 300 })).toBe('reauthentication_not_proven');
      expect(await outcome({ auth_time: undefined })).toBe('reauthentication_not_proven');
    });
    it.each([{ prompt: false, maxAge: false }, { authTime: false }])(
      'L33: is not begun at a provider that by its settings cannot prove it: %j',
      async (reauthentication) => {
        flows.settings = flows.settingsOf({ reauthentication });
        expect(await flows.tryToBegin({ reauthenticate: true })).toMatchObject({ code: 'reauthentication_not_proven' });
      },
    );
  });

  describe('L33: what an app asks of the authentication', () => {
    const NOTHING = { anew: false, authTime: false, acrValues: [], acrEssential: false };
    const parametersFor = async (asked: object, reauthentication: object = {}) => {
      flows.provider.lies = { metadata: (metadata) => ({ ...metadata, acr_values_supported: ['low', 'high'] }) };
      flows.settings = flows.settingsOf({ reauthentication });
      flows.forget();
      const { searchParams } = new URL(await flows.begin({ asked: { ...NOTHING, ...asked } }));
      return Object.fromEntries(
        [...searchParams].filter(([name]) => ['prompt', 'max_age', 'acr_values'].includes(name)),
      );
    };
    it.each([
      ['nothing', {}, {}, {}],
      ['prompt=login', { anew: true }, {}, { prompt: 'login', max_age: '0' }],
      ['max_age', { maxAgeS: 300 }, {}, { max_age: '300' }],
      ['an essential auth_time', { authTime: true }, {}, { max_age: '31536000' }],
      ['acr_values, of those that it lists', { acrValues: ['other', 'high'] }, {}, { acr_values: 'high' }],
      ['prompt=login, where it is not honoured', { anew: true }, { prompt: false }, { max_age: '0' }],
      ['max_age, where only prompt is honoured', { maxAgeS: 300 }, { maxAge: false }, { prompt: 'login' }],
      [
        'all of it, where none is honoured',
        { anew: true, maxAgeS: 0, authTime: true, acrValues: ['high'] },
        { prompt: false, maxAge: false, acrValues: false },
        {},
      ],
    ])('is passed on where the provider honours it: %s', async (_title, asked, reauthentication, parameters) => {
      expect(await parametersFor(asked, reauthentication)).toEqual(parameters);
    });

    const assertionWith = async (change: object, settings: object = {}) => {
      flows.provider.lies = { metadata: (metadata) => ({ ...metadata, acr_values_supported: ['high'] }) };
      flows.settings = flows.settingsOf(settings);
      flows.forget();
      const redirectTo = await flows.begin({ asked: { ...NOTHING, anew: true, acrValues: ['high'] } });
      flows.provider.lies = { claims: (claims) => ({ ...claims, ...change }) };
      const result = await flows.complete(await flows.provider.authorize(redirectTo));
      if (result.kind !== 'verified') throw new Error(result.code);
      return result.assertion;
    };
    const now = (): number => Math.floor(Date.now() / 1_000);

    it('the assertion says what came of it: when the person authenticated, and of which class', async () => {
      const hourAgo = now() - 3_600;
      expect(await assertionWith({ auth_time: hourAgo, acr: 'low' })).toMatchObject({
        authTime: new Date(hourAgo * 1_000),
        acr: 'low',
        requestedAcrValues: ['high'],
      });
      expect(await assertionWith({ auth_time: undefined })).not.toHaveProperty('authTime');
    });
    it('auth_time is never in the future: within 60 seconds it is now, beyond that the token is refused', async () => {
      flows.now = () => new Date(now() * 1_000);
      expect((await assertionWith({ auth_time: now() + 50 })).authTime?.getTime()).toBeLessThanOrEqual(Date.now());
      expect(await flows.withClaims({ auth_time: now() + 90 })).toBe('auth_time_in_the_future');
    });
    it('auth_time of a provider that says something else by it is passed over', async () => {
      expect(await assertionWith({}, { reauthentication: { authTime: false } })).not.toHaveProperty('authTime');
    });
  });
});
