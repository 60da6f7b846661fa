import { describe, expect, it } from '@jest/globals';
import { acrValuesToAsk, authenticationContextOf } from '#libs/organizations/linking-policy.js';

const RANKED = ['low', 'middle', 'high'];

describe('what a sign-in through a provider amounts to (invariant 12, L30)', () => {
  it.each([
    ['granted nothing: nothing', undefined, { acr: 'high' }, undefined],
    ['not asked for a class: what is granted, whatever the provider says', 'middle', { acr: 'other' }, 'middle'],
    ['asked, and it is what is granted', 'middle', { acr: 'middle', requestedAcrValues: ['middle'] }, 'middle'],
    [
      'asked, and it says more: no more than is granted',
      'middle',
      { acr: 'high', requestedAcrValues: ['high'] },
      'middle',
    ],
    ['asked, and it says less: less', 'high', { acr: 'low', requestedAcrValues: ['high'] }, 'low'],
    ['asked, and it says something unknown: nothing', 'high', { acr: '1', requestedAcrValues: ['high'] }, undefined],
    ['asked, and it says nothing: nothing', 'high', { requestedAcrValues: ['high'] }, undefined],
    ['asked and granted nothing: nothing', undefined, { acr: 'low', requestedAcrValues: ['low'] }, undefined],
  ])('%s', (_title, grantsAcr, said, acr) => {
    expect(authenticationContextOf({ grantsAcr }, { amr: ['mfa'], ...said }, RANKED)).toEqual(
      acr === undefined ? { amr: [] } : { acr, amr: ['mfa'] },
    );
  });

  it.each([
    ['those up to what is granted', 'middle', ['low', 'middle']],
    ['none where nothing is granted', undefined, []],
  ])('a provider is asked for %s', (_title, grantsAcr, expected) => {
    expect(acrValuesToAsk({ grantsAcr }, ['other', 'low', 'middle', 'high'], RANKED)).toEqual(expected);
  });
});
