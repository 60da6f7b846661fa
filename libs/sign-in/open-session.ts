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
import type { Authentication, BrowserSessions } from './browser-sessions.js';
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
      /** When the person authenticated there, by the provider's word; none: nobody knows. */
      readonly authenticatedAt?: Date | undefined;
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

interface SignInStep<Step extends keyof BrowserSessions> {
  readonly store: EventStore;
  readonly sessions: Pick<BrowserSessions, Step | 'end'>;
  readonly sessionsAtProviders: Pick<SessionsAtProviders, 'record'>;
  readonly clock: Clock;
  /** Whether an event that may take something away from this user waits to be applied to what is read about them. */
  readonly isDenied: (userId: string) => Promise<boolean>;
}
export type OpenSessionDependencies = SignInStep<'insertPending'>;

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
  dependencies: OpenSessionDependencies,
  request: OpenSessionRequest,
): Promise<OpenedSession> => {
  const { userId, organizationId, account, context } = request;
  const by = authenticationOf(request, dependencies.clock());
  const { sessionId } = await dependencies.sessions.insertPending({
    userId,
    organizationId,
    accountRevision: account.revision,
    ...by,
    ...context.source,
  });
  return settleSignIn(dependencies, request, { sessionId, by, type: 'SessionStarted' });
};

export type RenewedSession =
  | Exclude<OpenedSession, { kind: 'opened' }>
  | {
      readonly kind: 'renewable';
      readonly by: Authentication;
      readonly position: bigint;
      readonly isReviewDue: boolean;
    }
  /** The session that was to be renewed is over: there is nothing to renew. */
  | { readonly kind: 'over' };

/**
 * The same person signs in again in the browser of a session: as {@link openSession}, with the session that there is.
 * It is marked with the link, its events are stored, the user's stream is read again, and only then may the caller
 * renew it. Whatever took the account or the credential away meanwhile ends it.
 */
export const renewSession = async (
  dependencies: SignInStep<'prepareRenewal'>,
  request: OpenSessionRequest,
  sessionId: string,
): Promise<RenewedSession> => {
  const by = authenticationOf(request, dependencies.clock());
  if (!(await dependencies.sessions.prepareRenewal(sessionId, by.claimId))) return { kind: 'over' };
  const settled = await settleSignIn(dependencies, request, { sessionId, by, type: 'SessionRenewed' });
  return settled.kind === 'opened' ? { ...settled, kind: 'renewable', by } : settled;
};

/** When the person authenticated is the provider's word, or now for a password. */
export const authenticatedAt = (method: SignInMethod, now: Date): Date | undefined =>
  method.kind === 'password' ? now : method.authenticatedAt;

const authenticationOf = ({ method, acr, amr, lifetimeS }: OpenSessionRequest, now: Date): Authentication => {
  const authTime = authenticatedAt(method, now);
  return {
    ...(method.kind === 'external_identity' ? { claimId: method.claimId } : {}),
    method: method.kind === 'external_identity' ? 'external' : 'password',
    lifetimeS,
    ...(authTime ? { authTime } : {}),
    ...(acr === undefined ? {} : { acr }),
    amr,
  };
};

/** A sign-in whose session stands ready, and what it is going to be. */
interface Begun {
  readonly sessionId: string;
  readonly by: Authentication;
  readonly type: 'SessionStarted' | 'SessionRenewed';
}

/** Stores the events of a sign-in, and looks at the account again. */
const settleSignIn = async (
  { store, sessions, sessionsAtProviders, isDenied }: SignInStep<'end'>,
  { userId, organizationId, method, account, context }: OpenSessionRequest,
  begun: Begun,
): Promise<OpenedSession> => {
  const { sessionId } = begun;
  const { claimId, lifetimeS } = begun.by;
  if (method.kind === 'external_identity' && method.atProvider)
    await sessionsAtProviders.record({ sessionId, userId, lifetimeS }, method.atProvider);
  const stored = await unlessErased(appendActivity(store, userId, loginEvents(begun, method), context));
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

const loginEvents = ({ sessionId, by, type }: Begun, method: SignInMethod): readonly ActivityEvent[] => {
  const at = by.authTime && { authenticatedAt: by.authTime.toISOString() };
  if (method.kind === 'password')
    return [
      { type: 'LoginSucceeded', data: { sessionId, method: 'password' } },
      { type, data: { sessionId, ...at } },
    ];
  const { providerId, claimId, decision } = method;
  return [
    { type: 'LoginSucceeded', data: { sessionId, method: 'external_identity', providerId, claimId, ...decision } },
    { type, data: { sessionId, claimId, ...at } },
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
