import { describe, expect, it } from '@jest/globals';
import { nowWithin, parseInstant } from './instant.js';

describe('SAML times (S7)', () => {
  it.each([
    ['2026-03-03T12:00:00Z', '2026-03-03T12:00:00.000Z'],
    ['2026-03-03T12:00:00.1234567Z', '2026-03-03T12:00:00.123Z'],
    ['2026-03-03T12:00:00+00:00', '2026-03-03T12:00:00.000Z'],
  ])('%s is one', (text, expected) => expect(parseInstant(text)?.toISOString()).toBe(expected));

  it.each([
    '2026-03-03T12:00:00',
    '2026-03-03T12:00:00+02:00',
    '2026-13-03T12:00:00Z',
    '2026-03-03',
    'tomorrow',
    '',
    ' 2026-03-03T12:00:00Z',
  ])('"%s" is none', (text) => expect(parseInstant(text)).toBeUndefined());

  it('a skew of 60 seconds forgives 59, and not 61', () => {
    const now = new Date('2026-03-03T12:00:00Z');
    const { isPast, isAhead } = nowWithin(now, 60);
    const at = (offsetS: number): Date => new Date(now.getTime() + offsetS * 1_000);
    expect([-61, -60, -59, 0].map((offset) => isPast(at(offset)))).toEqual([true, true, false, false]);
    expect([61, 60, 59, 0].map((offset) => isAhead(at(offset)))).toEqual([true, false, false, false]);
  });
});
