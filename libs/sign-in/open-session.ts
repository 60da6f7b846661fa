import { loadAccount } from '#libs/users/queries/load-account.js';
import { hasCountingLink, maySignIn, methodsOnHold } from '#libs/users/state.js';
import type { AccountSeen } from '#libs/users/state.js';
import { userActivityStream } from '#libs/users/streams.js';
import { appendUnconditionally } from '#libs/event-store/command-execution.js';
import type { CommandContext } from '#libs/event-store/event-metadata.js';
import type { EventStore } from '#libs/event-store/event-store.js';
import type { SessionAtProvider } from '#libs/identity-providers/verified-assertion.js';
import type { GrantEvent } from '#libs/openid-provider/events.js';
import type { Clock } from '#libs/platform/clock.js';
import { unlessErased } from '#libs/privacy/subject-keys.js';
import type { BrowserSessions } from './browser-sessions.js';
import type { ActivityEvent } from './events.js';
import type { SessionsAtProviders } from './sessions-at-providers.postgres.js';

/** What the login table decided from, for the audit trail. */
export interface DecisionInputs {
  readonly row: string;
  readonly policyRevision: string;
  readonly assertedEmail?: string | undefined;
  readonly assertedEmailVerified?: boolean | undefined;
  readonly assertedUsername?: string | undefined;
}

/** By what the person was recognized. */
export type SignInMethod =
  | {
      readonly kind: 'external_identity';
      readonly providerId: string;
      readonly claimId: string;
      readonly atProvider?: SessionAtProvider | undefined;
      readonly decision: DecisionInputs;
    }
  | { readonly kind: 'password' };

export interface OpenSessionRequest {
  readonly userId: string;
  readonly organizationId: string;
  readonly method: SignInMethod;
  /** Where the account stood when the person was recognized. */
  readonly account: AccountSeen;
  readonly lifetimeS: number;
  readonly acr?: string | undefined;
  readonly amr: readonly string[];
  readonly context: CommandContext;
}

export interface OpenSessionDependencies {
  readonly store: EventStore;
  readonly sessions: Pick<BrowserSessions, 'insertPending' | 'end'>;
  readonly sessionsAtProviders: Pick<SessionsAtProviders, 'record'>;
  readonly clock: Clock;
  /** Whether an event that may take something away from this user waits to be applied to what is read about them. */
  readonly isDenied: (userId: string) => Promise<boolean>;
}

export type OpenedSession =
  | {
      readonly kind: 'opened';
      readonly sessionId: string;
      readonly position: bigint;
      /** A recovery put sign-in methods on hold that the owner has not looked at yet (L32). */
      readonly isReviewDue: boolean;
    }
  /** The account or the credential was taken away while the sign-in was in flight. Answered like an unknown user. */
  | { readonly kind: 'refused'; readonly code: 'account_not_found' };

/**
 * Sign-in against revocation (domain.md): the session is inserted as pending, its events are stored, the user's stream
 * is read again at the leader, and only then may the caller activate it. A revocation stores its event first and ends
 * pending and active sessions after, so that one of the two always sees the other. When an event cannot be stored this
 * throws, and the pending session never becomes active.
 */
export const openSession = async (
  { store, sessions, sessionsAtProviders, clock, isDenied }: OpenSessionDependencies,
  request: OpenSessionRequest,
): Promise<OpenedSession> => {
  const { userId, organizationId, method, account, lifetimeS, acr, amr, context } = request;
  const authTime = clock();
  const claimId = method.kind === 'external_identity' ? method.claimId : undefined;
  const { sessionId } = await sessions.insertPending({
    userId,
    organizationId,
    ...(claimId === undefined ? {} : { claimId }),
    method: method.kind === 'external_identity' ? 'external' : 'password',
    accountRevision: account.revision,
    lifetimeS,
    authTime,
    ...(acr === undefined ? {} : { acr }),
    amr,
    ...context.source,
  });
  if (method.kind === 'external_identity' && method.atProvider)
    await sessionsAtProviders.record({ sessionId, userId, lifetimeS }, method.atProvider);
  const stored = await unlessErased(appendActivity(store, userId, loginEvents(sessionId, method, authTime), context));
  if (!stored) {
    await sessions.end({ sessionId }, 'account_erased');
    return { kind: 'refused', code: 'account_not_found' };
  }
  const { state } = await loadAccount(store, userId);
  const stillHeld = claimId === undefined || hasCountingLink(state, claimId);
  const mayNow = maySignIn(state, organizationId) && stillHeld && state.credentialEpoch === account.credentialEpoch;
  if (mayNow && !(await isDenied(userId)))
    return { kind: 'opened', sessionId, position: stored.position, isReviewDue: methodsOnHold(state).length > 0 };
  await sessions.end({ sessionId }, 'refused_after_revocation');
  await appendActivity(
    store,
    userId,
    [{ type: 'SessionEnded', data: { sessionId, reason: 'refused_after_revocation' } }],
    context,
  );
  return { kind: 'refused', code: 'account_not_found' };
};

const loginEvents = (sessionId: string, method: SignInMethod, authTime: Date): readonly ActivityEvent[] => {
  const authenticatedAt = authTime.toISOString();
  if (method.kind === 'password')
    return [
      { type: 'LoginSucceeded', data: { sessionId, method: 'password' } },
      { type: 'SessionStarted', data: { sessionId, authenticatedAt } },
    ];
  const { providerId, claimId, decision } = method;
  return [
    { type: 'LoginSucceeded', data: { sessionId, method: 'external_identity', providerId, claimId, ...decision } },
    { type: 'SessionStarted', data: { sessionId, claimId, authenticatedAt } },
  ];
};

/** Stores what a person did. No state decides it, so it goes to wherever the stream stands. */
export const appendActivity = (
  store: EventStore,
  userId: string,
  events: readonly (ActivityEvent | GrantEvent)[],
  context: CommandContext,
): Promise<{ readonly position: bigint }> =>
  appendUnconditionally(store, { stream: userActivityStream(userId), events, context, subject: userId });
