import type { EventStore } from '#libs/event-store/event-store.js';
import type { Branding } from '#libs/web/branding.js';
import { loadOrganization } from './load-organization.js';

/** How an organization's pages look. */
export const loadBranding = async (store: EventStore, id: string): Promise<Branding> => {
  const { displayName, branding } = await loadOrganization(store, id);
  return { organizationName: displayName ?? id, ...branding };
};
