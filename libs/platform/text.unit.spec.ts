import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { isLine, isText, readable, repairedLine, unfitPath } from './text.js';

const anyString = fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit)) });

describe('T1: the rule for text', () => {
  it.each([
    ['half a surrogate pair', 'Ada \ud83d'],
    ['the other half', '\udc00 Ada'],
    ['NUL', 'Ada\u0000'],
    ['a control character', 'Ada\u001b[31m'],
    ['a C1 control character', 'Ada\u0085'],
    ['DEL', 'Ada\u007f'],
    ['a text that is too long', 'a'.repeat(101)],
  ])('refuses %s', (_name, text) => {
    expect([isLine(text, 100), isText(text, 100)]).toEqual([false, false]);
  });

  it.each(['Ada', 'Ada 👩‍🔬', 'Zoë', '李', '\u{1fae9}', '\u{e0fff}', ''])('allows %j', (text) => {
    expect([isLine(text), isText(text)]).toEqual([true, true]);
  });

  it('allows tab and newline only where a text has lines', () => {
    expect([isLine('a\n\tb'), isText('a\n\tb')]).toEqual([false, true]);
  });

  it('holds for every repaired line, which is within its bound and stays what it was when nothing was wrong', () => {
    fc.assert(
      fc.property(anyString, (text) => {
        const repaired = repairedLine(text, 20);
        expect(isLine(repaired, 20)).toBe(true);
        if (isLine(text, 20)) expect(repaired).toBe(text);
      }),
    );
  });

  it('finds what breaks it at any depth, keys included', () => {
    expect(unfitPath({ a: [{ b: 'fine' }, { b: '\u0000' }] })).toBe('a.1.b');
    expect(unfitPath({ a: { '\ud800': 1 } })).toBe('a');
    expect(unfitPath({ a: 1, b: null, c: 'x' })).toBeUndefined();
  });

  it('makes anything readable, and leaves what is fine as it is', () => {
    fc.assert(
      fc.property(fc.dictionary(anyString, fc.array(anyString)), (value) => {
        expect(unfitPath(readable(value))).toBeUndefined();
      }),
    );
    const fine = { a: ['b'] };
    expect(readable(fine)).toBe(fine);
    expect(readable('Ada \ud83d\u0000')).toBe('Ada \ufffd\ufffd');
  });
});
