import type { EventStore } from '#libs/event-store/event-store.js';
import type { RecordedEvent } from '#libs/event-store/recorded-event.js';
import { entryOf } from './entry.js';
import type { HistoryEntry } from './entry.js';
import { facetsOf, matches } from '#libs/event-catalog/facets.js';
import { cursorOf } from './history-query.js';
import type { HistoryQuery } from './history-query.js';
import { userEvents } from './user-events.js';

export interface HistoryPage {
  readonly entries: readonly HistoryEntry[];
  /** Where to go on, for `after`; missing when everything there is was read. Stays valid for ever, whatever arrives. */
  readonly next?: string;
}

/** Stop filtering after this many events, so that a rare filter on a long stream answers in pieces instead of late. */
const MAX_SCANNED = 5_000;

/**
 * A page of a user's history: the replayed streams, never a copy of them. Costs what a page costs, whatever the
 * streams' length.
 */
export const readHistory = (store: EventStore, userId: string, query: HistoryQuery): Promise<HistoryPage> =>
  pageOf(userEvents(store, userId, { order: query.order, after: query.after, piece: query.limit + 1 }), query);

/** The first page of what is wanted out of events in order. */
export const pageOf = async (events: AsyncIterable<RecordedEvent>, query: HistoryQuery): Promise<HistoryPage> => {
  const entries: HistoryEntry[] = [];
  let scanned = 0;
  let last = 0n;
  for await (const recorded of events) {
    if (entries.length === query.limit || scanned === MAX_SCANNED) return { entries, next: cursorOf(last) };
    if (matches(query, facetsOf(recorded))) entries.push(entryOf(recorded));
    scanned += 1;
    last = recorded.position;
  }
  return { entries };
};
