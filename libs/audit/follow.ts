import { setTimeout as delay } from 'node:timers/promises';
import type { EventStore } from '#libs/event-store/event-store.js';
import { entryOf } from './entry.js';
import type { HistoryEntry } from './entry.js';
import { facetsOf, matches } from '#libs/event-catalog/facets.js';
import type { HistoryFilter } from '#libs/event-catalog/facets.js';
import { userEvents } from './user-events.js';

const PIECE = 500;
const LOOK_AGAIN_MS = 500;

/** A user's history from a position on, and what comes next as it comes, until `signal` is aborted. */
export async function* followUser(
  store: EventStore,
  userId: string,
  filter: HistoryFilter & { readonly after?: bigint | undefined },
  signal: AbortSignal,
): AsyncGenerator<HistoryEntry, void> {
  let { after } = filter;
  while (!signal.aborted) {
    for await (const recorded of userEvents(store, userId, { order: 'asc', after, piece: PIECE })) {
      if (signal.aborted) return;
      if (matches(filter, facetsOf(recorded))) yield entryOf(recorded);
      after = recorded.position;
    }
    await delay(LOOK_AGAIN_MS, undefined, { signal }).catch(() => undefined);
  }
}
