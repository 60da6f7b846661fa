import { z } from 'zod';
import { defineEvent, personal, secret } from '#libs/event-store/event-definition.js';
import type { EventOf } from '#libs/event-store/event-definition.js';

const claimed = {
  claimId: z.uuid(),
  /** The user's opaque id, in plain, so that it can be read after an erasure. */
  ownerId: z.uuid(),
  /** From then on anybody may abandon the claim if it is not settled. ISO 8601, UTC. */
  deadline: z.iso.datetime(),
};

/**
 * On `username-<key>`: somebody is about to be called so. The owner's stream settles what became of it, as for an
 * external identity.
 */
export const usernameReserved = defineEvent('UsernameReserved', claimed);
export const usernameReleased = defineEvent('UsernameReleased', { claimId: z.uuid() });
/** On `verifiedEmail-<key>`: somebody is about to own this verified e-mail address. */
export const emailReserved = defineEvent('EmailReserved', claimed);
export const emailReleased = defineEvent('EmailReleased', { claimId: z.uuid() });

/**
 * A user was created just in time, at the first sign-in through an external identity provider (C2). First event of its
 * stream.
 */
export const userProvisioned = defineEvent('UserProvisioned', {
  /** The organization that the user belongs to, for ever. */
  organizationId: z.string(),
  /** The provider whose assertion the profile was taken from. */
  providerId: z.string(),
  displayName: personal(z.string()),
  givenName: personal(z.string()),
  familyName: personal(z.string()),
  /** As the provider asserted it; nobody has verified it for Ligature, and nothing is matched by it. */
  email: personal(z.string()),
});

/** A person created the account by hand. First event of its stream; what else they gave follows in the same batch. */
export const userRegistered = defineEvent('UserRegistered', {
  organizationId: z.string(),
  displayName: personal(z.string()),
});

export const profileUpdated = defineEvent('ProfileUpdated', {
  /** The provider whose assertion the profile was taken from; none: the person typed it. */
  providerId: z.string().optional(),
  displayName: personal(z.string()),
  givenName: personal(z.string()),
  familyName: personal(z.string()),
});

/**
 * Who gave a user their username. Only a provider that is authoritative for usernames, and an administrator, vouch for
 * it: a name that people chose themselves says nothing about who they are (security row L31).
 */
export const nameGiver = z.discriminatedUnion('by', [
  /** Asserted by this provider, which was authoritative for usernames then, and taken over unchanged. */
  z.strictObject({ by: z.literal('provider'), providerId: z.string() }),
  z.strictObject({ by: z.literal('administrator') }),
  z.strictObject({ by: z.literal('self') }),
]);

/** Settles a claim: from now on this username is the user's; an earlier one is given up. */
export const usernameChanged = defineEvent('UsernameChanged', {
  claimId: z.uuid(),
  /** The id of the username's stream. */
  usernameKey: z.string(),
  username: personal(z.string()),
  /** Events from before this was recorded: `self`. */
  givenBy: nameGiver.optional(),
});

/** An address was put on the account. Nobody has verified it: nothing is matched by it, and a later one replaces it. */
export const emailAdded = defineEvent('EmailAdded', {
  emailId: z.uuid(),
  address: personal(z.string()),
});

/**
 * How an address was proven: by a mail that came back, or by a provider that the policy trusts for the address's domain
 * (L5, L12).
 */
export const emailProof = z.discriminatedUnion('method', [
  z.strictObject({ method: z.literal('mail_loop') }),
  z.strictObject({ method: z.literal('provider'), providerId: z.string(), policyRevision: z.string() }),
]);

const verifiedEmail = {
  claimId: z.uuid(),
  /** The id of the address's stream. */
  emailKey: z.string(),
  emailId: z.uuid(),
  address: personal(z.string()),
  /** Whose domain it is; kept in plain words under the subject's key, for the trust in providers by domain. */
  domain: personal(z.string()),
  proof: emailProof,
};

/** Settles a claim: the address is verified and the user's. The account had no verified one. */
export const emailVerified = defineEvent('EmailVerified', verifiedEmail);
/** The same, in the place of the one that the account had, whose claim is over. */
export const emailChanged = defineEvent('EmailChanged', verifiedEmail);

export const passwordSet = defineEvent('PasswordSet', {
  /** PHC string of argon2id (RFC 9106). */
  passwordHash: secret(z.string()),
  /** The session that stays, because the change was made in it; all others end. */
  keptSessionId: z.string().optional(),
});
/**
 * The same password, hashed with the parameters of today when its owner signed in by it. Nothing ends: no credential
 * changed.
 */
export const passwordRehashed = defineEvent('PasswordRehashed', { passwordHash: secret(z.string()) });
export const passwordRemoved = defineEvent('PasswordRemoved', { keptSessionId: z.string().optional() });

/**
 * Control of the verified e-mail was proven; every session, grant, pending change and unproven address from before is
 * void (L2–L4).
 */
export const accountRecovered = defineEvent('AccountRecovered', {
  emailId: z.uuid(),
  /**
   * Claim ids of the sign-in methods that were added since the address was last proven: they count for nothing until
   * the owner has looked at them (security row L32). None: there are none, or the event is from before they were held.
   */
  onHold: z.array(z.uuid()).optional(),
});

/**
 * The owner has looked at the sign-in methods that a recovery put on hold. Those kept count again; the rest is unlinked
 * in the same batch (security row L32).
 */
export const signInMethodsReviewed = defineEvent('SignInMethodsReviewed', {
  /** Claim ids. */
  kept: z.array(z.uuid()),
  removed: z.array(z.uuid()),
});

export const role = z.enum(['auditor', 'admin']);
/** Roles are held in the user's organization. */
export const roleGranted = defineEvent('RoleGranted', { role });
export const roleRevoked = defineEvent('RoleRevoked', { role });

export const userDeactivated = defineEvent('UserDeactivated', {});
export const userReactivated = defineEvent('UserReactivated', {});

/**
 * From now on nobody signs in; what the account held is released, its key destroyed, and `UserErased` says that it is
 * done.
 */
export const erasureStarted = defineEvent('ErasureStarted', {});
export const userErased = defineEvent('UserErased', {});

export const reservationEvents = [usernameReserved, usernameReleased, emailReserved, emailReleased] as const;
export const accountEvents = [
  userProvisioned,
  userRegistered,
  profileUpdated,
  usernameChanged,
  emailAdded,
  emailVerified,
  emailChanged,
  passwordSet,
  passwordRehashed,
  passwordRemoved,
  accountRecovered,
  signInMethodsReviewed,
  roleGranted,
  roleRevoked,
  userDeactivated,
  userReactivated,
  erasureStarted,
  userErased,
] as const;
export type ReservationEvent = EventOf<(typeof reservationEvents)[number]>;
export type AccountEvent = EventOf<(typeof accountEvents)[number]>;
export type Role = z.infer<typeof role>;
export type EmailProof = z.infer<typeof emailProof>;
export type NameGiver = z.infer<typeof nameGiver>;
