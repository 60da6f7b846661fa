import { isDeepStrictEqual } from 'node:util';
import type { Decision } from '#libs/event-store/command-execution.js';
import type { RelyingPartyEvent } from './events.js';
import type { RelyingPartySettings } from './settings.js';

/** The events that turn the relying party as it is into what is declared; none when it is so already. */
export const decideRelyingParty = (
  state: RelyingPartySettings | undefined,
  declared: RelyingPartySettings,
): Decision<RelyingPartyEvent, 'applied'> => {
  if (isDeepStrictEqual(state, declared)) return { events: [], outcome: 'applied' };
  const { clientId: _clientId, ...data } = declared;
  return { events: [{ type: 'RelyingPartyConfigured', data }], outcome: 'applied' };
};
