import type { Fold } from '#libs/event-store/command-execution.js';
import type { Revision } from '#libs/event-store/recorded-event.js';
import type { LinkEvent } from './link-events.js';
import type { AccountEvent, EmailProof, NameGiver, Role } from './events.js';

/**
 * What became of a claim, by the owner's stream: the first event naming it settles it; what was held ends once
 * (domain.md, "Two streams").
 */
export type ClaimSettlement = 'unsettled' | 'held' | 'abandoned' | 'over';

/** Everything that `user-<id>` holds. */
export type UserStreamEvent = AccountEvent | LinkEvent;

/**
 * How far the owner, as the reader of the account's verified address, answers for a sign-in method that was added to
 * the account:
 * - `precedes_proof`: added before the address was proven, by a user who may not have been its owner; a recovery
 *   revokes it (L3)
 * - `follows_proof`: added since; a recovery puts it on hold (L32)
 * - `on_hold`: a recovery came after it, and the owner has not reviewed it. It cannot sign in, prove or
 *   re-authenticate, and is not among the usable sign-in methods
 * - `kept`: the owner kept it in a review after a recovery
 */
export type Standing = 'precedes_proof' | 'follows_proof' | 'on_hold' | 'kept';

/** A sign-in method that is added to an account by claiming something that has one owner. */
export interface AddedMethod {
  readonly claimId: string;
  readonly standing: Standing;
}

export interface Link extends AddedMethod {
  readonly providerId: string;
  readonly identityKey: string;
}

export interface Username {
  readonly claimId: string;
  readonly usernameKey: string;
  /** Missing when it cannot be read any more: the subject was erased. */
  readonly username: string | undefined;
  readonly givenBy: NameGiver;
}

export interface VerifiedEmail {
  readonly claimId: string;
  readonly emailKey: string;
  readonly emailId: string;
  /** Missing when it cannot be read any more: the subject was erased. */
  readonly address: string | undefined;
  readonly domain: string | undefined;
  readonly proof: EmailProof;
}

/** `none`: the user does not exist; an id that only ever saw an abandoned claim is dead. */
export type AccountStatus = 'none' | 'active' | 'deactivated' | 'erasing' | 'erased';

/** The account: the fold of `user-<id>`, which every decision about a user is made from. */
export interface Account {
  readonly status: AccountStatus;
  /** The organization that the user belongs to, for ever; `undefined` until the user exists. */
  readonly organizationId: string | undefined;
  readonly displayName: string | undefined;
  readonly username: Username | undefined;
  readonly verifiedEmail: VerifiedEmail | undefined;
  /** The latest address that nobody has verified. */
  readonly unverifiedEmail: { readonly emailId: string; readonly address: string | undefined } | undefined;
  /** `''` when it cannot be read any more. */
  readonly passwordHash: string | undefined;
  /** Live links, in the order in which they were made; those on hold included. */
  readonly links: readonly Link[];
  /** Every identity that was ever linked, by key, with its provider: a recycled address brings another one (L15). */
  readonly everLinked: ReadonlyMap<string, string>;
  readonly roles: ReadonlySet<Role>;
  readonly settlements: ReadonlyMap<string, Exclude<ClaimSettlement, 'unsettled'>>;
  /**
   * Grows with every `PasswordSet`, `PasswordRemoved`, `AccountRecovered`: a sign-in in flight across one is refused.
   */
  readonly credentialEpoch: number;
  /** What ended all sessions whose sign-in did not know it, but for the one that it was done in. */
  readonly endings: readonly { readonly revision: bigint; readonly keptSessionId: string | undefined }[];
  /** What each command stored, by command id: a repeated command answers what was decided then. */
  readonly commands: ReadonlyMap<string, StoredCommand>;
}

export interface StoredCommand {
  /** Of the command's body, where it came with an `Idempotency-Key`. */
  readonly bodyHash: string | undefined;
  readonly events: readonly UserStreamEvent[];
}

const nobody: Account = {
  status: 'none',
  organizationId: undefined,
  displayName: undefined,
  username: undefined,
  verifiedEmail: undefined,
  unverifiedEmail: undefined,
  passwordHash: undefined,
  links: [],
  everLinked: new Map(),
  roles: new Set(),
  settlements: new Map(),
  credentialEpoch: 0,
  endings: [],
  commands: new Map(),
};

const withEntry = <K, V>(map: ReadonlyMap<K, V>, key: K, value: V): ReadonlyMap<K, V> => new Map(map).set(key, value);

/** Settles a claim, unless it is settled already: then what the event says of it did not happen. */
const hold = (account: Account, claimId: string, change: Partial<Account>): Account =>
  account.settlements.has(claimId)
    ? account
    : { ...account, ...change, settlements: withEntry(account.settlements, claimId, 'held') };

const giveUp = (account: Account, claimId: string | undefined): Account =>
  claimId === undefined ? account : { ...account, settlements: withEntry(account.settlements, claimId, 'over') };

const withStanding = (links: readonly Link[], of: (link: Link) => Standing): readonly Link[] =>
  links.map((link) => ({ ...link, standing: of(link) }));

const evolve = (account: Account, event: UserStreamEvent): Account => {
  switch (event.type) {
    case 'UserProvisioned':
    case 'UserRegistered':
      return {
        ...account,
        status: 'active',
        organizationId: event.data.organizationId,
        displayName: event.data.displayName,
      };
    case 'ProfileUpdated':
      return { ...account, displayName: event.data.displayName };
    case 'UsernameChanged': {
      const { claimId, usernameKey, username, givenBy = { by: 'self' } } = event.data;
      return hold(giveUp(account, account.username?.claimId), claimId, {
        username: { claimId, usernameKey, username, givenBy },
      });
    }
    case 'EmailAdded':
      return { ...account, unverifiedEmail: { emailId: event.data.emailId, address: event.data.address } };
    case 'EmailVerified':
    case 'EmailChanged': {
      const { claimId, emailKey, emailId, address, domain, proof } = event.data;
      const unverifiedEmail = account.unverifiedEmail?.emailId === emailId ? undefined : account.unverifiedEmail;
      const verifiedEmail = { claimId, emailKey, emailId, address, domain, proof };
      // What is on hold stays so: a proof of another address is no review.
      const links = withStanding(account.links, ({ standing }) =>
        standing === 'on_hold' ? standing : 'precedes_proof',
      );
      return hold(giveUp(account, account.verifiedEmail?.claimId), claimId, { verifiedEmail, unverifiedEmail, links });
    }
    case 'PasswordSet':
      return { ...account, passwordHash: event.data.passwordHash ?? '', credentialEpoch: account.credentialEpoch + 1 };
    case 'PasswordRehashed':
      return { ...account, passwordHash: event.data.passwordHash ?? '' };
    case 'PasswordRemoved':
      return { ...account, passwordHash: undefined, credentialEpoch: account.credentialEpoch + 1 };
    case 'AccountRecovered': {
      const { onHold = [] } = event.data;
      const links = withStanding(account.links, ({ claimId, standing }) =>
        onHold.includes(claimId) ? 'on_hold' : standing,
      );
      return { ...account, unverifiedEmail: undefined, links, credentialEpoch: account.credentialEpoch + 1 };
    }
    case 'SignInMethodsReviewed': {
      const { kept } = event.data;
      const links = withStanding(account.links, ({ claimId, standing }) =>
        kept.includes(claimId) ? 'kept' : standing,
      );
      return { ...account, links };
    }
    case 'RoleGranted':
      return { ...account, roles: new Set([...account.roles, event.data.role]) };
    case 'RoleRevoked':
      return { ...account, roles: new Set([...account.roles].filter((held) => held !== event.data.role)) };
    case 'UserDeactivated':
      return { ...account, status: 'deactivated' };
    case 'UserReactivated':
      return { ...account, status: 'active' };
    case 'ErasureStarted':
      return { ...account, status: 'erasing' };
    case 'UserErased':
      return { ...account, status: 'erased' };
    case 'ExternalIdentityLinked': {
      const { claimId, providerId, identityKey } = event.data;
      return hold(account, claimId, {
        links: [...account.links, { claimId, providerId, identityKey, standing: 'follows_proof' }],
        everLinked: withEntry(account.everLinked, identityKey, providerId),
      });
    }
    case 'ExternalIdentityUnlinked': {
      const { claimId } = event.data;
      if (account.settlements.get(claimId) !== 'held') return account;
      return { ...giveUp(account, claimId), links: account.links.filter((link) => link.claimId !== claimId) };
    }
    case 'ClaimAbandoned': {
      const { claimId } = event.data;
      return account.settlements.has(claimId)
        ? account
        : { ...account, settlements: withEntry(account.settlements, claimId, 'abandoned') };
    }
  }
};

const withEnding = (account: Account, event: UserStreamEvent, revision: bigint): Account => {
  switch (event.type) {
    case 'PasswordSet':
    case 'PasswordRemoved':
      return { ...account, endings: [...account.endings, { revision, keptSessionId: event.data.keptSessionId }] };
    case 'AccountRecovered':
    case 'UserDeactivated':
      return { ...account, endings: [...account.endings, { revision, keptSessionId: undefined }] };
    default:
      return account;
  }
};

export const accountFold: Fold<Account, UserStreamEvent> = {
  initial: nobody,
  evolve: (account, event, recorded) => {
    const after = withEnding(evolve(account, event), event, recorded.revision);
    // Anybody abandons claims, a command that goes on with another one included: it is not what that command decided.
    if (event.type === 'ClaimAbandoned') return after;
    const { commandId, bodyHash } = recorded.metadata;
    const earlier = account.commands.get(commandId)?.events ?? [];
    return { ...after, commands: withEntry(account.commands, commandId, { bodyHash, events: [...earlier, event] }) };
  },
};

/**
 * What became of a claim. An erasure ends all of them, also one that was never settled (a claim made before, met
 * after).
 */
export const settlementOf = (account: Account, claimId: string): ClaimSettlement => {
  const settled = account.settlements.get(claimId);
  if (account.status === 'erasing' || account.status === 'erased')
    return settled === 'abandoned' ? 'abandoned' : 'over';
  return settled ?? 'unsettled';
};

/** Whether a sign-in method that was added to the account counts: the one rule of what is on hold (L32). */
export const counts = ({ standing }: AddedMethod): boolean => standing !== 'on_hold';

/** The sign-in methods that a recovery put on hold and nobody has reviewed yet. */
export const methodsOnHold = ({ links }: Account): readonly Link[] => links.filter((link) => !counts(link));

/** Whether the account has this link, and it counts. */
export const hasCountingLink = ({ links }: Account, claimId: string): boolean =>
  links.some((link) => link.claimId === claimId && counts(link));

/**
 * Where an account stood when somebody was recognized as its owner: a revocation after this point is one during the
 * sign-in.
 */
export interface AccountSeen {
  /** Of the user's stream. */
  readonly revision: bigint;
  readonly credentialEpoch: number;
}

export const seenAt = ({ credentialEpoch }: Account, revision: Revision): AccountSeen => ({
  revision: revision === 'no_stream' ? -1n : revision,
  credentialEpoch,
});

/** A session of the account, as far as it decides whether a command given in it still counts. */
export interface SessionOfAccount {
  readonly sessionId: string;
  /** Of the user's stream, that the sign-in was decided from. */
  readonly accountRevision: bigint;
  /** The link that opened it, or renewed it last; none for a password. */
  readonly claimId?: string | undefined;
  /** Further links that it goes back to. */
  readonly furtherClaimIds?: readonly string[] | undefined;
}

/**
 * Whether something took the session away that its sign-in did not know: whoever stored that may not have come to end
 * it yet, and a command that was under way in it is no longer the owner's (domain.md, "Sign-in against revocation"; L2,
 * L20).
 */
export const isTakenAway = (
  account: Account,
  { sessionId, accountRevision, claimId, furtherClaimIds = [] }: SessionOfAccount,
): boolean =>
  account.endings.some(({ revision, keptSessionId }) => revision > accountRevision && keptSessionId !== sessionId) ||
  [claimId, ...furtherClaimIds].some((id) => id !== undefined && !hasCountingLink(account, id));

/** Whether the user exists. */
export const exists = (account: Account): boolean => account.status !== 'none';

/** Whether this user may sign in to this organization now. */
export const maySignIn = (account: Account, organizationId: string): boolean =>
  account.status === 'active' && account.organizationId === organizationId;
