import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { HINTS_LIVE_MS, LEAD_MS, scheduleOf, TOKENS_LIVE_MS } from './signing-key-schedule.js';

const at = (ms: number): Date => new Date(Date.UTC(2026, 2, 3) + ms);
const key = (kid: string, signsFromMs: number, alg = 'RS256') => ({ kid, alg, signsFrom: at(signsFromMs) });
const kids = (keys: readonly { kid: string }[]): string[] => keys.map(({ kid }) => kid);
const forMoment = (keys: Parameters<typeof scheduleOf>[0], ms: number) => {
  const { signing, published, hintsOnly, over } = scheduleOf(keys, at(ms));
  return { signing: kids(signing), published: kids(published), hintsOnly: kids(hintsOnly), over: kids(over) };
};

describe('which signing key is for what', () => {
  const keys = [key('old', 0), key('new', LEAD_MS)];

  it('the next key is published before it signs', () =>
    expect(forMoment(keys, LEAD_MS - 1)).toEqual({
      signing: ['old'],
      published: ['old', 'new'],
      hintsOnly: [],
      over: [],
    }));

  it('then it signs, and the old one stays published while its tokens live', () => {
    expect(forMoment(keys, LEAD_MS)).toMatchObject({ signing: ['new'], published: ['old', 'new'] });
    expect(forMoment(keys, LEAD_MS + TOKENS_LIVE_MS)).toMatchObject({ published: ['old', 'new'] });
  });

  it('then it is there for hints only, and at last not at all', () => {
    expect(forMoment(keys, LEAD_MS + TOKENS_LIVE_MS + 1)).toMatchObject({ published: ['new'], hintsOnly: ['old'] });
    expect(forMoment(keys, LEAD_MS + HINTS_LIVE_MS + 1)).toMatchObject({
      published: ['new'],
      hintsOnly: [],
      over: ['old'],
    });
  });

  it('an instance whose clock is behind signs with the first key, not with none', () =>
    expect(forMoment([key('first', 5_000)], 0)).toMatchObject({ signing: ['first'], published: ['first'] }));

  it('algorithms are apart from each other', () =>
    expect(forMoment([...keys, key('other', 0, 'ES256')], LEAD_MS)).toMatchObject({ signing: ['new', 'other'] }));

  it('whatever was rotated when: one key signs per algorithm, it is published, and no key is lost or in two places', () => {
    const anyKeys = fc.uniqueArray(fc.integer({ min: 0, max: 4 * HINTS_LIVE_MS }), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(anyKeys, fc.integer({ min: 0, max: 5 * HINTS_LIVE_MS }), (times, now) => {
        const all = times.map((ms, i) => key(`k${i}`, ms));
        const { signing, published, hintsOnly, over } = forMoment(all, now);
        expect(signing).toHaveLength(1);
        expect(published).toContain(signing[0]);
        expect([...published, ...hintsOnly, ...over].sort()).toEqual(kids(all).sort());
      }),
    );
  });
});
