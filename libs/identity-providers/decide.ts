import { isDeepStrictEqual } from 'node:util';
import type { Decision } from '#libs/event-store/command-execution.js';
import type { IdentityProviderEvent } from './events.js';
import { withoutSecrets } from './settings.js';
import type { IdentityProviderSettings } from './settings.js';
import type { IdentityProvider } from './state.js';

/** What an operator declares: the settings, and whether people may sign in through it. */
export interface DeclaredIdentityProvider {
  readonly settings: IdentityProviderSettings;
  readonly active: boolean;
}

/** The events that turn the provider as it is into what is declared; none when it is so already. */
export const decideIdentityProvider = (
  state: IdentityProvider,
  declared: DeclaredIdentityProvider,
): Decision<IdentityProviderEvent, 'applied'> => {
  const events: IdentityProviderEvent[] = [];
  if (!isDeepStrictEqual(state.settings, declared.settings)) {
    const { plain, secrets } = withoutSecrets(declared.settings);
    events.push({ type: 'IdentityProviderConfigured', data: { settings: plain, secrets } });
  }
  const activeAfter = state.settings ? state.active : true;
  if (activeAfter && !declared.active) events.push({ type: 'IdentityProviderDeactivated', data: {} });
  if (!activeAfter && declared.active) events.push({ type: 'IdentityProviderActivated', data: {} });
  return { events, outcome: 'applied' };
};
