import { decideRehashPassword } from '#libs/users/decide.js';
import { executeOnAccount } from '#libs/users/execute-on-account.js';
import type { Passwords } from '#libs/users/passwords.js';
import { namedIdentifier } from '#libs/users/queries/named-identifier.js';
import { maySignIn, seenAt } from '#libs/users/state.js';
import type { Account, AccountSeen } from '#libs/users/state.js';
import { Claims } from '#libs/users/claims/claims.js';
import type { ClaimsDependencies, Ownership } from '#libs/users/claims/claims.js';
import type { CommandContext } from '#libs/event-store/event-metadata.js';
import type { LoginPolicy } from '#libs/organizations/events.js';
import type { IndexKeys } from '#libs/privacy/index-key.js';
import { INSTALLATION_SUBJECT, unlessErased } from '#libs/privacy/subject-keys.js';
import { addressKey } from '#libs/throttling/address-key.js';
import type { Throttles } from '#libs/throttling/throttles.js';
import type { SignInAttempts } from './attempts.js';

export interface PasswordSignInDependencies extends ClaimsDependencies {
  readonly indexKeys: IndexKeys;
  readonly passwords: Passwords;
  readonly throttles: Throttles;
  readonly attempts: SignInAttempts;
}

export interface PasswordAttempt {
  readonly organizationId: string;
  readonly loginPolicy: LoginPolicy;
  /** A username or an e-mail address, as typed. */
  readonly loginName: unknown;
  readonly password: unknown;
  readonly address: string | undefined;
  readonly context: CommandContext;
}

export type PasswordRecognition =
  | { readonly kind: 'recognized'; readonly userId: string; readonly account: AccountSeen }
  /** One answer for an unknown user, a wrong password, an account without one, and one that may not sign in (L25). */
  | { readonly kind: 'refused'; readonly code: 'credentials_invalid' | 'password_not_allowed' }
  | { readonly kind: 'refused'; readonly code: 'too_many_attempts'; readonly retryAfterS: number };

/**
 * Recognizes a person by password. Unknown users cost what known ones do; limits per login name and per address are
 * shared by all instances, and count known and unknown names alike.
 */
export const recognizeByPassword = async (
  dependencies: PasswordSignInDependencies,
  { organizationId, loginPolicy, loginName, password, address, context }: PasswordAttempt,
): Promise<PasswordRecognition> => {
  if (!loginPolicy.password) return { kind: 'refused', code: 'password_not_allowed' };
  const name = identifierOf(dependencies.indexKeys, organizationId, loginPolicy, loginName);
  const { throttles } = dependencies;
  const limits = [
    await throttles.hit('sign_in_per_address', organizationId, addressKey(address)),
    await throttles.hit('sign_in_per_account', organizationId, name.key),
  ];
  for (const limit of limits) {
    if (limit.kind === 'throttled')
      return { kind: 'refused', code: 'too_many_attempts', retryAfterS: limit.retryAfterS };
  }
  const ownership: Ownership = name.thing
    ? await new Claims(dependencies).ownerOf(name.thing, { ...context, actor: { type: 'system', id: 'sign-in' } })
    : { kind: 'free', revision: 'no_stream' };
  const owner = ownership.kind === 'owned' ? ownership : undefined;
  const typed = typeof password === 'string' ? password : '';
  const { matches, outdated } = await dependencies.passwords.verify(owner?.owner.passwordHash, typed);
  if (owner && matches && maySignIn(owner.owner, organizationId)) {
    await throttles.reset('sign_in_per_account', organizationId, name.key);
    if (outdated) await rehash(dependencies, { ...owner, organizationId, password: typed, context });
    return { kind: 'recognized', userId: owner.userId, account: seenAt(owner.owner, owner.ownerRevision) };
  }
  const failure = { type: 'LoginFailed', data: { code: 'credentials_invalid' } } as const;
  await dependencies.attempts.record(name.key, failure, owner ? owner.userId : INSTALLATION_SUBJECT, context);
  return { kind: 'refused', code: 'credentials_invalid' };
};

/** Made anew with today's parameters, so that checking it takes as long as the dummy of an unknown user does (L25). */
const rehash = async (
  { store, passwords, newId }: PasswordSignInDependencies,
  {
    userId,
    owner,
    organizationId,
    password,
    context: from,
  }: {
    readonly userId: string;
    readonly owner: Account;
    readonly organizationId: string;
    readonly password: string;
    readonly context: CommandContext;
  },
): Promise<void> => {
  const passwordHash = await passwords.hash(password);
  const actor = { type: 'user', id: userId } as const;
  const context: CommandContext = { ...from, commandId: newId(), causationId: from.commandId, organizationId, actor };
  const decide = (account: Account) => decideRehashPassword(account, { of: owner.passwordHash, passwordHash });
  // Of somebody who was erased meanwhile there is nothing to hash.
  await unlessErased(executeOnAccount(store, { userId, organizationId, context, decide }));
};

/**
 * What a typed name stands for: its key, and the stream that says who owns it. A name that nobody can have has a key
 * too.
 */
const identifierOf = (keys: IndexKeys, organizationId: string, { loginNames }: LoginPolicy, typed: unknown) =>
  namedIdentifier(keys, organizationId, typed, loginNames) ?? {
    key: keys.of('noLoginName', organizationId, typeof typed === 'string' ? typed.slice(0, 320).toWellFormed() : ''),
    thing: undefined,
  };
