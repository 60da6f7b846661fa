import type { EventStore } from '#libs/event-store/event-store.js';
import type { Branding } from '#libs/web/branding.js';
import { loadOrganization } from './load-organization.js';

/** How an organization's pages look; nothing for one that does not exist. */
export const loadBranding = async (store: EventStore, id: string): Promise<Branding | undefined> => {
  const { displayName, branding } = await loadOrganization(store, id);
  return displayName === undefined ? undefined : { organizationName: displayName, ...branding };
};
