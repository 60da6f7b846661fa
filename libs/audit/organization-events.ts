import type { EventStore } from '#libs/event-store/event-store.js';
import type { RecordedEvent } from '#libs/event-store/recorded-event.js';
import type { StreamName } from '#libs/event-store/stream-name.js';
import type { HistoryFilter } from '#libs/event-catalog/facets.js';
import type { Order } from './stream-part.js';

/** Where an event of an organization's history stands. */
export interface IndexedEvent {
  readonly position: bigint;
  readonly stream: StreamName;
  readonly revision: bigint;
}

/** Finds events of an organization by what they are filtered by; knows no payloads. */
export interface HistoryIndex {
  find(
    organizationId: string,
    query: HistoryFilter & { readonly order: Order; readonly after?: bigint | undefined; readonly limit: number },
  ): Promise<readonly IndexedEvent[]>;
}

export interface OrganizationEventsOptions extends HistoryFilter {
  readonly order: Order;
  readonly after?: bigint | undefined;
  /** How many events are looked up at once; about as many as the caller will take. */
  readonly piece: number;
}

/** The index names an event that the store does not have: it was built from another store. */
export class HistoryIndexMismatchError extends Error {
  readonly code = 'history_index_mismatch';
  constructor({ stream, revision, position }: IndexedEvent) {
    super(
      `The history index says that event ${revision} of ${stream} is at position ${position}, the event store does not; ` +
        'build the index from this store: "ligature projections replay history-index"',
    );
  }
}

/** What happened in an organization, found by the index and read from the streams, in order of position. */
export async function* organizationEvents(
  store: EventStore,
  index: HistoryIndex,
  organizationId: string,
  { order, after, piece, ...filter }: OrganizationEventsOptions,
): AsyncGenerator<RecordedEvent, void> {
  for (let cursor = after; ;) {
    const found = await index.find(organizationId, { ...filter, order, after: cursor, limit: piece });
    yield* await readIndexed(store, found);
    cursor = found.at(-1)?.position;
    if (found.length < piece) return;
  }
}

/** The log is read through while at least one in so many of its events is wanted; else each is read from its stream. */
const WORTH_READING_THROUGH = 8;
/** Streams read from at once. */
const AT_ONCE = 16;
/** What stands this close together in a stream is read at once. */
const GAP = 20n;

/** Reads these events, with few reads: what is dense in the log in one go through it, the rest from the streams. */
const readIndexed = async (store: EventStore, wanted: readonly IndexedEvent[]): Promise<readonly RecordedEvent[]> => {
  const read = new Map<bigint, RecordedEvent>();
  const keep = (events: readonly RecordedEvent[]): void =>
    events.forEach((recorded) => read.set(recorded.position, recorded));
  let left = [...wanted].sort((a, b) => (a.position < b.position ? -1 : 1));
  while (left[0]) {
    const positions = new Set(left.map(({ position }) => position));
    const { events, lookedAt } = await store.readLog(left[0].position, left.length * 2, positions);
    keep(events);
    left = left.filter(({ position }) => !read.has(position));
    if (events.length === 0 || events.length * WORTH_READING_THROUGH < lookedAt) break;
  }
  const runs = runsOf(left);
  const reader = async (): Promise<void> => {
    for (let run = runs.pop(); run; run = runs.pop())
      keep(await store.read(run.stream, { from: run.from, limit: Number(run.to - run.from) + 1 }));
  };
  await Promise.all(Array.from({ length: AT_ONCE }, reader));
  return wanted.map((each) => {
    const recorded = read.get(each.position);
    if (recorded?.stream !== each.stream || recorded.revision !== each.revision)
      throw new HistoryIndexMismatchError(each);
    return recorded;
  });
};

interface Run {
  readonly stream: StreamName;
  readonly from: bigint;
  to: bigint;
}

/** Where events stand that are in order of position, so that a few reads of each stream find them. */
const runsOf = (wanted: readonly IndexedEvent[]): Run[] => {
  const runs: Run[] = [];
  const last = new Map<StreamName, Run>();
  for (const { stream, revision } of wanted) {
    const run = last.get(stream);
    if (run && revision - run.to <= GAP) run.to = revision;
    else {
      const begun = { stream, from: revision, to: revision };
      last.set(stream, begun);
      runs.push(begun);
    }
  }
  return runs;
};
