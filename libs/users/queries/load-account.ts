import { load } from '#libs/event-store/command-execution.js';
import type { Loaded } from '#libs/event-store/command-execution.js';
import type { EventStore } from '#libs/event-store/event-store.js';
import { accountFold } from '../state.js';
import type { Account } from '../state.js';
import { userStream } from '../streams.js';

/** The account as the user's stream says now, read at the leader. */
export const loadAccount = (store: EventStore, userId: string): Promise<Loaded<Account>> =>
  load(store, userStream(userId), accountFold);
