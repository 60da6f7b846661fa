import { load } from '#libs/event-store/command-execution.js';
import type { EventStore } from '#libs/event-store/event-store.js';
import { organizationFold, organizationStream } from '../state.js';
import type { Organization } from '../state.js';

export type { Organization } from '../state.js';

/** The organization as its stream says now; without a `displayName` when it does not exist. */
export const loadOrganization = async (store: EventStore, id: string): Promise<Organization> =>
  (await load(store, organizationStream(id), organizationFold)).state;
