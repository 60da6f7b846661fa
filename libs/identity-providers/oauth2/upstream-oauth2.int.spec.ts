import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { migrate } from '#libs/platform/postgres/migrations.js';
import { createPool } from '#libs/platform/postgres/pool.js';
import type { Pool } from '#libs/platform/postgres/pool.js';
import { createTestDatabase } from '#test-support/database.js';
import type { TestDatabase } from '#test-support/database.js';
import { BROWSER, CALLBACK, TEST_POLICY } from '#test-support/upstream-flows.js';
import type { Intent } from '#test-support/upstream-flows.js';
import { UserApiProvider } from '#test-support/user-api-provider.js';
import type { UserApiLies } from '#test-support/user-api-provider.js';
import { flowMigrations, Flows } from '../flows.postgres.js';
import { oauth2ProviderSettingsSchema } from './settings.js';
import type { OAuth2ProviderSettings } from './settings.js';
import { UpstreamOAuth2 } from './upstream-oauth2.js';
import type { OAuth2FlowSecrets } from './upstream-oauth2.js';

describe('sign-in at an OAuth 2.0 provider with a user API', () => {
  let database: TestDatabase;
  let pool: Pool;
  let provider: UserApiProvider;
  let settings: OAuth2ProviderSettings;
  let upstream: UpstreamOAuth2<Intent>;

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
    provider = await UserApiProvider.start();
    settings = settingsOf({});
    upstream = new UpstreamOAuth2<Intent>({
      flows: new Flows<OAuth2FlowSecrets>(pool, () => new Date()),
      policy: TEST_POLICY,
    });
  });
  afterEach(() => provider.stop());

  const settingsOf = (more: object): OAuth2ProviderSettings =>
    oauth2ProviderSettingsSchema.parse({
      id: 'hub',
      kind: 'oauth2',
      displayName: 'Hub',
      issuer: provider.origin,
      authorizationEndpoint: `${provider.origin}/authorize`,
      tokenEndpoint: `${provider.origin}/token`,
      userEndpoint: `${provider.origin}/user`,
      emailsEndpoint: `${provider.origin}/user/emails`,
      clientId: 'ligature',
      clientSecret: 'secret',
      scopes: ['read:user', 'user:email'],
      subjectField: 'id',
      fieldMapping: { preferredUsername: 'login', name: 'name' },
      ...more,
    });
  const begin = async (): Promise<string> => {
    const begun = await upstream.begin({
      settings,
      intent: { purpose: 'test' },
      browserId: BROWSER,
      callbackUrl: CALLBACK,
    });
    if (begun.kind !== 'redirect') throw new Error(begun.kind);
    return begun.redirectTo;
  };
  const complete = (parameters: Readonly<Record<string, unknown>>, browserId = BROWSER) =>
    upstream.complete({ settings, parameters, browserId, callbackUrl: CALLBACK });
  const signIn = async () => complete(await provider.authorize(await begin()));
  const outcomeWith = async (lies: UserApiLies): Promise<string> => {
    provider.lies = lies;
    const result = await signIn();
    return result.kind === 'refused' ? result.code : result.kind;
  };

  it('takes who the person is from the user API, and the primary address as verified as it says', async () => {
    expect(await signIn()).toMatchObject({
      kind: 'verified',
      intent: { purpose: 'test' },
      reauthenticated: false,
      assertion: {
        sourceKind: 'oauth2',
        issuer: provider.origin,
        subject: '4711',
        subjectQualifiers: ['id'],
        claims: { preferredUsername: 'octo', name: 'Octo Cat', email: 'first@example.org', emailVerified: true },
      },
    });
  });

  it('L5: the address that the person shows is not taken; no list, no address', async () => {
    settings = settingsOf({ emailsEndpoint: undefined });
    const result = await signIn();
    expect(result).toMatchObject({ assertion: { claims: { emailVerified: false } } });
    expect(result).not.toHaveProperty('assertion.claims.email');
  });

  it('L23: only mapped fields are taken over', async () => {
    provider.lies = { user: (user) => ({ ...user, site_admin: true, roles: ['admin'] }) };
    const result = await signIn();
    const claims = result.kind === 'verified' ? Object.keys(result.assertion.claims).sort() : [];
    expect(claims).toEqual(['email', 'emailVerified', 'name', 'preferredUsername']);
  });

  it.each<[string, UserApiLies, string]>([
    [
      'an address that is not verified',
      { emails: () => [{ email: 'a@example.org', primary: true, verified: false }] },
      'verified',
    ],
    ['no token', { token: () => ({ error: 'bad_verification_code' }) }, 'token_exchange_failed'],
    ['a token of another type', { token: (answer) => ({ ...answer, token_type: 'mac' }) }, 'token_exchange_failed'],
    ['a number for the token', { token: (answer) => ({ ...answer, access_token: 7 }) }, 'token_exchange_failed'],
    [
      'a token that would end the header',
      { token: (answer) => ({ ...answer, access_token: 'a\r\nb' }) },
      'token_exchange_failed',
    ],
    ['a token answer that is null', { token: () => 'null' }, 'provider_unreachable'],
    ['a user without id', { user: () => ({ login: 'octo' }) }, 'userinfo_subject_invalid'],
    ['an id that is no integer', { user: () => ({ id: 1.5 }) }, 'userinfo_subject_invalid'],
    ['an id beyond what JSON holds exactly', { user: () => '{"id": 9007199254740993}' }, 'userinfo_subject_invalid'],
    ['an id that is an object', { user: () => ({ id: {} }) }, 'userinfo_subject_invalid'],
    ['a user that is null', { user: () => 'null' }, 'provider_unreachable'],
    ['a user that is not JSON', { user: () => '<html>' }, 'provider_unreachable'],
    ['addresses that are no list', { emails: () => ({}) }, 'provider_unreachable'],
    ['addresses of another shape', { emails: () => [{ email: 1 }] }, 'provider_unreachable'],
    [
      'another issuer in iss (O5)',
      { callback: (parameters) => parameters.set('iss', 'https://evil.example') },
      'issuer_mismatch',
    ],
    ['an error', { callback: (parameters) => parameters.set('error', 'access_denied') }, 'provider_error'],
    ['no code', { callback: (parameters) => parameters.delete('code') }, 'code_missing'],
    ['another state (O4)', { callback: (parameters) => parameters.set('state', 'x') }, 'state_unknown'],
    ['a code of another flow (O7)', { callback: (parameters) => parameters.set('code', 'x') }, 'token_exchange_failed'],
  ])('an answer with %s: %s', async (_what, lies, code) => {
    expect(await outcomeWith(lies)).toBe(code);
  });

  it('of two responses with one code at once exactly one is verified; another browser gets nothing', async () => {
    const query = await provider.authorize(await begin());
    const results = await Promise.all(Array.from({ length: 5 }, () => complete(query)));
    expect(results.filter(({ kind }) => kind === 'verified')).toHaveLength(1);
    expect(await complete(await provider.authorize(await begin()), 'browser-2')).toMatchObject({
      code: 'browser_mismatch',
    });
  });

  it('cannot prove that somebody signed in just now, and says so', async () => {
    const request = {
      settings,
      intent: { purpose: 'test' },
      browserId: BROWSER,
      callbackUrl: CALLBACK,
      reauthenticate: true,
    };
    expect(await upstream.begin(request)).toMatchObject({ kind: 'refused', code: 'reauthentication_not_proven' });
  });
});
