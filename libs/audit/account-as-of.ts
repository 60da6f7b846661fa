import type { EmailProof, NameGiver, Role } from '#libs/users/events.js';
import { accountFold, counts } from '#libs/users/state.js';
import type { Account, AccountStatus, UserStreamEvent } from '#libs/users/state.js';
import type { EventOf } from '#libs/event-store/event-definition.js';
import type { RecordedEvent } from '#libs/event-store/recorded-event.js';
import type { externalIdentityLinked } from '#libs/users/link-events.js';
import { withErasedMarked } from './entry.js';

/** An event, as what an account shows came to be by it. */
export interface Since {
  readonly position: string;
  /** ISO 8601, UTC. */
  readonly occurredAt: string;
}

export interface ShownEmail {
  readonly address: string | null;
  readonly verified: boolean;
  /** How it was verified; none for one that is not. */
  readonly proof: EmailProof | null;
  /** The provider that asserted it, where nobody has verified it and the person did not give it. */
  readonly assertedBy: string | null;
  readonly since: Since;
}

type Linked = EventOf<typeof externalIdentityLinked>['data'];

/** A live link with its provenance (U3). */
export interface ShownLink {
  readonly claimId: string;
  readonly providerId: string;
  readonly issuer: string;
  readonly subject: string | null;
  readonly nameAtProvider: string | null;
  readonly provenance: Linked['provenance'];
  /** A recovery came after it, and the owner had not kept it yet: it was no sign-in method (L32). */
  readonly onHold: boolean;
  readonly since: Since;
}

/** A way to sign in that counts, by its kind: never what it holds. */
export type ShownCredential =
  | { readonly kind: 'password'; readonly since: Since }
  | { readonly kind: 'external_identity'; readonly claimId: string; readonly since: Since };

/** An account, as it was. Values that were erased since read `erased`. */
export interface AccountAsOf {
  readonly status: AccountStatus;
  readonly organizationId: string | null;
  readonly createdAt: string | null;
  readonly profile: {
    readonly displayName: string | null;
    readonly givenName: string | null;
    readonly familyName: string | null;
  };
  readonly username: string | null;
  /** Who gave the username; none where there is no username. */
  readonly usernameGivenBy: NameGiver | null;
  readonly emails: readonly ShownEmail[];
  readonly links: readonly ShownLink[];
  readonly credentials: readonly ShownCredential[];
  readonly roles: readonly { readonly role: Role; readonly since: Since }[];
}

interface Folded {
  /** What the account holds is decided by its one fold; the rest here is only told. */
  readonly account: Account;
  readonly created: Since | undefined;
  readonly profile: AccountAsOf['profile'];
  readonly asserted: ShownEmail | undefined;
  readonly linked: ReadonlyMap<string, Omit<ShownLink, 'onHold'>>;
  /** Since when the account has what it has, by what that is. */
  readonly since: ReadonlyMap<string, Since>;
}

const nothing: Folded = {
  account: accountFold.initial,
  created: undefined,
  profile: { displayName: null, givenName: null, familyName: null },
  asserted: undefined,
  linked: new Map(),
  since: new Map(),
};

const thingsOf = ({ verifiedEmail, unverifiedEmail, passwordHash, roles }: Account): readonly string[] => [
  ...(verifiedEmail ? [`verified ${verifiedEmail.claimId}`] : []),
  ...(unverifiedEmail ? [`unverified ${unverifiedEmail.emailId}`] : []),
  ...(passwordHash === undefined ? [] : ['password']),
  ...[...roles].map((role) => `role ${role}`),
];

const evolve = (before: Folded, recorded: RecordedEvent<UserStreamEvent>): Folded => {
  const event = withErasedMarked(recorded);
  const now: Since = { position: recorded.position.toString(), occurredAt: recorded.metadata.occurredAt };
  const account = accountFold.evolve(before.account, event, recorded);
  const isNewPassword = event.type === 'PasswordSet';
  const since = new Map(
    thingsOf(account).map((thing) => [
      thing,
      isNewPassword && thing === 'password' ? now : (before.since.get(thing) ?? now),
    ]),
  );
  const after = { ...before, account, since };
  switch (event.type) {
    case 'UserProvisioned': {
      const { displayName = null, givenName = null, familyName = null, email, providerId } = event.data;
      const asserted =
        email === undefined
          ? undefined
          : { address: email, verified: false, proof: null, assertedBy: providerId, since: now };
      return { ...after, created: now, profile: { displayName, givenName, familyName }, asserted };
    }
    case 'UserRegistered':
      return { ...after, created: now, profile: { ...before.profile, displayName: event.data.displayName ?? null } };
    case 'ProfileUpdated': {
      const { displayName = null, givenName = null, familyName = null } = event.data;
      return { ...after, profile: { displayName, givenName, familyName } };
    }
    case 'ExternalIdentityLinked': {
      const { claimId, providerId, issuer, subject = null, nameAtProvider = null, provenance } = event.data;
      const link = { claimId, providerId, issuer, subject, nameAtProvider, provenance, since: now };
      return before.linked.has(claimId) ? after : { ...after, linked: new Map(before.linked).set(claimId, link) };
    }
    default:
      return after;
  }
};

const emailsOf = ({ account: { verifiedEmail, unverifiedEmail }, asserted, since }: Folded): readonly ShownEmail[] => {
  const of = (thing: string, address: string | undefined): Omit<ShownEmail, 'verified' | 'proof'> => ({
    address: address ?? null,
    assertedBy: null,
    since: since.get(thing) as Since,
  });
  const main = verifiedEmail
    ? { ...of(`verified ${verifiedEmail.claimId}`, verifiedEmail.address), verified: true, proof: verifiedEmail.proof }
    : asserted;
  const other = unverifiedEmail && {
    ...of(`unverified ${unverifiedEmail.emailId}`, unverifiedEmail.address),
    verified: false,
    proof: null,
  };
  return [main, other].filter((email) => email !== undefined);
};

/** Folds a prefix of a user's stream to the account as it was behind it. Pure. */
export const accountAsOf = (events: readonly RecordedEvent<UserStreamEvent>[]): AccountAsOf => {
  const folded = events.reduce(evolve, nothing);
  const { account, created, profile, linked, since } = folded;
  // An erasure releases what the account held, from its first step on.
  const isReleased = account.status === 'erasing' || account.status === 'erased';
  const links = isReleased
    ? []
    : account.links.flatMap((link): readonly ShownLink[] => {
        const shown = linked.get(link.claimId);
        return shown ? [{ ...shown, onHold: !counts(link) }] : [];
      });
  const password = isReleased ? undefined : since.get('password');
  return {
    status: account.status,
    organizationId: account.organizationId ?? null,
    createdAt: created?.occurredAt ?? null,
    profile,
    username: account.username?.username ?? null,
    usernameGivenBy: account.username?.givenBy ?? null,
    emails: emailsOf(folded),
    links,
    credentials: [
      ...(password ? [{ kind: 'password', since: password } as const] : []),
      ...links
        .filter(({ onHold }) => !onHold)
        .map(
          ({ claimId, since: linkedSince }) => ({ kind: 'external_identity', claimId, since: linkedSince }) as const,
        ),
    ],
    roles: [...account.roles].map((role) => ({ role, since: since.get(`role ${role}`) as Since })),
  };
};
