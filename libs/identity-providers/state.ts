import type { Fold } from '#libs/event-store/command-execution.js';
import { idOf, streamName } from '#libs/event-store/stream-name.js';
import type { StreamName } from '#libs/event-store/stream-name.js';
import type { IdentityProviderEvent } from './events.js';
import type { OidcProviderSettings } from './settings.js';

export interface IdentityProvider {
  /** `undefined` until it is configured. */
  readonly settings: OidcProviderSettings | undefined;
  readonly active: boolean;
}

export const identityProviderStream = (id: string): StreamName => streamName('identityProvider', id);

export const identityProviderFold: Fold<IdentityProvider, IdentityProviderEvent> = {
  initial: { settings: undefined, active: false },
  evolve: (state, event, { stream }) => {
    switch (event.type) {
      case 'IdentityProviderConfigured':
        return { settings: { id: idOf(stream), ...event.data }, active: state.settings ? state.active : true };
      case 'IdentityProviderDeactivated':
        return { ...state, active: false };
      case 'IdentityProviderActivated':
        return { ...state, active: true };
    }
  },
};
