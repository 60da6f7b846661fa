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
  /** Announced: it counts for nobody as a way in that would be left; people still sign in through it (domain.md). */
  readonly removal: { readonly phase: 'none' | 'done' } | { readonly phase: 'announced'; readonly at: Date };
}

export const identityProviderStream = (id: string): StreamName => streamName('identityProvider', id);

export const identityProviderFold: Fold<IdentityProvider, IdentityProviderEvent> = {
  initial: { settings: undefined, active: false, removal: { phase: 'none' } },
  evolve: (state, event, { stream, metadata }) => {
    switch (event.type) {
      case 'IdentityProviderConfigured': {
        const settings = {
          id: idOf(stream),
          ...event.data.settings,
          ...event.data.secrets,
        } as IdentityProviderSettings;
        return { ...state, settings, active: state.settings ? state.active : true };
      }
      case 'IdentityProviderDeactivated':
        return { ...state, active: false };
      case 'IdentityProviderActivated':
        return { ...state, active: true };
      case 'IdentityProviderRemovalAnnounced':
        return { ...state, removal: { phase: 'announced', at: new Date(metadata.occurredAt) } };
      case 'IdentityProviderRemovalCancelled':
        return { ...state, removal: { phase: 'none' } };
      case 'IdentityProviderRemoved':
        return { ...state, active: false, removal: { phase: 'done' } };
    }
  },
};
