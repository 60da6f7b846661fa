import type { Fold } from '#libs/event-store/command-execution.js';
import { idOf, streamName } from '#libs/event-store/stream-name.js';
import type { StreamName } from '#libs/event-store/stream-name.js';
import type { RelyingPartyEvent } from './events.js';
import type { RelyingPartySettings } from './settings.js';

export const relyingPartyStream = (clientId: string): StreamName => streamName('relyingParty', clientId);

/** Folds `relyingParty-<client id>` to its settings; `undefined` until it is configured. */
export const relyingPartyFold: Fold<RelyingPartySettings | undefined, RelyingPartyEvent> = {
  initial: undefined,
  evolve: (_state, { data }, { stream }) => ({ clientId: idOf(stream), ...data }),
};
