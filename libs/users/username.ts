/** A username as this system takes it, or a refusal. */
export type ParsedUsername =
  | {
      readonly kind: 'ok';
      /** As the person wrote it. */
      readonly username: string;
      /** The one form that stands for it: two usernames are the same exactly when these are. */
      readonly canonical: string;
    }
  | { readonly kind: 'refused'; readonly code: 'username_invalid' };

const USERNAME = /^[A-Za-z0-9][A-Za-z0-9._-]{1,63}$/;

/**
 * 2 to 64 ASCII letters, digits, `.`, `_` and `-`, beginning with a letter or digit. Never an `@`, so that no username
 * is somebody's e-mail address (security row L18), and nothing that looks like another character (L19). The canonical
 * form is in lower case.
 */
export const parseUsername = (input: unknown): ParsedUsername => {
  const username = typeof input === 'string' ? input.trim() : '';
  return USERNAME.test(username)
    ? { kind: 'ok', username, canonical: username.toLowerCase() }
    : { kind: 'refused', code: 'username_invalid' };
};
