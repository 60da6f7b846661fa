import { dictionary } from '@zxcvbn-ts/language-common';
import { MAX_PASSWORD_LENGTH } from './passwords.js';

export const MIN_PASSWORD_LENGTH = 10;

export type PasswordCheck =
  | { readonly kind: 'ok' }
  | {
      readonly kind: 'refused';
      readonly code: 'password_too_short' | 'password_too_long' | 'password_too_common' | 'password_contains_own_data';
    };

const common: ReadonlySet<string> = new Set(
  Object.values(dictionary)
    .flat()
    .filter((word) => word.length >= MIN_PASSWORD_LENGTH),
);

/**
 * Length, and nothing that is commonly used or the person's own (NIST SP 800-63B, section 5.1.1.2); no rules of composition.
 * @param own the person's names and addresses
 */
export const checkNewPassword = (password: unknown, own: readonly (string | undefined)[]): PasswordCheck => {
  if (typeof password !== 'string' || [...password].length < MIN_PASSWORD_LENGTH) return { kind: 'refused', code: 'password_too_short' };
  if (password.length > MAX_PASSWORD_LENGTH) return { kind: 'refused', code: 'password_too_long' };
  const folded = password.normalize('NFKC').toLowerCase();
  const bare = folded.replace(/[^\p{L}\p{N}]+/gu, '').replace(/\p{N}+$/u, '');
  if (common.has(folded) || common.has(bare) || new Set(folded).size < 4) return { kind: 'refused', code: 'password_too_common' };
  const words = own.flatMap((value) => (value ? [value.toLowerCase(), value.toLowerCase().split('@')[0] ?? ''] : []));
  if (words.some((word) => word.length >= 4 && folded.includes(word))) return { kind: 'refused', code: 'password_contains_own_data' };
  return { kind: 'ok' };
};
