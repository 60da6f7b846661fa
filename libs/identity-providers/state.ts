import type { Fold } from '#libs/event-store/command-execution.js';
import { idOf, streamName } from '#libs/event-store/stream-name.js';
import type { StreamName } from '#libs/event-store/stream-name.js';
import type { IdentityProviderEvent } from './events.js';
import type { IdentityProviderSettings } from './settings.js';

export interface IdentityProvider {
  /** `undefined` until it is configured. */
  readonly settings: IdentityProviderSettings | undefined;
  /** Whether people may sign in through it. */
  readonly active: boolean;
  readonly removal: 'none' | 'announced' | 'done';
}

export const identityProviderStream = (id: string): StreamName => streamName('identityProvider', id);

export const identityProviderFold: Fold<IdentityProvider, IdentityProviderEvent> = {
  initial: { settings: undefined, active: false, removal: 'none' },
  evolve: (state, event, { stream }) => {
    switch (event.type) {
      case 'IdentityProviderConfigured': {
        const settings = { id: idOf(stream), ...event.data.settings, ...event.data.secrets } as IdentityProviderSettings;
        return { ...state, settings, active: state.settings ? state.active : true };
      }
      case 'IdentityProviderDeactivated':
        return { ...state, active: false };
      case 'IdentityProviderActivated':
        return { ...state, active: true };
      case 'IdentityProviderRemovalAnnounced':
        return { ...state, removal: 'announced' };
      case 'IdentityProviderRemovalCancelled':
        return { ...state, removal: 'none' };
      case 'IdentityProviderRemoved':
        return { ...state, active: false, removal: 'done' };
    }
  },
};
