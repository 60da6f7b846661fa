import { userStream } from '#libs/accounts/streams.js';
import { load } from '#libs/event-store/command-execution.js';
import type { Loaded } from '#libs/event-store/command-execution.js';
import type { EventStore } from '#libs/event-store/event-store.js';
import { linkingFold } from '../state.js';
import type { LinkingState } from '../state.js';

/** A user's organization and live links as the user's stream says now, read at the leader. */
export const loadUserLinks = (store: EventStore, userId: string): Promise<Loaded<LinkingState>> =>
  load(store, userStream(userId), linkingFold);
