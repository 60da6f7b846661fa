import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { generateKeyPairSync } from 'node:crypto';
import { HostileOpenIdProvider } from '#test-support/hostile-openid-provider.js';
import { TEST_POLICY } from '#test-support/upstream-flows.js';
import { UserApiProvider } from '#test-support/user-api-provider.js';
import type { HttpPolicy } from '#libs/platform/guarded-http.js';
import { inspectProvider } from './inspection.js';
import { checkSettings } from './mistakes.js';
import { identityProviderSettingsSchema } from './settings.js';
import type { IdentityProviderSettings } from './settings.js';

const CALLBACK = 'https://id.example.org/providers/acme/callback';
const PRODUCTION: HttpPolicy = { ...TEST_POLICY, allowLoopback: false };

describe('settings that are to be saved', () => {
  const oidc = (more: object): IdentityProviderSettings =>
    identityProviderSettingsSchema.parse({
      id: 'acme',
      kind: 'oidc',
      displayName: 'Acme',
      issuer: 'https://acme.invalid',
      clientId: 'ligature',
      scopes: ['openid'],
      ...more,
    });
  const saml = (more: object): IdentityProviderSettings =>
    identityProviderSettingsSchema.parse({
      id: 'corp',
      kind: 'saml',
      displayName: 'Corp',
      entityId: 'https://corp.invalid',
      singleSignOnServices: [{ binding: 'redirect', url: 'https://corp.invalid/sso' }],
      metadataUrl: 'https://corp.invalid/metadata',
      ...more,
    });
  const pem = (type: 'rsa' | 'ec'): string =>
    (type === 'rsa'
      ? generateKeyPairSync('rsa', { modulusLength: 2048 })
      : generateKeyPairSync('ec', { namedCurve: 'P-256' })
    ).privateKey
      .export({ format: 'pem', type: 'pkcs8' })
      .toString();
  const mistakes = async (settings: IdentityProviderSettings, policy = PRODUCTION): Promise<string[]> =>
    (await checkSettings(settings, policy, new Date())).mistakes.map(
      ({ path, message }) => `${path.join('.')} ${message}`,
    );

  it.each<[string, IdentityProviderSettings, RegExp]>([
    ['http in production', oidc({ issuer: 'http://127.0.0.1:1' }), /^issuer must be https/],
    ['a private address (O10)', oidc({ issuer: 'https://10.0.0.1' }), /^issuer leads inside the network/],
    ['a private address in IPv6 (O10)', oidc({ issuer: 'https://[fd00::1]' }), /^issuer leads inside the network/],
    [
      'the address of the cloud’s metadata (O10)',
      saml({ metadataUrl: 'https://169.254.169.254/' }),
      /^metadataUrl leads inside/,
    ],
    ['no certificate', saml({ metadataUrl: undefined }), /^signingCertificates is missing/],
    [
      'what is no certificate',
      saml({ signingCertificates: ['-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----'] }),
      /^signingCertificates\.0 is no certificate/,
    ],
    ['a transient NameID as the name', saml({ nameIdFormat: 'transient' }), /^identifier a transient NameID/],
    ['signed requests without a key', saml({ signRequests: true }), /^requestSigningKey is missing/],
    ['encrypted assertions without a key', saml({ encryptedAssertionsOnly: true }), /^decryptionKey is missing/],
    ['a key that is none', saml({ decryptionKey: 'x' }), /^decryptionKey must be an RSA private key/],
    ['a key without its certificate', saml({ decryptionKey: pem('rsa') }), /^decryptionCertificate is missing/],
    [
      'a client secret to be signed, without its key',
      oidc({ clientSecretJwt: { teamId: 't', keyId: 'k' } }),
      /^clientSecretKey is missing/,
    ],
    [
      'a key of another kind',
      oidc({ clientSecretJwt: { teamId: 't', keyId: 'k' }, clientSecretKey: pem('rsa') }),
      /^clientSecretKey must be an EC private key/,
    ],
  ])('are refused: %s', async (_what, settings, message) => {
    expect(await mistakes(settings)).toEqual([expect.stringMatching(message)]);
  });

  it('are told all mistakes at once', async () => {
    expect(
      await mistakes(saml({ metadataUrl: undefined, signRequests: true, nameIdFormat: 'transient' })),
    ).toHaveLength(3);
  });

  it('never repeat a secret in what they are told', async () => {
    const told = await mistakes(
      oidc({ clientSecretJwt: { teamId: 't', keyId: 'k' }, clientSecretKey: 'the-secret', clientSecret: 'the-secret' }),
    );
    expect(told).toHaveLength(2);
    expect(told.join()).not.toContain('the-secret');
  });

  it('of a provider that does not answer are saved, and that is said', async () => {
    const { mistakes: none, warnings } = await checkSettings(
      oidc({ issuer: 'http://127.0.0.1:1' }),
      TEST_POLICY,
      new Date(),
    );
    expect([none, warnings]).toEqual([[], [expect.stringContaining('acme: not checked: http://127.0.0.1:1')]]);
  });

  it('name another issuer than the provider is: refused', async () => {
    const provider = await HostileOpenIdProvider.start();
    try {
      expect(await mistakes(oidc({ issuer: provider.issuer }), TEST_POLICY)).toEqual([]);
      provider.lies = { metadata: (metadata) => ({ ...metadata, issuer: 'https://another.example' }) };
      expect(await mistakes(oidc({ issuer: provider.issuer }), TEST_POLICY)).toEqual([
        expect.stringMatching(/^issuer .*it says that its issuer is "https:\/\/another\.example"/),
      ]);
    } finally {
      await provider.stop();
    }
  });
});

describe('looking a provider over', () => {
  let provider: HostileOpenIdProvider;
  beforeEach(async () => {
    provider = await HostileOpenIdProvider.start();
  });
  afterEach(() => provider.stop());

  const look = async (more: object = {}, now = new Date()): Promise<Record<string, string>> => {
    const settings = identityProviderSettingsSchema.parse({
      id: 'acme',
      kind: 'oidc',
      displayName: 'Acme',
      issuer: provider.issuer,
      clientId: 'ligature',
      scopes: ['openid'],
      ...more,
    });
    const findings = await inspectProvider(settings, { policy: TEST_POLICY, now, callbackUrl: CALLBACK });
    return Object.fromEntries(
      findings.map(({ check, state, detail, fix }) => [check, `${state}: ${detail}${fix ? ` → ${fix}` : ''}`]),
    );
  };

  it('finds nothing wrong with one that is well', async () => {
    provider.lies = {
      callback: (parameters) => (parameters.delete('code'), parameters.set('error', 'login_required')),
    };
    expect(await look()).toEqual({
      settings: expect.stringMatching(/^ok/),
      metadata: `ok: issuer ${provider.issuer}`,
      keys: 'ok: 1 of 1 may sign',
      clock: expect.stringMatching(/^ok: differs by \d s/),
      redirect_uri: `ok: ${CALLBACK} is registered`,
      client: 'ok: id and secret are taken; the made-up code is refused: invalid_grant',
    });
  });

  it.each<[string, HostileOpenIdProvider['lies'], string, RegExp]>([
    ['no keys', { jwks: () => null }, 'keys', /^failed: .*→ See /],
    [
      'keys of algorithms that are not allowed',
      { jwks: () => ({ keys: [{ kty: 'oct' }] }) },
      'keys',
      /^failed: none of its keys/,
    ],
    [
      'a redirect URI that is not registered',
      {
        intercept: (request, response) =>
          request.url?.startsWith('/authorize') === true && Boolean(response.writeHead(400).end()),
      },
      'redirect_uri',
      /^failed: .*→ Register this redirect URI at the provider: https:\/\/id\.example\.org\/providers\/acme\/callback$/,
    ],
    [
      'a page of its own',
      {
        intercept: (request, response) =>
          request.url?.startsWith('/authorize') === true && Boolean(response.end('<html>')),
      },
      'redirect_uri',
      /^warning: .*→ Register this redirect URI/,
    ],
    [
      'a client that it does not know',
      { tokenBody: () => '{"error":"invalid_client"}' },
      'client',
      /^failed: .*invalid_client → Compare/,
    ],
    ['a token endpoint that hangs', { hang: '/token' }, 'client', /^failed: .*no answer within/],
  ])('says what to fix: %s', async (_what, lies, check, message) => {
    provider.lies = lies;
    expect((await look())[check]).toMatch(message);
  });

  it('says by how much the clocks differ', async () => {
    expect((await look({}, new Date(Date.now() + 300_000))).clock).toMatch(
      /^failed: is (299|300|301) s behind ours; .*→ Set both clocks/,
    );
  });

  it('says that a provider cannot be reached', async () => {
    provider.lies = { hang: '/.well-known/openid-configuration' };
    expect(await look()).toEqual({
      settings: expect.any(String),
      metadata: expect.stringMatching(/^failed: .*no answer.*→ See that/),
    });
  });

  it('looks over one with a user API', async () => {
    const hub = await UserApiProvider.start();
    try {
      const settings = identityProviderSettingsSchema.parse({
        id: 'hub',
        kind: 'oauth2',
        displayName: 'Hub',
        issuer: hub.origin,
        authorizationEndpoint: `${hub.origin}/authorize`,
        tokenEndpoint: `${hub.origin}/token`,
        userEndpoint: `${hub.origin}/user`,
        clientId: 'ligature',
        clientSecret: 'secret',
        subjectField: 'id',
      });
      const findings = await inspectProvider(settings, { policy: TEST_POLICY, now: new Date(), callbackUrl: CALLBACK });
      expect(findings.map(({ check, state }) => `${check} ${state}`)).toEqual([
        'settings ok',
        'metadata ok',
        'clock ok',
        'redirect_uri ok',
        'client ok',
      ]);
    } finally {
      await hub.stop();
    }
  });
});
