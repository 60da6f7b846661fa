import { isDisplayName } from '#libs/users/display-name.js';
import { parseEmailAddress } from '#libs/users/email-address.js';
import { checkNewPassword } from '#libs/users/password-policy.js';
import { parseUsername } from '#libs/users/username.js';

/** What was typed, to be shown again; never a password. */
export interface TypedAccount {
  readonly displayName?: string | undefined;
  readonly username?: string | undefined;
  readonly email?: string | undefined;
}

/** What a person fills in to create an account, checked; or everything that is wrong with it, by field. */
export type AccountForm =
  | {
      readonly kind: 'ok';
      readonly displayName: string | undefined;
      readonly username: { readonly username: string; readonly canonical: string } | undefined;
      readonly email: { readonly address: string; readonly canonical: string; readonly domain: string } | undefined;
      readonly password: string | undefined;
    }
  | { readonly kind: 'refused'; readonly errors: Readonly<Record<string, string>> };

/** Which fields an account form has, and which of them must be filled in. */
export interface AccountFormNeeds {
  readonly username: 'required' | 'optional' | 'none';
  readonly email: 'required' | 'optional';
  readonly password: boolean;
}

const text = (value: unknown): string => (typeof value === 'string' ? value.trim() : '');

export const typedAccount = (form: Readonly<Record<string, unknown>>): TypedAccount => ({
  displayName: text(form.displayName).slice(0, 200),
  username: text(form.username).slice(0, 200),
  email: text(form.email).slice(0, 320),
});

/** Checks every field at once. */
export const checkAccountForm = (form: Readonly<Record<string, unknown>>, needs: AccountFormNeeds): AccountForm => {
  const errors: Record<string, string> = {};
  const displayName = text(form.displayName);
  if (!isDisplayName(displayName)) errors.displayName = 'display_name_invalid';
  const username =
    needs.username === 'none' || (text(form.username) === '' && needs.username === 'optional')
      ? undefined
      : parseUsername(form.username);
  if (username?.kind === 'refused') errors.username = username.code;
  const email = text(form.email) === '' && needs.email === 'optional' ? undefined : parseEmailAddress(form.email);
  if (email?.kind === 'refused') errors.email = email.code;
  if (needs.password) {
    const check = checkNewPassword(form.password, [text(form.username), text(form.email), displayName]);
    if (check.kind === 'refused') errors.password = check.code;
  }
  if (Object.keys(errors).length > 0) return { kind: 'refused', errors };
  return {
    kind: 'ok',
    displayName: displayName || undefined,
    username: username?.kind === 'ok' ? username : undefined,
    email: email?.kind === 'ok' ? email : undefined,
    password: needs.password ? (form.password as string) : undefined,
  };
};
