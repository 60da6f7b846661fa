import { z } from 'zod';
import { defineEvent, personal } from '#libs/event-store/event-definition.js';
import type { EventOf } from '#libs/event-store/event-definition.js';

/** What the decision saw, so that a changed policy can be run over history (U4). */
const decisionInputs = {
  /** The row of the login table that matched. */
  row: z.string(),
  policyRevision: z.string(),
  assertedEmail: personal(z.string()),
  assertedEmailVerified: personal(z.boolean()),
  assertedUsername: personal(z.string()),
};

/** On `userActivity-<id>`: a person proved to be this user. Stored before any session of it is active (invariant 5). */
export const loginSucceeded = defineEvent('LoginSucceeded', {
  sessionId: z.string(),
  method: z.literal('external_identity'),
  providerId: z.string(),
  claimId: z.uuid(),
  ...decisionInputs,
});

/** On `userActivity-<id>`, in one batch with its login. */
export const sessionStarted = defineEvent('SessionStarted', {
  sessionId: z.string(),
  /** The link that opened the session; the session ends with it. */
  claimId: z.uuid(),
  /** ISO 8601, UTC. */
  authenticatedAt: z.iso.datetime(),
});

export const sessionEnded = defineEvent('SessionEnded', {
  sessionId: z.string(),
  reason: z.enum(['signed_out', 'replaced', 'identity_unlinked', 'refused_after_revocation']),
});

/** On `signInAttempts-<key>`: an identity was proven at its provider, and the table refused it. Never decides an answer (L29). */
export const loginFailed = defineEvent('LoginFailed', {
  code: z.string(),
  providerId: z.string(),
  ...decisionInputs,
});

export const activityEvents = [loginSucceeded, sessionStarted, sessionEnded] as const;
export const attemptEvents = [loginFailed] as const;
export type ActivityEvent = EventOf<(typeof activityEvents)[number]>;
export type AttemptEvent = EventOf<(typeof attemptEvents)[number]>;
