import { userActivityStream } from '#libs/accounts/streams.js';
import { appendUnconditionally } from '#libs/event-store/command-execution.js';
import type { CommandContext } from '#libs/event-store/event-metadata.js';
import type { EventStore } from '#libs/event-store/event-store.js';
import { loadUserLinks } from '#libs/linking/queries/load-user-links.js';
import type { Clock } from '#libs/platform/clock.js';
import type { BrowserSessions } from './browser-sessions.js';
import type { ActivityEvent } from './events.js';

export interface OpenSessionRequest {
  readonly userId: string;
  readonly organizationId: string;
  readonly claimId: string;
  readonly providerId: string;
  readonly amr: readonly string[];
  /** What the login table decided from, for the audit trail. */
  readonly decision: {
    readonly row: string;
    readonly policyRevision: string;
    readonly assertedEmail?: string | undefined;
    readonly assertedEmailVerified?: boolean | undefined;
    readonly assertedUsername?: string | undefined;
  };
  readonly context: CommandContext;
}

export interface OpenSessionDependencies {
  readonly store: EventStore;
  readonly sessions: Pick<BrowserSessions, 'insertPending' | 'end'>;
  readonly clock: Clock;
}

export type OpenedSession =
  | { readonly kind: 'opened'; readonly sessionId: string; readonly position: bigint }
  /** The account or the link was taken away while the sign-in was in flight. Answered like an unknown user. */
  | { readonly kind: 'refused'; readonly code: 'account_not_found' };

/**
 * Sign-in against revocation (domain.md): the session is inserted as pending, its events are stored, the user's stream is read again at the
 * leader, and only then may the caller activate it. A revocation stores its event first and ends pending and active sessions after, so that
 * one of the two always sees the other. When an event cannot be stored this throws, and the pending session never becomes active.
 */
export const openSession = async (
  { store, sessions, clock }: OpenSessionDependencies,
  request: OpenSessionRequest,
): Promise<OpenedSession> => {
  const { userId, organizationId, claimId, providerId, context } = request;
  const authTime = clock();
  const { sessionId } = await sessions.insertPending({ userId, organizationId, claimId, method: 'external', authTime, amr: request.amr });
  const { position } = await appendActivity(
    store,
    userId,
    [
      { type: 'LoginSucceeded', data: { sessionId, method: 'external_identity', providerId, claimId, ...request.decision } },
      { type: 'SessionStarted', data: { sessionId, claimId, authenticatedAt: authTime.toISOString() } },
    ],
    context,
  );
  const { state } = await loadUserLinks(store, userId);
  const stillLinked = state.organizationId === organizationId && state.links.some((link) => link.claimId === claimId);
  if (stillLinked) return { kind: 'opened', sessionId, position };
  await sessions.end({ sessionId }, 'refused_after_revocation');
  await appendActivity(store, userId, [{ type: 'SessionEnded', data: { sessionId, reason: 'refused_after_revocation' } }], context);
  return { kind: 'refused', code: 'account_not_found' };
};

/** Stores what a person did. No state decides it, so it goes to wherever the stream stands. */
export const appendActivity = (
  store: EventStore,
  userId: string,
  events: readonly ActivityEvent[],
  context: CommandContext,
): Promise<{ readonly position: bigint }> =>
  appendUnconditionally(store, { stream: userActivityStream(userId), events, context, subject: userId });

/** Ends the sessions that a link opened, and stores that they ended. For the command that revokes the link, after its event. */
export const endSessionsOfClaim =
  ({ store, sessions }: Pick<OpenSessionDependencies, 'store' | 'sessions'>) =>
  async (userId: string, claimId: string, context: CommandContext): Promise<void> => {
    const ended = await sessions.end({ userId, claimId }, 'identity_unlinked');
    const events = ended.map(({ sessionId }): ActivityEvent => ({
      type: 'SessionEnded',
      data: { sessionId, reason: 'identity_unlinked' },
    }));
    if (events.length > 0) await appendActivity(store, userId, events, context);
  };
