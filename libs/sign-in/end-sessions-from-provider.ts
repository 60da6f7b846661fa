import type { CommandContext } from '#libs/event-store/event-metadata.js';
import type { EventStore } from '#libs/event-store/event-store.js';
import type { BrowserSessions } from './browser-sessions.js';
import { appendActivity } from './open-session.js';
import type { LogoutAtProvider, SessionsAtProviders } from './sessions-at-providers.postgres.js';

export interface EndSessionsDependencies {
  readonly store: EventStore;
  readonly sessions: Pick<BrowserSessions, 'end'>;
  readonly sessionsAtProviders: Pick<SessionsAtProviders, 'find' | 'wasMet' | 'noteMet'>;
}

/**
 * Ends every session that came from what has ended at a provider, with the grants obtained through it, and stores that
 * it ended. A message that fails half-way may come again; one that was carried out may not: a replay would end what the
 * person began since.
 * @returns how many sessions ended; none is no error
 */
export const endSessionsFromProvider = async (
  { store, sessions, sessionsAtProviders }: EndSessionsDependencies,
  logout: LogoutAtProvider,
  context: CommandContext,
): Promise<
  { readonly kind: 'ended'; readonly count: number } | { readonly kind: 'refused'; readonly code: 'logout_replayed' }
> => {
  if (await sessionsAtProviders.wasMet(logout)) return { kind: 'refused', code: 'logout_replayed' };
  let count = 0;
  for (const id of await sessionsAtProviders.find(logout)) {
    for (const { sessionId, userId, organizationId } of await sessions.end(
      { sessionId: id },
      'signed_out_at_provider',
    )) {
      count += 1;
      const event = { type: 'SessionEnded', data: { sessionId, reason: 'signed_out_at_provider' } } as const;
      await appendActivity(store, userId, [event], { ...context, organizationId });
    }
  }
  await sessionsAtProviders.noteMet(logout);
  return { kind: 'ended', count };
};
