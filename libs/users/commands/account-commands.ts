import { claimableEmail, claimableExternalIdentity, claimableUsername } from '../claims/claimable.js';
import type { Claimable } from '../claims/claimable.js';
import { Claims } from '../claims/claims.js';
import { heldBy } from '../claims/held-by.js';
import type { Executed } from '#libs/event-store/command-execution.js';
import type { Actor, CommandContext } from '#libs/event-store/event-metadata.js';
import { categoryOf } from '#libs/event-store/stream-name.js';
import { externalIdentityStream } from '../external-identity-stream.js';
import { unlessErased } from '#libs/privacy/subject-keys.js';
import type { AccountResult, UsersDependencies } from '../users-dependencies.js';
import { createUser } from '../create-user.js';
import type { CreatedUser } from '../create-user.js';
import {
  decideAddEmail,
  decideChangeUsername,
  decideDeactivate,
  decideGrantRole,
  decideReactivate,
  decideRecoverAccount,
  decideRemovePassword,
  decideReviewSignInMethods,
  decideRevokeRole,
  decideSetPassword,
  decideUpdateProfile,
  decideVerifyEmail,
} from '../decide.js';
import type { AccountDecision, AccountOutcome, AccountRefusalCode } from '../decide.js';
import { parseEmailAddress } from '../email-address.js';
import type { NameGiver } from '../events.js';
import { executeOnAccount } from '../execute-on-account.js';
import { loadAccount } from '../queries/load-account.js';
import type { Account, UserStreamEvent } from '../state.js';
import { usernameKey, usernameStream, verifiedEmailKey, verifiedEmailStream } from '../streams.js';
import type {
  AddEmail,
  ChangeDisplayName,
  ChangeUsername,
  DeactivateUser,
  GrantRole,
  ReactivateUser,
  RecoverAccount,
  RemovePassword,
  ReviewSignInMethods,
  RevokeRole,
  SetPassword,
  VerifyEmail,
} from './account.command.js';
import type { RegisterUser } from './register-user.command.js';

type Run<C> = (dependencies: UsersDependencies, command: C) => Promise<AccountResult>;
type AccountCommand = Pick<AddEmail, 'target' | 'context'>;

const refuse = (code: AccountRefusalCode): AccountResult => ({ outcome: { kind: 'refused', code }, position: 0n });

/** Decides on the account, stores, and ends what that takes away before it answers. */
const run = async (
  dependencies: UsersDependencies,
  { target, context }: AccountCommand,
  decide: (account: Account) => AccountDecision,
  options: { readonly onlyActive?: boolean } = {},
): Promise<Executed<AccountOutcome, UserStreamEvent>> => {
  const executed = await executeOnAccount(dependencies.store, { ...target, context, decide, ...options });
  await dependencies.carryOutRevocations(target.userId, executed, context);
  return executed;
};

export const registerUser = async (
  dependencies: UsersDependencies,
  { registration, context }: RegisterUser,
): Promise<CreatedUser> => {
  const { organizationId, displayName, username, email, identity, password } = registration;
  return createUser(
    dependencies,
    {
      organizationId,
      first: { type: 'UserRegistered', data: { organizationId, displayName } },
      username: username && { ...username, givenBy: { by: 'self' } },
      ifUsernameTaken: 'refuse',
      email,
      passwordHash: password === undefined ? undefined : await dependencies.passwords.hash(password),
      identity,
    },
    context,
  );
};

export const changeDisplayName: Run<ChangeDisplayName> = (dependencies, command) =>
  run(dependencies, command, (account) => decideUpdateProfile(account, { displayName: command.displayName }));

/** Claims the new name, settles the claim on the account, and releases the old name. */
export const changeUsername: Run<ChangeUsername> = async (dependencies, command) => {
  const { target, username, context } = command;
  const givenBy = nameGiverOf(context.actor);
  const key = usernameKey(dependencies.indexKeys, target.organizationId, username.canonical);
  const before = (await loadAccount(dependencies.store, target.userId)).state;
  if (before.username?.usernameKey === key && before.organizationId === target.organizationId)
    return run(dependencies, command, () => ({ events: [], outcome: { kind: 'done' } }));
  return claimAndSettle(dependencies, command, {
    thing: claimableUsername(usernameStream(key)),
    taken: 'username_taken',
    decide: (account, claimId) =>
      decideChangeUsername(account, { claimId, usernameKey: key, username: username.username, givenBy }),
  });
};

/** Whoever gives the command gives the name; only administrators, and clients that act for them, vouch for it (L31). */
const nameGiverOf = ({ type }: Actor): NameGiver =>
  type === 'admin' || type === 'client' ? { by: 'administrator' } : { by: 'self' };

export const addEmail: Run<AddEmail> = (dependencies, command) =>
  run(dependencies, command, (account) => decideAddEmail(account, command.email));

/** Claims the address that waits for its mail, settles the claim on the account, and releases the one before it. */
export const verifyEmail: Run<VerifyEmail> = async (dependencies, command) => {
  const { target, emailId } = command;
  const { state } = await loadAccount(dependencies.store, target.userId);
  if (state.verifiedEmail?.emailId === emailId)
    return run(dependencies, command, () => ({ events: [], outcome: { kind: 'done' } }));
  const waiting =
    state.unverifiedEmail?.emailId === emailId ? parseEmailAddress(state.unverifiedEmail.address) : undefined;
  if (waiting?.kind !== 'ok') return refuse('email_verification_invalid');
  const { address, canonical, domain } = waiting;
  const emailKey = verifiedEmailKey(dependencies.indexKeys, target.organizationId, canonical);
  return claimAndSettle(dependencies, command, {
    thing: claimableEmail(verifiedEmailStream(emailKey)),
    taken: 'email_taken',
    decide: (account, claimId) =>
      decideVerifyEmail(account, { claimId, emailKey, emailId, address, domain, proof: { method: 'mail_loop' } }),
  });
};

export const setPassword: Run<SetPassword> = async (dependencies, command) => {
  const rules = await dependencies.rules(command.target.organizationId);
  const passwordHash = await dependencies.passwords.hash(command.password);
  const { keptSessionId } = command;
  return run(dependencies, command, (account) => decideSetPassword(account, { passwordHash, keptSessionId }, rules));
};

export const removePassword: Run<RemovePassword> = async (dependencies, command) => {
  const rules = await dependencies.rules(command.target.organizationId);
  const { keptSessionId } = command;
  return run(dependencies, command, (account) => decideRemovePassword(account, { keptSessionId }, rules));
};

export const recoverAccount: Run<RecoverAccount> = async (dependencies, command) => {
  const { target, emailId } = command;
  const rules = await dependencies.rules(target.organizationId);
  const passwordHash = await dependencies.passwords.hash(command.password);
  const executed = await run(dependencies, command, (account) =>
    decideRecoverAccount(account, { emailId, passwordHash }, rules),
  );
  if (executed.outcome.kind === 'done') await dependencies.mailTokens.revokeAll(target.userId);
  await releaseUnlinked(dependencies, executed, command.context);
  return executed;
};

export const reviewSignInMethods: Run<ReviewSignInMethods> = async (dependencies, command) => {
  const executed = await run(dependencies, command, (account) => decideReviewSignInMethods(account, command.answers));
  await releaseUnlinked(dependencies, executed, command.context);
  return executed;
};

/** Frees the identities that were unlinked; when this process dies before, whoever meets them next does. */
const releaseUnlinked = async (
  dependencies: UsersDependencies,
  { stored }: Pick<Executed<AccountOutcome, UserStreamEvent>, 'stored'>,
  context: CommandContext,
): Promise<void> => {
  const claims = new Claims(dependencies);
  for (const event of stored) {
    if (event.type !== 'ExternalIdentityUnlinked') continue;
    const { identityKey, claimId } = event.data;
    await claims.release(claimableExternalIdentity(externalIdentityStream(identityKey)), claimId, context);
  }
};

export const deactivateUser: Run<DeactivateUser> = (dependencies, command) =>
  run(dependencies, command, decideDeactivate, { onlyActive: false });
export const reactivateUser: Run<ReactivateUser> = (dependencies, command) =>
  run(dependencies, command, decideReactivate, { onlyActive: false });
export const grantRole: Run<GrantRole> = (dependencies, command) =>
  run(dependencies, command, (account) => decideGrantRole(account, command.role), { onlyActive: false });
export const revokeRole: Run<RevokeRole> = (dependencies, command) =>
  run(dependencies, command, (account) => decideRevokeRole(account, command.role), { onlyActive: false });

interface Settling {
  readonly thing: Claimable;
  readonly taken: 'username_taken' | 'email_taken';
  readonly decide: (account: Account, claimId: string) => AccountDecision;
}

const MAX_ATTEMPTS = 20;

/** The claim protocol for a name of an existing account: claim, settle on the account, release what was held before. */
const claimAndSettle = async (
  dependencies: UsersDependencies,
  command: AccountCommand,
  { thing, taken, decide }: Settling,
): Promise<AccountResult> => {
  const { target, context } = command;
  const claims = new Claims(dependencies);
  for (let tries = 0; tries < MAX_ATTEMPTS; tries += 1) {
    const claimed = await unlessErased(claims.claimIfFree(thing, target.userId, context));
    if (!claimed) return refuse('account_not_active');
    if (claimed.kind === 'owned' && claimed.userId !== target.userId) return refuse(taken);
    let before: Account | undefined;
    const executed = await run(dependencies, command, (account) => {
      before = account;
      return decide(account, claimed.claimId);
    });
    const { outcome } = executed;
    if (outcome.kind === 'done') {
      // What the account held of the kind: it has one username and one verified address at most.
      const old = before && heldBy(before).find((held) => categoryOf(held.thing.stream) === categoryOf(thing.stream));
      if (old && old.claimId !== claimed.claimId) await claims.release(old.thing, old.claimId, context);
      // A repeated command has decided without this claim.
      if (executed.stored.length === 0 && claimed.kind === 'claimed')
        await claims.giveUp(thing, { claimId: claimed.claimId, ownerId: target.userId }, context);
      return executed;
    }
    if (claimed.kind === 'claimed')
      await claims.giveUp(thing, { claimId: claimed.claimId, ownerId: target.userId }, context);
    if (outcome.code !== 'claim_abandoned') return executed;
  }
  return refuse('claim_abandoned');
};
