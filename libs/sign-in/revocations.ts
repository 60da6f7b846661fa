import type { UserStreamEvent } from '#libs/users/state.js';
import type { Executed } from '#libs/event-store/command-execution.js';
import type { CommandContext } from '#libs/event-store/event-metadata.js';
import type { EventStore } from '#libs/event-store/event-store.js';
import type { BrowserSessions, SessionSelector } from './browser-sessions.js';
import type { ActivityEvent, SessionEndReason } from './events.js';
import { appendActivity } from './open-session.js';

/** An event of a user's stream, where it stands. */
export interface PlacedEvent {
  readonly event: UserStreamEvent;
  readonly revision: bigint;
}

interface Revocation {
  readonly where: SessionSelector;
  readonly reason: SessionEndReason;
}

/**
 * Which sessions an event on `user-<id>` ends (invariant 7, L2, L20). The command that stored it ends them before it
 * answers; the process manager does so again, since a process may die in between. Both may happen late and twice:
 * sessions whose sign-in knew the event stay.
 */
export const revocationOf = (userId: string, { event, revision }: PlacedEvent): Revocation | undefined => {
  const all = (reason: SessionEndReason, except?: string): Revocation => ({
    where: { userId, openedBefore: revision, except },
    reason,
  });
  switch (event.type) {
    case 'ExternalIdentityUnlinked':
      return { where: { userId, claimId: event.data.claimId }, reason: 'identity_unlinked' };
    case 'PasswordSet':
    case 'PasswordRemoved':
      return all('password_changed', event.data.keptSessionId);
    case 'AccountRecovered':
      return all('account_recovered');
    case 'UserDeactivated':
      return all('account_deactivated');
    case 'ErasureStarted':
      return all('account_erased');
    default:
      return undefined;
  }
};

export interface RevocationDependencies {
  readonly store: EventStore;
  readonly sessions: Pick<BrowserSessions, 'end'>;
}

/** The events that an execution stored, where they stand. */
export const placed = ({
  stored,
  revision,
}: Pick<Executed<unknown, UserStreamEvent>, 'stored' | 'revision'>): readonly PlacedEvent[] =>
  stored.map((event, i) => ({ event, revision: BigInt(revision) - BigInt(stored.length - 1 - i) }));

/**
 * Ends what these events revoke, pending sessions included, with the grants obtained through them; and stores that it
 * ended.
 */
export const carryOutRevocations = async (
  { store, sessions }: RevocationDependencies,
  userId: string,
  events: readonly PlacedEvent[],
  context: CommandContext,
): Promise<void> => {
  for (const placed of events) {
    const revocation = revocationOf(userId, placed);
    if (!revocation) continue;
    const ended = await sessions.end(revocation.where, revocation.reason);
    if (ended.length === 0) continue;
    const activity = ended.map(({ sessionId }): ActivityEvent => ({
      type: 'SessionEnded',
      data: { sessionId, reason: revocation.reason },
    }));
    await appendActivity(store, userId, activity, context);
  }
};
