import type { CommandContext } from '#libs/event-store/event-metadata.js';
import type { EventStore } from '#libs/event-store/event-store.js';
import type { BrowserSessions } from './browser-sessions.js';
import { appendActivity } from './open-session.js';
import type { LoggedOutAtProvider, SessionsAtProviders } from './sessions-at-providers.postgres.js';

export interface EndSessionsDependencies {
  readonly store: EventStore;
  readonly sessions: Pick<BrowserSessions, 'end'>;
  readonly sessionsAtProviders: Pick<SessionsAtProviders, 'find'>;
}

/**
 * Ends every session that came from what a provider says has ended, with the grants obtained through it, and stores that it ended.
 * @param message verified to the end: its provider, its issuer, and whom it names
 * @returns how many sessions ended; none is no error
 */
export const endSessionsFromProvider = async (
  { store, sessions, sessionsAtProviders }: EndSessionsDependencies,
  message: { readonly providerId: string; readonly issuer: string; readonly loggedOut: LoggedOutAtProvider },
  context: CommandContext,
): Promise<number> => {
  const ids = await sessionsAtProviders.find(message.providerId, message.issuer, message.loggedOut);
  let ended = 0;
  for (const id of ids) {
    for (const { sessionId, userId, organizationId } of await sessions.end({ sessionId: id }, 'signed_out_at_provider')) {
      ended += 1;
      const event = { type: 'SessionEnded', data: { sessionId, reason: 'signed_out_at_provider' } } as const;
      await appendActivity(store, userId, [event], { ...context, organizationId });
    }
  }
  return ended;
};
