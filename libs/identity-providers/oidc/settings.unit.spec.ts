import { describe, expect, it } from '@jest/globals';
import { oidcProviderSettingsSchema } from './settings.js';

const mistakes = (change: object): string[] =>
  oidcProviderSettingsSchema
    .safeParse({
      id: 'acme',
      kind: 'oidc',
      displayName: 'Acme',
      issuer: 'https://acme.example',
      clientId: 'ligature',
      scopes: ['openid'],
      ...change,
    })
    .error?.issues.map(({ path }) => path.join('.')) ?? [];

describe('settings of an OpenID Provider', () => {
  it('takes https, and http on loopback for development', () => {
    expect(mistakes({})).toEqual([]);
    expect(mistakes({ issuer: 'http://127.0.0.1:3200' })).toEqual([]);
  });

  it.each<[string, object, string]>([
    ['O10: an issuer at http elsewhere', { issuer: 'http://acme.example' }, 'issuer'],
    ['an issuer with a query', { issuer: 'https://acme.example/?tenant=1' }, 'issuer'],
    ['an issuer with a fragment', { issuer: 'https://acme.example/#x' }, 'issuer'],
    ['O1: alg none', { idTokenSigningAlgs: ['none'] }, 'idTokenSigningAlgs.0'],
    ['O1: a symmetric algorithm', { idTokenSigningAlgs: ['HS256'] }, 'idTokenSigningAlgs.0'],
    ['scopes without openid', { scopes: ['email'] }, 'scopes'],
    ['L23: a mapping to a field that is not on the list', { claimMapping: { roles: 'groups' } }, 'claimMapping'],
    ['an id that no URL should have', { id: 'A/B' }, 'id'],
    ['a field that nobody knows', { issuers: 'x' }, ''],
  ])('refuses %s', (_what, change, path) => {
    expect(mistakes(change)).toEqual([path]);
  });
});
