import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { parseEmailAddress } from './email-address.js';
import { parseUsername } from './username.js';

const canonicalOf = (input: unknown): string | undefined => {
  const parsed = parseUsername(input);
  return parsed.kind === 'ok' ? parsed.canonical : undefined;
};

describe('parseUsername', () => {
  it('takes a name as it was written, and gives it one canonical form', () => {
    expect(parseUsername(' Ada_L.1815-x ')).toEqual({
      kind: 'ok',
      username: 'Ada_L.1815-x',
      canonical: 'ada_l.1815-x',
    });
  });

  it.each(['ab', '1a', 'a'.repeat(64), 'a..b', 'a-'])('takes %s', (name) => {
    expect(parseUsername(name).kind).toBe('ok');
  });

  it.each([
    ['one character', 'a'],
    ['65 characters', 'a'.repeat(65)],
    ['a sign at the beginning', '.ada'],
    ['an underscore at the beginning', '_ada'],
    ['a space', 'ada l'],
    ['a line break', 'ada\nl'],
    ['a slash', 'ada/l'],
    ['nothing', ''],
  ])('refuses %s', (_why, name) => {
    expect(parseUsername(name)).toEqual({ kind: 'refused', code: 'username_invalid' });
  });

  it.each([
    ['a Cyrillic а', 'аda'],
    ['a Greek omicron', 'bοb'],
    ['a full-width letter', 'ａda'],
    ['a dotless i', 'adın'],
    ['a Kelvin sign, which lower-cases to k', '\u212aarl'],
    ['a combining mark', 'ada\u0301'],
    ['a precomposed letter', 'adá'],
    ['a bidi override', 'ada\u202e'],
    ['a zero-width space', 'a\u200bda'],
    ['an emoji', 'ada😀'],
  ])('L19: refuses %s, which looks like another name or hides', (_why, name) => {
    expect(parseUsername(name)).toEqual({ kind: 'refused', code: 'username_invalid' });
  });

  it.each([undefined, null, 12, {}, ['ada']])('refuses %p, which is no text', (input) => {
    expect(parseUsername(input)).toEqual({ kind: 'refused', code: 'username_invalid' });
  });

  it('L18: no username is an e-mail address', () => {
    fc.assert(
      fc.property(fc.oneof(fc.emailAddress(), fc.string(), fc.stringMatching(/^[a-z0-9@._-]{1,30}$/)), (text) => {
        expect(parseUsername(text).kind === 'ok' && parseEmailAddress(text).kind === 'ok').toBe(false);
        if (text.includes('@')) expect(parseUsername(text).kind).toBe('refused');
      }),
    );
  });

  const names = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._-]{1,20}$/);

  it('L19: the canonical form is its own canonical form', () => {
    fc.assert(fc.property(names, (name) => expect(canonicalOf(canonicalOf(name))).toBe(canonicalOf(name))));
  });

  it('L19: two names have one canonical form exactly when they differ in ASCII letter case only', () => {
    const fold = (text: string): string =>
      text.replace(/[A-Z]/g, (letter) => String.fromCharCode(letter.charCodeAt(0) + 32));
    fc.assert(
      fc.property(names, fc.oneof(names, fc.stringMatching(/^[ab][AB]$/)), (one, other) => {
        expect(canonicalOf(one) === canonicalOf(other)).toBe(fold(one) === fold(other));
      }),
    );
    fc.assert(fc.property(names, (name) => expect(canonicalOf(name.toUpperCase())).toBe(canonicalOf(name))));
  });

  it('L19: whatever text comes, only the documented repertoire gets through', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 5 }), (text) => {
        const parsed = parseUsername(`ad${text}`);
        if (parsed.kind === 'ok') expect(parsed.username).toMatch(/^[A-Za-z0-9._-]+$/);
      }),
      { numRuns: 2_000 },
    );
  });
});
