import { claimableEmail, claimableUsername } from './claims/claimable.js';
import type { Claimable } from './claims/claimable.js';
import { Claims } from './claims/claims.js';
import type { ClaimsDependencies } from './claims/claims.js';
import type { CommandContext } from '#libs/event-store/event-metadata.js';
import type { Revision } from '#libs/event-store/recorded-event.js';
import type { LinkEvent } from './link-events.js';
import type { IndexKeys } from '#libs/privacy/index-key.js';
import type { AccountEvent, EmailProof, NameGiver } from './events.js';
import type { UserStreamEvent } from './state.js';
import { userStream, usernameKey, usernameStream, verifiedEmailKey, verifiedEmailStream } from './streams.js';

export interface NewUser {
  readonly organizationId: string;
  /** How the user comes to be. */
  readonly first: Extract<AccountEvent, { type: 'UserProvisioned' | 'UserRegistered' }>;
  readonly username?:
    { readonly username: string; readonly canonical: string; readonly givenBy: NameGiver } | undefined;
  /** A person who chose a name is told that it is taken; a name that a provider asserts is left out then. */
  readonly ifUsernameTaken: 'refuse' | 'leave_out';
  /** Without a proof the address is put on the account unverified, and reserves nothing. */
  readonly email?:
    | {
        readonly address: string;
        readonly canonical: string;
        readonly domain: string;
        readonly proof?: EmailProof | undefined;
      }
    | undefined;
  readonly passwordHash?: string | undefined;
  /** The external identity that the user begins with, seen free at this revision. */
  readonly identity?:
    | { readonly thing: Claimable; readonly freeAt: Revision; readonly linked: (claimId: string) => LinkEvent }
    | undefined;
}

export type CreatedUser =
  | {
      readonly kind: 'created';
      readonly userId: string;
      readonly position: bigint;
      readonly identityClaimId?: string;
      readonly emailId?: string;
    }
  | { readonly kind: 'refused'; readonly code: 'username_taken' }
  /** Somebody else claimed the identity first; decide again. Nothing is left behind. */
  | { readonly kind: 'overtaken' };

export interface CreateUserDependencies extends ClaimsDependencies {
  readonly indexKeys: IndexKeys;
}

/**
 * The one way in which a user comes to be: claims the username, the e-mail (left out when taken) and the identity for a
 * fresh user id, then settles them all in one batch on a stream that nobody has written to (domain.md, "Two streams, no
 * transaction").
 */
export const createUser = async (
  dependencies: CreateUserDependencies,
  user: NewUser,
  from: CommandContext,
): Promise<CreatedUser> => {
  const { store, newId, indexKeys } = dependencies;
  const { organizationId, first, username, email, passwordHash, identity } = user;
  const userId = newId();
  // The person is the actor of what is stored about them, so that their key protects it.
  const context: CommandContext = { ...from, organizationId, actor: { type: 'user', id: userId } };
  const claims = new Claims(dependencies);
  const held: { readonly thing: Claimable; readonly claimId: string }[] = [];
  const events: UserStreamEvent[] = [first];
  const undo = async (): Promise<void> => {
    for (const { thing, claimId } of held) await claims.giveUp(thing, { claimId, ownerId: userId }, context);
  };

  if (username) {
    const key = usernameKey(indexKeys, organizationId, username.canonical);
    const thing = claimableUsername(usernameStream(key));
    const claimed = await claims.claimIfFree(thing, userId, context);
    if (claimed.kind === 'claimed') {
      held.push({ thing, claimId: claimed.claimId });
      events.push({
        type: 'UsernameChanged',
        data: {
          claimId: claimed.claimId,
          usernameKey: key,
          username: username.username,
          givenBy: username.givenBy,
        },
      });
    } else if (user.ifUsernameTaken === 'refuse') return { kind: 'refused', code: 'username_taken' };
  }
  const emailId = email && newId();
  if (email && emailId) {
    const added: AccountEvent = { type: 'EmailAdded', data: { emailId, address: email.address } };
    const key = verifiedEmailKey(indexKeys, organizationId, email.canonical);
    const thing = claimableEmail(verifiedEmailStream(key));
    const claimed = email.proof ? await claims.claimIfFree(thing, userId, context) : undefined;
    if (!email.proof) events.push(added);
    else if (claimed?.kind === 'claimed') {
      const { claimId } = claimed;
      held.push({ thing, claimId });
      const { address, domain, proof } = email;
      events.push(added, { type: 'EmailVerified', data: { claimId, emailKey: key, emailId, address, domain, proof } });
    }
  }
  if (passwordHash !== undefined) events.push({ type: 'PasswordSet', data: { passwordHash } });
  let identityClaimId: string | undefined;
  if (identity) {
    identityClaimId = await claims.claim(identity.thing, identity.freeAt, userId, context);
    if (identityClaimId === undefined) {
      await undo();
      return { kind: 'overtaken' };
    }
    held.push({ thing: identity.thing, claimId: identityClaimId });
    events.push(identity.linked(identityClaimId));
  }

  const appended = await store.append({
    stream: userStream(userId),
    expectedRevision: 'no_stream',
    events,
    context,
    subject: userId,
  });
  if (appended.kind === 'conflict') {
    // Somebody abandoned one of the claims, and this user id is dead.
    await undo();
    return { kind: 'overtaken' };
  }
  return {
    kind: 'created',
    userId,
    position: appended.position,
    ...(identityClaimId === undefined ? {} : { identityClaimId }),
    ...(emailId === undefined ? {} : { emailId }),
  };
};
