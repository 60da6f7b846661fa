import { ZxcvbnFactory } from '@zxcvbn-ts/core';
import { adjacencyGraphs, dictionary } from '@zxcvbn-ts/language-common';
import { MAX_PASSWORD_LENGTH } from './passwords.js';

/** In characters (Unicode code points, NFKC). NIST SP 800-63B asks for 8; common passwords crowd below 10. */
export const MIN_PASSWORD_LENGTH = 10;

export type PasswordCheck =
  | { readonly kind: 'ok' }
  | {
      readonly kind: 'refused';
      readonly code: 'password_too_short' | 'password_too_long' | 'password_too_common' | 'password_contains_own_data';
    };

/** 49,000 passwords from breaches, and words. */
const common: ReadonlySet<string> = new Set(Object.values(dictionary).flat());

/**
 * Whoever guesses in the order of breached lists, keyboard rows, repetitions and their usual disguises, needs at least
 * so many guesses.
 */
const MIN_GUESSES = 1e6;
/** What comes later makes no password easier to guess, and the estimate's time grows with the length. */
const ESTIMATED_LENGTH = 48;
const estimator = new ZxcvbnFactory({ dictionary, graphs: adjacencyGraphs, maxLength: ESTIMATED_LENGTH });

const isCommon = (folded: string): boolean => {
  // "password", and "Password2026!", and "(password)".
  const word = folded.replace(/^[^\p{L}]+|[^\p{L}]+$/gu, '');
  if (common.has(folded) || common.has(word)) return true;
  return estimator.check(folded.slice(0, ESTIMATED_LENGTH)).guesses < MIN_GUESSES;
};

/** Shorter parts of a name are in too many words. */
const MIN_OWN_LENGTH = 4;
const lettersAndDigits = (text: string): string =>
  text
    .normalize('NFKC')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, '');

/**
 * A name or an address, the part before its `@`, and the parts of that: `ada.lovelace@example.org`, `ada.lovelace`,
 * `lovelace`.
 */
const ownWords = (value: string): readonly string[] => {
  const local = value.split('@')[0] ?? '';
  return [value, local, ...local.split(/[^\p{L}\p{N}]+/u)]
    .map(lettersAndDigits)
    .filter((word) => word.length >= MIN_OWN_LENGTH);
};

/**
 * Length, and nothing that is commonly used, breached or the person's own (NIST SP 800-63B, section 5.1.1.2); no rules
 * of composition.
 * @param own the person's names and addresses
 */
export const checkNewPassword = (password: unknown, own: readonly (string | undefined)[]): PasswordCheck => {
  if (typeof password !== 'string') return { kind: 'refused', code: 'password_too_short' };
  if (password.length > MAX_PASSWORD_LENGTH) return { kind: 'refused', code: 'password_too_long' };
  const normalized = password.normalize('NFKC');
  if ([...normalized].length < MIN_PASSWORD_LENGTH) return { kind: 'refused', code: 'password_too_short' };
  if (isCommon(normalized.toLowerCase())) return { kind: 'refused', code: 'password_too_common' };
  const bare = lettersAndDigits(password);
  if (own.some((value) => value !== undefined && ownWords(value).some((word) => bare.includes(word))))
    return { kind: 'refused', code: 'password_contains_own_data' };
  return { kind: 'ok' };
};
