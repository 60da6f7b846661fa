import { isAmong } from '#libs/users/assurance.js';
import type { EventStore } from '#libs/event-store/event-store.js';
import { loadSufficientProofs } from '#libs/linking/queries/sufficient-proofs.js';
import type { BrowserSession } from './browser-sessions.js';
import type { Reauthentications } from './reauthentications.postgres.js';

/**
 * Whether the person behind a session proved lately who they are, by a way in that proves as much as any that the
 * account has now (L30).
 */
export const isRecentlyConfirmed = async (
  { store, reauthentications }: { readonly store: EventStore; readonly reauthentications: Reauthentications },
  session: Pick<BrowserSession, 'sessionId' | 'userId' | 'organizationId'>,
): Promise<boolean> => {
  const proven = await reauthentications.recent(session);
  return (
    proven !== undefined && isAmong(await loadSufficientProofs(store, session.organizationId, session.userId), proven)
  );
};
