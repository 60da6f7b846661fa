import { claimableEmail, claimableUsername } from '../claims/claimable.js';
import type { Claimable } from '../claims/claimable.js';
import type { IndexKeys } from '#libs/privacy/index-key.js';
import { parseEmailAddress } from '../email-address.js';
import { usernameKey, usernameStream, verifiedEmailKey, verifiedEmailStream } from '../streams.js';
import { parseUsername } from '../username.js';

/** A username or an address of an organization, by its opaque key, and the stream that says who owns it. */
export interface NamedIdentifier {
  readonly kind: 'username' | 'email';
  readonly key: string;
  readonly thing: Claimable;
}

/**
 * What something typed stands for; nothing where nobody can be called so. No username is an address (L18).
 * @param kinds what counts
 */
export const namedIdentifier = (
  keys: IndexKeys,
  organizationId: string,
  typed: unknown,
  kinds: readonly NamedIdentifier['kind'][] = ['username', 'email'],
): NamedIdentifier | undefined => {
  const username = kinds.includes('username') ? parseUsername(typed) : undefined;
  if (username?.kind === 'ok') {
    const key = usernameKey(keys, organizationId, username.canonical);
    return { kind: 'username', key, thing: claimableUsername(usernameStream(key)) };
  }
  const email = kinds.includes('email') ? parseEmailAddress(typed) : undefined;
  if (email?.kind === 'ok') {
    const key = verifiedEmailKey(keys, organizationId, email.canonical);
    return { kind: 'email', key, thing: claimableEmail(verifiedEmailStream(key)) };
  }
  return undefined;
};
