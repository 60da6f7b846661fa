import { describe, expect, it } from '@jest/globals';
import { identityProviderSettingsSchema } from '#libs/identity-providers/settings.js';
import { expandTemplate, providerTemplates } from '#libs/identity-providers/templates.js';
import { linkingPolicySchema } from '#libs/organizations/linking-policy.js';
import { freshnessOf, mayMeet } from './asked-authentication.js';
import type { AskedAuthentication, Freshness } from './asked-authentication.js';

const NOTHING: AskedAuthentication = { anew: false, authTime: false, acrValues: [], acrEssential: false };
const ANEW = { ...NOTHING, anew: true };
const TEN_MINUTES = { ...NOTHING, maxAgeS: 600 };
const AUTH_TIME = { ...NOTHING, authTime: true };

const NOW = new Date('2026-03-03T12:00:00Z');
const ago = (seconds: number): Date => new Date(NOW.getTime() - seconds * 1_000);
/** The request came two minutes ago. */
const BEGUN = 120;

const freshness = (asked: AskedAuthentication, secondsAgo: number | undefined, roundTripCounts = false): Freshness =>
  freshnessOf(
    { asked, begunAt: ago(BEGUN) },
    { at: secondsAgo === undefined ? undefined : ago(secondsAgo), roundTripCounts },
    NOW,
  );

describe('L33: whether an authentication is what the app asked for', () => {
  it.each<[title: string, asked: AskedAuthentication, secondsAgo: number | undefined, expected: Freshness]>([
    ['nothing asked, known', NOTHING, 9_999, 'proven'],
    ['nothing asked, not known', NOTHING, undefined, 'proven'],
    ['prompt=login, since the request', ANEW, 5, 'proven'],
    ['prompt=login, before the request, within 60 seconds of skew', ANEW, BEGUN + 60, 'proven'],
    ['prompt=login, before that', ANEW, BEGUN + 61, 'unproven'],
    ['prompt=login, not known', ANEW, undefined, 'unproven'],
    ['max_age, younger', TEN_MINUTES, 600, 'proven'],
    ['max_age, older within 60 seconds of skew', TEN_MINUTES, 660, 'proven'],
    ['max_age, older', TEN_MINUTES, 661, 'unproven'],
    ['max_age, not known', TEN_MINUTES, undefined, 'unproven'],
    ['a max_age of a second, authenticated for the request', { ...NOTHING, maxAgeS: 1 }, 100, 'proven'],
    ['prompt=login beside a long max_age', { ...ANEW, maxAgeS: 9_999 }, 600, 'unproven'],
    ['an essential auth_time, old', AUTH_TIME, 9_999, 'proven'],
    ['an essential auth_time, not known', AUTH_TIME, undefined, 'unproven'],
    ['max_age and an essential auth_time, not known', { ...TEN_MINUTES, authTime: true }, undefined, 'unproven'],
  ])('%s', (_title, asked, secondsAgo, expected) => {
    expect(freshness(asked, secondsAgo)).toBe(expected);
  });

  it.each<[title: string, asked: AskedAuthentication, secondsAgo: number | undefined, expected: Freshness]>([
    ['prompt=login', ANEW, undefined, 'by_round_trip'],
    ['prompt=login, by a provider that says that it was long ago', ANEW, 9_999, 'by_round_trip'],
    ['prompt=login, proven', ANEW, 1, 'proven'],
    ['max_age', TEN_MINUTES, undefined, 'by_round_trip'],
    ['an essential auth_time', AUTH_TIME, undefined, 'unproven'],
    ['prompt=login and an essential auth_time', { ...ANEW, authTime: true }, 9_999, 'unproven'],
  ])('where a full new round trip counts: %s', (_title, asked, secondsAgo, expected) => {
    expect(freshness(asked, secondsAgo, true)).toBe(expected);
  });
});

describe('L33: which providers are offered to who has to prove a fresh authentication', () => {
  const PARAMETERS: Readonly<Record<string, string>> = {
    domain: 'example.org',
    tenant: '11111111-2222-3333-4444-555555555555',
    teamId: 'A123456789',
    keyId: 'B123456789',
    host: 'gitlab.com',
  };
  const SAML = {
    entityId: 'https://corp.example',
    singleSignOnServices: [{ binding: 'redirect', url: 'https://corp.example/sso' }],
  };
  const provider = (template: string, policy: object = {}) => ({
    settings: identityProviderSettingsSchema.parse({
      id: 'x',
      displayName: 'X',
      ...(template === 'saml' ? SAML : { clientId: 'c', issuer: 'https://acme.example' }),
      ...expandTemplate(template, PARAMETERS).settings,
    }),
    policy: linkingPolicySchema.parse(policy),
  });

  it('those that can prove it, by template', () => {
    const proving = Object.keys(providerTemplates).filter((name) => mayMeet(ANEW, provider(name)));
    expect(proving).toEqual(['entra', 'okta', 'oidc', 'saml']);
    expect(Object.keys(providerTemplates).every((name) => mayMeet(NOTHING, provider(name)))).toBe(true);
  });

  it('those whose round trip counts, but not for an essential auth_time', () => {
    const policy = { freshRoundTripCounts: true };
    expect([ANEW, TEN_MINUTES, AUTH_TIME].map((asked) => mayMeet(asked, provider('github', policy)))).toEqual([
      true,
      true,
      false,
    ]);
  });
});
