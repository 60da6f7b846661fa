import { load } from '#libs/event-store/command-execution.js';
import type { EventStore } from '#libs/event-store/event-store.js';
import { identityProviderFold, identityProviderStream } from '../state.js';
import type { IdentityProvider } from '../state.js';

/** The provider as its stream says now; without settings when it was never configured. */
export const loadIdentityProvider = async (store: EventStore, id: string): Promise<IdentityProvider> =>
  (await load(store, identityProviderStream(id), identityProviderFold)).state;
