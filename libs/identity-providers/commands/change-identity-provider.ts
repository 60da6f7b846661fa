import { execute } from '#libs/event-store/command-execution.js';
import type { Executed } from '#libs/event-store/command-execution.js';
import type { CommandContext } from '#libs/event-store/event-metadata.js';
import type { EventStore } from '#libs/event-store/event-store.js';
import { INSTALLATION_SUBJECT } from '#libs/privacy/subject-keys.js';
import type { ProviderDecision, ProviderOutcome } from '../decide.js';
import type { IdentityProviderEvent } from '../events.js';
import { identityProviderFold, identityProviderStream } from '../state.js';
import type { IdentityProvider } from '../state.js';

/** Decides on a provider's stream, and stores what follows. Secrets are sealed under the installation's key. */
export const changeIdentityProvider = (
  store: EventStore,
  id: string,
  decide: (state: IdentityProvider) => ProviderDecision,
  context: CommandContext,
): Promise<Executed<ProviderOutcome, IdentityProviderEvent>> =>
  execute(store, {
    stream: identityProviderStream(id),
    fold: identityProviderFold,
    decide,
    context,
    subject: INSTALLATION_SUBJECT,
  });
