import { describe, expect, it } from '@jest/globals';
import { mappedClaims } from './mapped-claims.js';

const mapping = { name: 'name', email: 'email', preferredUsername: 'preferred_username' } as const;

describe('T1: a provider’s text that breaks the rule', () => {
  it('is repaired where it is a name', () => {
    expect(mappedClaims(mapping, { name: 'Ada \ud83d\u0000\n' })).toEqual({ name: 'Ada \ufffd' });
    expect(mappedClaims(mapping, { name: '\u0000' })).toEqual({});
  });

  it('is left out where accounts are found by it: repaired, it could be another’s', () => {
    const source = { email: 'ada\u0000@example.org', preferred_username: 'ad\u0000a', name: 'Ada' };
    expect(mappedClaims(mapping, source)).toEqual({ name: 'Ada' });
  });

  it.each([1, null, [], {}, 'a'.repeat(501)])('is left out where it is no short text: %j', (value) => {
    expect(mappedClaims(mapping, { name: value, email: value })).toEqual({});
  });
});
