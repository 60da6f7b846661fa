import { describe, expect, it } from '@jest/globals';
import { assuranceOfAcr, enrolledAssurance, isAmong, sufficientProofs } from './assurance.js';
import type { AssuranceRules, ProvenCredential } from './assurance.js';
import { accountFold } from './state.js';
import type { Account, Standing } from './state.js';

const link = (claimId: string, providerId: string, standing: Standing = 'follows_proof') => ({
  claimId,
  providerId,
  identityKey: claimId,
  standing,
});
const PASSWORD: ProvenCredential = { kind: 'password' };
const by = (claimId: string): ProvenCredential => ({ kind: 'external_identity', claimId });
const account = (...providers: readonly string[]): Account => ({
  ...accountFold.initial,
  status: 'active',
  passwordHash: 'hash',
  links: providers.map((providerId) => link(`link-to-${providerId}`, providerId)),
});
/** Providers grant what they are called after, in this order. */
const rules = (over: Partial<AssuranceRules> = {}): AssuranceRules => ({
  passwordAllowed: true,
  recoveryAllowed: true,
  isUsable: () => true,
  granted: (providerId) => assuranceOfAcr(['low', 'high'], providerId === 'none' ? undefined : providerId),
  ...over,
});

describe('how much a way in proves', () => {
  it.each([
    [undefined, 0],
    ['low', 1],
    ['high', 2],
    ['of another list', 1],
  ])('%s: %d', (acr, expected) => expect(assuranceOfAcr(['low', 'high'], acr)).toBe(expected));

  it.each<[string, readonly string[], number]>([
    ['a password only', [], 0],
    ['a provider that grants nothing', ['none'], 0],
    ['a provider that grants something', ['low', 'none'], 1],
    ['the strongest counts', ['low', 'high'], 2],
  ])('enrolled is the most of any way in: %s', (_title, providers, expected) =>
    expect(enrolledAssurance(account(...providers), rules())).toBe(expected),
  );
});

describe('L30: what proves control of an account', () => {
  it.each<[string, Account, Partial<AssuranceRules>, readonly ProvenCredential[]]>([
    ['a password, where nothing is stronger', account(), {}, [PASSWORD]],
    ['a password and a provider that grants nothing, alike', account('none'), {}, [PASSWORD, by('link-to-none')]],
    ['the stronger provider only', account('none', 'high'), {}, [by('link-to-high')]],
    ['not what is weaker than the strongest', account('low', 'high'), {}, [by('link-to-high')]],
    ['a way in that cannot be used is asked of nobody', account('high'), { isUsable: () => false }, [PASSWORD]],
    ['nothing where nothing can be used', account('high'), { isUsable: () => false, passwordAllowed: false }, []],
  ])('%s', (_title, of, over, expected) => expect(sufficientProofs(of, rules(over))).toEqual(expected));

  it('an identity that was unlinked since proves nothing', () => {
    const proofs = sufficientProofs(account('high'), rules());
    expect([by('link-to-high'), by('another'), PASSWORD].map((proven) => isAmong(proofs, proven))).toEqual([
      true,
      false,
      false,
    ]);
  });
});
