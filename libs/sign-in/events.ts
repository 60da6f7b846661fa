import { z } from 'zod';
import { defineEvent, personal } from '#libs/event-store/event-definition.js';
import type { EventOf } from '#libs/event-store/event-definition.js';

/** What the decision saw, so that a changed policy can be run over history (U4). */
const decisionInputs = {
  /** The row of the login table that matched; none for a password. */
  row: z.string().optional(),
  policyRevision: z.string().optional(),
  assertedEmail: personal(z.string()),
  assertedEmailVerified: personal(z.boolean()),
  assertedUsername: personal(z.string()),
};

/** On `userActivity-<id>`: a person proved to be this user. Stored before any session of it is active (invariant 5). */
export const loginSucceeded = defineEvent('LoginSucceeded', {
  sessionId: z.string(),
  method: z.enum(['external_identity', 'password']),
  /** Through which provider and which link; none for a password. */
  providerId: z.string().optional(),
  claimId: z.uuid().optional(),
  ...decisionInputs,
});

/** On `userActivity-<id>`, in one batch with its login. */
export const sessionStarted = defineEvent('SessionStarted', {
  sessionId: z.string(),
  /** The link that opened the session, which ends with it; none for a password. */
  claimId: z.uuid().optional(),
  /** When the person authenticated. ISO 8601, UTC; none: nobody knows, since the provider does not say it. */
  authenticatedAt: z.iso.datetime().optional(),
});

/**
 * On `userActivity-<id>`, in one batch with its login: the person of a session signed in again in the same browser. The
 * session and its grants stay; from here on it goes back to this authentication.
 */
export const sessionRenewed = defineEvent('SessionRenewed', {
  sessionId: z.string(),
  /** The link that renewed the session, which ends with it as with the one that opened it; none for a password. */
  claimId: z.uuid().optional(),
  /** As of `SessionStarted`. */
  authenticatedAt: z.iso.datetime().optional(),
});

export const sessionEnded = defineEvent(
  'SessionEnded',
  {
    sessionId: z.string(),
    reason: z.enum([
      'signed_out_at_provider',
      'signed_out',
      'ended_by_user',
      'replaced',
      'identity_unlinked',
      'password_changed',
      'account_recovered',
      'account_deactivated',
      'account_erased',
      'refused_after_revocation',
    ]),
  },
  // Before version 2 no provider was heard that said that somebody left.
  [(data) => data],
);

/**
 * On `signInAttempts-<key>`: an identity was proven at its provider, and the table refused it; or a password did not
 * fit. Never decides an answer (L29).
 */
export const loginFailed = defineEvent('LoginFailed', {
  code: z.string(),
  /** None for a password. */
  providerId: z.string().optional(),
  ...decisionInputs,
});

/**
 * On `signInAttempts-<key>`: a first sign-in through a provider met a page that offers to link it to an account (rows
 * 3, 3′ and 5).
 */
export const linkOffered = defineEvent('LinkOffered', { providerId: z.string(), ...decisionInputs });
/** On `signInAttempts-<key>`: the person chose something else. */
export const linkDeclined = defineEvent('LinkDeclined', { providerId: z.string() });

export const activityEvents = [loginSucceeded, sessionStarted, sessionRenewed, sessionEnded] as const;
export const attemptEvents = [loginFailed, linkOffered, linkDeclined] as const;
export type SessionEndReason = EventOf<typeof sessionEnded>['data']['reason'];
export type ActivityEvent = EventOf<(typeof activityEvents)[number]>;
export type AttemptEvent = EventOf<(typeof attemptEvents)[number]>;
