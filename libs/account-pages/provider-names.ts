import type { EventStore } from '#libs/event-store/event-store.js';
import { loadIdentityProvider } from '#libs/identity-providers/queries/load-identity-provider.js';
import type { OfferedProvider } from '#libs/sign-in/offered-providers.js';

/**
 * What these providers are called: also those that the organization no longer offers, whose links stay (invariant 6).
 */
export const providerNames = async (
  store: EventStore,
  offered: readonly OfferedProvider[],
  providerIds: readonly string[],
): Promise<(providerId: string) => string> => {
  const names = new Map(offered.map(({ settings }) => [settings.id, settings.displayName]));
  for (const id of new Set(providerIds)) {
    if (!names.has(id)) names.set(id, (await loadIdentityProvider(store, id)).settings?.displayName ?? id);
  }
  return (providerId) => names.get(providerId) ?? providerId;
};
