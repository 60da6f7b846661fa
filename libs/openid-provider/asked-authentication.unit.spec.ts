import { describe, expect, it } from '@jest/globals';
import { askedOf } from './asked-authentication.js';

const NOTHING = { anew: false, authTime: false, acrValues: [], acrEssential: false };
const claims = (idToken: unknown): string => JSON.stringify({ id_token: idToken });

describe('what a request asks of the authentication (OpenID Connect Core 3.1.2.1, 5.5.1)', () => {
  it.each([
    ['nothing', {}, NOTHING],
    ['prompt=login', { prompt: 'login consent' }, { ...NOTHING, anew: true }],
    ['prompt=consent', { prompt: 'consent' }, NOTHING],
    ['max_age', { max_age: '50' }, { ...NOTHING, maxAgeS: 50 }],
    ['max_age=0, which is prompt=login', { max_age: 0 }, { ...NOTHING, anew: true, maxAgeS: 0 }],
    ['an essential auth_time', { claims: claims({ auth_time: { essential: true } }) }, { ...NOTHING, authTime: true }],
    ['a voluntary auth_time', { claims: claims({ auth_time: null }) }, NOTHING],
    ['acr_values', { acr_values: 'high  low' }, { ...NOTHING, acrValues: ['high', 'low'] }],
    [
      'an essential acr',
      { acr_values: 'low', claims: claims({ acr: { essential: true, values: ['high'] } }) },
      { ...NOTHING, acrValues: ['high'], acrEssential: true },
    ],
    [
      'an essential acr of one value',
      { claims: claims({ acr: { essential: true, value: 'high' } }) },
      { ...NOTHING, acrValues: ['high'], acrEssential: true },
    ],
    ['claims of other shapes', { claims: claims({ acr: 7, auth_time: 'x' }) }, NOTHING],
    ['claims that are none', { claims: '[]' }, NOTHING],
  ])('%s', (_title, params, asked) => {
    expect(askedOf(params, {})).toEqual(asked);
  });

  it('an app whose ID tokens must have auth_time (require_auth_time)', () => {
    expect(askedOf({}, { requireAuthTime: true })).toEqual({ ...NOTHING, authTime: true });
  });
});
