import { userActivityStream } from '#libs/users/streams.js';
import type { EventStore } from '#libs/event-store/event-store.js';
import type { RecordedEvent } from '#libs/event-store/recorded-event.js';
import { LONGEST_SESSION_S } from '#libs/organizations/events.js';
import { loginPolicyAt } from '#libs/organizations/queries/login-policy-at.js';
import type { ActivityEvent } from '#libs/sign-in/events.js';
import { CLOCKS_DIFFER_MS } from './moment.js';
import type { Moment } from './moment.js';
import { countWhile, readPart } from './stream-part.js';

/**
 * A session that was open then. Its end by expiry is no event; it follows from the organization's policy at its
 * sign-in.
 */
export interface SessionAsOf {
  readonly sessionId: string;
  readonly method: 'password' | 'external_identity' | null;
  readonly providerId: string | null;
  readonly claimId: string | null;
  /** When it began, or was renewed last. ISO 8601, UTC. */
  readonly since: string;
  /** When the person authenticated for that; null: nobody knows. */
  readonly authenticatedAt: string | null;
  readonly expiresAt: string;
}

const PIECE = 200;

/**
 * The sessions that a user had open as of a moment, newest first. Reads the activity backwards from there, no further
 * than the longest session that a policy can allow.
 * @param atLeast the time of the moment; for a position, of a later event of the user where there is one
 */
export const sessionsAsOf = async (
  store: EventStore,
  user: { readonly userId: string; readonly organizationId: string },
  moment: Moment,
  atLeast: Date,
): Promise<readonly SessionAsOf[]> => {
  const policyAt = await loginPolicyAt(store, user.organizationId);
  const open: SessionAsOf[] = [];
  /** Ended, or met already: what is further back is what a session was before. */
  const settled = new Set<string>();
  const logins = new Map<string, Pick<SessionAsOf, 'method' | 'providerId'>>();
  let at: number | undefined;
  for await (const recorded of activityBefore(store, user.userId, moment)) {
    const occurredAt = Date.parse(recorded.metadata.occurredAt);
    at ??= 'position' in moment ? Math.max(occurredAt, atLeast.getTime()) : atLeast.getTime();
    if (occurredAt < at - LONGEST_SESSION_S * 1_000 - CLOCKS_DIFFER_MS) break;
    const { event, position } = recorded;
    switch (event.type) {
      case 'SessionEnded':
        settled.add(event.data.sessionId);
        break;
      case 'SessionRenewed':
      case 'SessionStarted': {
        const { sessionId, claimId = null, authenticatedAt = null } = event.data;
        const expiresAt = new Date(occurredAt + policyAt(position).sessionLifetimeS * 1_000);
        if (settled.has(sessionId)) break;
        settled.add(sessionId);
        if (expiresAt.getTime() <= at) break;
        open.push({
          sessionId,
          method: null,
          providerId: null,
          claimId,
          since: new Date(occurredAt).toISOString(),
          authenticatedAt,
          expiresAt: expiresAt.toISOString(),
        });
        break;
      }
      case 'LoginSucceeded': {
        const { sessionId, method, providerId = null } = event.data;
        if (!logins.has(sessionId)) logins.set(sessionId, { method, providerId });
        break;
      }
      default:
        break;
    }
  }
  return open.map((session) => ({ ...session, ...logins.get(session.sessionId) }));
};

/** The activity as of a moment, newest first. */
async function* activityBefore(
  store: EventStore,
  userId: string,
  moment: Moment,
): AsyncGenerator<RecordedEvent<ActivityEvent>, void> {
  const stream = userActivityStream(userId);
  const upTo = 'position' in moment ? moment.position : await lastPositionBy(store, userId, moment.time);
  let reached = 'position' in moment;
  for await (const recorded of readPart(store, stream, { after: -1n, upTo }, { order: 'desc', piece: PIECE })) {
    reached ||= !('time' in moment) || Date.parse(recorded.metadata.occurredAt) <= moment.time.getTime();
    if (reached) yield recorded as RecordedEvent<ActivityEvent>;
  }
}

/** A position behind which nothing has happened by a time, by clocks that may differ. */
const lastPositionBy = async (store: EventStore, userId: string, time: Date): Promise<bigint> => {
  const stream = userActivityStream(userId);
  const isBy = (occurredAt: unknown): boolean => Date.parse(String(occurredAt)) <= time.getTime() + CLOCKS_DIFFER_MS;
  const count = await countWhile(store, stream, ({ metadata }) => isBy(metadata.occurredAt));
  const [last] = count === 0n ? [] : await store.readStored(stream, { from: count - 1n, limit: 1 });
  return last?.position ?? -1n;
};
