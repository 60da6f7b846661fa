import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { checkNewPassword, MIN_PASSWORD_LENGTH } from './password-policy.js';

const codeOf = (password: unknown, own: readonly (string | undefined)[] = []): string => {
  const check = checkNewPassword(password, own);
  return check.kind === 'ok' ? 'ok' : check.code;
};

describe('checkNewPassword', () => {
  it.each([
    'correct horse battery',
    'dragon-tiger-42',
    'vK8$wq2!mZ',
    'пароль на каждый день',
    '湯呑みに茶柱が立つ日',
    'a password as long as a sentence '.repeat(7),
  ])('takes "%s": no rules of composition', (password) => {
    expect(codeOf(password)).toBe('ok');
  });

  it.each([undefined, null, 12_345_678_901, {}, ['correct horse battery'], '', 'vK8$wq2!m', '😀😀😀😀😀', 'ﬀﬀﬀﬀ'])(
    'refuses %p as too short',
    (password) => {
      expect(codeOf(password)).toBe('password_too_short');
    },
  );

  it('refuses what is too long to be hashed', () => {
    expect(codeOf('correct horse battery '.repeat(12))).toBe('password_too_long');
  });

  it.each([
    'qwertyuiop',
    'QwertyUiop',
    '1234567890',
    'password12',
    'Password2026!',
    '(basketball)',
    'P@ssw0rd123',
    'aaaaaaaaaaaa',
    'abcabcabcabc',
    'abcdefghijkl',
    'zxcvbnm,./12',
    'ｐａｓｓｗｏｒｄ１２',
    'abdominal123',
  ])('refuses "%s" as too common', (password) => {
    expect(codeOf(password)).toBe('password_too_common');
  });

  it.each([
    ['ada.lovelace@example.org', 'my ada.lovelace@example.org'],
    ['ada.lovelace@example.org', 'Ada Lovelace rules 17'],
    ['ada.lovelace@example.org', 'lovelace-vK8$wq2'],
    ['analytical_engine', 'vK8AnalyticalEnginewq2'],
    ['Ada King', 'vK8adaking$wq2'],
  ])('refuses what holds the person’s own "%s": "%s"', (own, password) => {
    expect(codeOf(password, [undefined, '', own])).toBe('password_contains_own_data');
  });

  it('does not mind short parts of names, and the mail provider’s domain', () => {
    expect(codeOf('canada maple syrup 7', ['ada@example.org'])).toBe('ok');
    expect(codeOf('for example, a violin', ['ada@example.org'])).toBe('ok');
  });

  it('answers whatever comes, in bounded time', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', minLength: MIN_PASSWORD_LENGTH, maxLength: 256 }), (password) => {
        expect(checkNewPassword(password, [password.slice(0, 5)]).kind).toMatch(/ok|refused/);
      }),
      { numRuns: 200 },
    );
    for (const hostile of ['1a@4', 'p@ssw0rd!', '@4310', 'password', '5$5$']) {
      const begun = performance.now();
      checkNewPassword(hostile.repeat(64).slice(0, 256), []);
      expect(performance.now() - begun).toBeLessThan(500);
    }
  });
});
