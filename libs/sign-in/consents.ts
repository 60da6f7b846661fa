import type { CommandContext } from '#libs/event-store/event-metadata.js';
import type { EventStore } from '#libs/event-store/event-store.js';
import { appendActivity } from './open-session.js';

/**
 * Stores that a person agreed to what an app gets.
 * @throws {SubjectErasedError} for somebody who was erased meanwhile
 */
export const noteConsent = async (
  store: EventStore,
  userId: string,
  clientId: string,
  consent: { readonly scopes: readonly string[]; readonly resources: Readonly<Record<string, readonly string[]>> },
  context: CommandContext,
): Promise<void> => {
  const resources = Object.entries(consent.resources).map(([resource, scopes]) => ({ resource, scopes: [...scopes] }));
  await appendActivity(
    store,
    userId,
    [{ type: 'ConsentGranted', data: { clientId, scopes: [...consent.scopes], resources } }],
    context,
  );
};

/** Stores that a person took an app's access away, before it is. */
export const noteConsentRevoked = async (
  store: EventStore,
  userId: string,
  clientId: string,
  context: CommandContext,
): Promise<void> => {
  await appendActivity(store, userId, [{ type: 'ConsentRevoked', data: { clientId } }], context);
};
