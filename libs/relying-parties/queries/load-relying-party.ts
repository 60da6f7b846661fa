import { load } from '#libs/event-store/command-execution.js';
import type { EventStore } from '#libs/event-store/event-store.js';
import { clientIdSchema } from '../settings.js';
import type { RelyingPartySettings } from '../settings.js';
import { relyingPartyFold, relyingPartyStream } from '../state.js';

/**
 * The relying party as its stream says now. A client id of a stranger's making that could not be ours is unknown
 * without a look (H1).
 */
export const loadRelyingParty = async (
  store: EventStore,
  clientId: string,
): Promise<RelyingPartySettings | undefined> =>
  clientIdSchema.safeParse(clientId).success
    ? (await load(store, relyingPartyStream(clientId), relyingPartyFold)).state
    : undefined;
