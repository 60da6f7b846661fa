import type { Decision } from '#libs/event-store/command-execution.js';
import { usableCredentials } from './credentials.js';
import { enrolledAssurance } from './assurance.js';
import type { AssuranceRules } from './assurance.js';
import type { CredentialRules } from './credentials.js';
import type { AccountEvent, EmailProof, Role } from './events.js';
import { methodsOnHold, settlementOf } from './state.js';
import type { Account, Link, UserStreamEvent } from './state.js';

/** Why a command on an account was refused: stable codes. */
export type AccountRefusalCode =
  | 'user_not_found'
  | 'account_not_active'
  | 'session_ended'
  | 'password_not_allowed'
  | 'no_password'
  | 'last_credential'
  | 'username_taken'
  | 'email_taken'
  | 'claim_abandoned'
  | 'email_verification_invalid'
  | 'recovery_not_allowed'
  | 'review_incomplete'
  | 'idempotency_key_reused';

export type AccountOutcome =
  { readonly kind: 'done' } | { readonly kind: 'refused'; readonly code: AccountRefusalCode };
export type AccountDecision = Decision<UserStreamEvent, AccountOutcome>;

const done = (...events: readonly UserStreamEvent[]): AccountDecision => ({ events, outcome: { kind: 'done' } });
export const refused = (code: AccountRefusalCode): AccountDecision => ({
  events: [],
  outcome: { kind: 'refused', code },
});

type DataOf<Type extends AccountEvent['type']> = Extract<AccountEvent, { type: Type }>['data'];

export const decideUpdateProfile = (account: Account, profile: DataOf<'ProfileUpdated'>): AccountDecision =>
  account.displayName === profile.displayName && profile.providerId === undefined
    ? done()
    : done({ type: 'ProfileUpdated', data: profile });

/** Settles our claim of a username. */
export const decideChangeUsername = (account: Account, change: DataOf<'UsernameChanged'>): AccountDecision => {
  switch (settlementOf(account, change.claimId)) {
    case 'unsettled':
      return done({ type: 'UsernameChanged', data: change });
    case 'held':
      return done();
    case 'abandoned':
    case 'over':
      return refused('claim_abandoned');
  }
};

export const decideAddEmail = (account: Account, email: DataOf<'EmailAdded'>): AccountDecision =>
  account.verifiedEmail?.address === email.address ? done() : done({ type: 'EmailAdded', data: email });

/**
 * Settles our claim of an address. By mail, only for the address that the account waits for: a mail that was overtaken
 * by another address or by a recovery proves nothing any more (L4).
 */
export const decideVerifyEmail = (
  account: Account,
  email: DataOf<'EmailVerified'> & { readonly proof: EmailProof },
): AccountDecision => {
  switch (settlementOf(account, email.claimId)) {
    case 'held':
      return done();
    case 'abandoned':
    case 'over':
      return refused('claim_abandoned');
    case 'unsettled':
      if (email.proof.method === 'mail_loop' && account.unverifiedEmail?.emailId !== email.emailId)
        return refused('email_verification_invalid');
      return done({ type: account.verifiedEmail ? 'EmailChanged' : 'EmailVerified', data: email });
  }
};

export const decideSetPassword = (
  _account: Account,
  password: DataOf<'PasswordSet'>,
  { passwordAllowed }: Pick<CredentialRules, 'passwordAllowed'>,
): AccountDecision =>
  passwordAllowed ? done({ type: 'PasswordSet', data: password }) : refused('password_not_allowed');

/**
 * The same password under a new hash; nothing when it was changed or removed since it was checked.
 * @param hashes.of the hash it was checked by
 */
export const decideRehashPassword = (
  account: Account,
  hashes: { readonly of: string | undefined; readonly passwordHash: string },
): AccountDecision =>
  account.passwordHash === hashes.of
    ? done({ type: 'PasswordRehashed', data: { passwordHash: hashes.passwordHash } })
    : done();

/** Never the last usable way to sign in (invariant 2, L21). */
export const decideRemovePassword = (
  account: Account,
  removal: DataOf<'PasswordRemoved'>,
  rules: CredentialRules,
): AccountDecision => {
  if (account.passwordHash === undefined) return refused('no_password');
  if (usableCredentials({ ...account, passwordHash: undefined }, rules).length === 0) return refused('last_credential');
  return done({ type: 'PasswordRemoved', data: removal });
};

/** Whether a mail gets the person back in: never past a way in that proves more than a mail does (L30). */
export const mayRecover = (account: Account, rules: AssuranceRules): boolean =>
  rules.recoveryAllowed && rules.passwordAllowed && enrolledAssurance(account, rules) === 0;

/**
 * Recovery by the verified e-mail: a new password, and nothing that somebody else may have put there survives: links
 * from before the address was proven and addresses that nobody proved go (L2–L4); links that were added since, and that
 * the owner has not kept after an earlier recovery, are on hold until the owner has looked at them (L32). Sessions and
 * grants end by the same events.
 */
export const decideRecoverAccount = (
  account: Account,
  recovery: { readonly emailId: string; readonly passwordHash: string },
  rules: AssuranceRules,
): AccountDecision => {
  if (!mayRecover(account, rules)) return refused('recovery_not_allowed');
  if (account.verifiedEmail?.emailId !== recovery.emailId) return refused('recovery_not_allowed');
  const { emailId, passwordHash } = recovery;
  const onHold = account.links
    .filter(({ standing }) => standing === 'follows_proof' || standing === 'on_hold')
    .map(({ claimId }) => claimId);
  return done(
    { type: 'AccountRecovered', data: { emailId, ...(onHold.length > 0 ? { onHold } : {}) } },
    ...account.links.filter(({ standing }) => standing === 'precedes_proof').map(unlinked),
    { type: 'PasswordSet', data: { passwordHash } },
  );
};

const unlinked = ({ claimId, providerId, identityKey }: Link): UserStreamEvent => ({
  type: 'ExternalIdentityUnlinked',
  data: { claimId, providerId, identityKey },
});

/**
 * The owner's answer for every sign-in method that is on hold: what is kept counts again, the rest is unlinked (L32).
 * An answer for one that is not on hold (any more) says nothing. None of them is a usable sign-in method, so removing
 * them leaves the account as many as it had (invariant 2), and the policy that forbids unlinking does not protect them.
 */
export const decideReviewSignInMethods = (
  account: Account,
  answers: { readonly kept: readonly string[]; readonly removed: readonly string[] },
): AccountDecision => {
  const held = methodsOnHold(account);
  const kept = held.filter(({ claimId }) => answers.kept.includes(claimId));
  const removed = held.filter(({ claimId }) => answers.removed.includes(claimId) && !answers.kept.includes(claimId));
  if (kept.length + removed.length < held.length) return refused('review_incomplete');
  if (held.length === 0) return done();
  const ids = (links: readonly Link[]): string[] => links.map(({ claimId }) => claimId);
  return done(
    { type: 'SignInMethodsReviewed', data: { kept: ids(kept), removed: ids(removed) } },
    ...removed.map(unlinked),
  );
};

export const decideGrantRole = (account: Account, role: Role): AccountDecision =>
  account.roles.has(role) ? done() : done({ type: 'RoleGranted', data: { role } });

export const decideRevokeRole = (account: Account, role: Role): AccountDecision =>
  account.roles.has(role) ? done({ type: 'RoleRevoked', data: { role } }) : done();

export const decideDeactivate = (account: Account): AccountDecision => {
  if (account.status === 'active') return done({ type: 'UserDeactivated', data: {} });
  return account.status === 'deactivated' ? done() : refused('user_not_found');
};

export const decideReactivate = (account: Account): AccountDecision => {
  if (account.status === 'deactivated') return done({ type: 'UserReactivated', data: {} });
  return account.status === 'active' ? done() : refused('user_not_found');
};

/** From this event on nobody signs in, and everything that the account holds may be released. */
export const decideStartErasure = (account: Account): AccountDecision => {
  if (account.status === 'none') return refused('user_not_found');
  return account.status === 'erasing' || account.status === 'erased'
    ? done()
    : done({ type: 'ErasureStarted', data: {} });
};

/** The key is destroyed and everything released; the caller has seen to both. */
export const decideFinishErasure = (account: Account): AccountDecision =>
  account.status === 'erasing' ? done({ type: 'UserErased', data: {} }) : done();
