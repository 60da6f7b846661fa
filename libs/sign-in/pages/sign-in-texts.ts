import type { LoginPolicy } from '#libs/organizations/events.js';

/** What people type to say who they are, in words. */
export const loginNameLabel = ({ loginNames }: LoginPolicy): string => {
  if (!loginNames.includes('email')) return 'Username';
  return loginNames.includes('username') ? 'Username or e-mail' : 'E-mail';
};

/** What stands beside a form, by the code of what is wrong with it. */
const FORM_TEXTS: Readonly<Record<string, string>> = {
  credentials_invalid: 'That name and password do not fit together. Check both and try again.',
  password_not_allowed: 'Passwords cannot be used here. Choose another way.',
  too_many_attempts: 'There were too many attempts. Wait a few minutes and try again.',
  username_invalid: 'Use 2 to 64 letters, digits, dots, dashes or underscores, beginning with a letter or digit.',
  username_taken: 'That username is taken. Choose another one.',
  email_invalid: 'That is not an e-mail address that can be used here.',
  email_taken: 'That address is verified for another account.',
  password_too_short: 'Use at least 10 characters.',
  password_too_long: 'Use at most 256 characters.',
  password_too_common: 'That password is used by many people. Choose another one.',
  password_contains_own_data: 'That password contains your own name or address. Choose another one.',
  assurance_insufficient: 'This account has a stronger way to sign in. Use that one to go on.',
  password_wrong: 'That is not your password.',
  display_name_invalid: 'Use 1 to 100 characters.',
};

export const formText = (code: string | undefined): string | undefined =>
  code === undefined ? undefined : (FORM_TEXTS[code] ?? 'That cannot be used.');
