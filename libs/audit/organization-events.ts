import type { EventStore } from '#libs/event-store/event-store.js';
import type { RecordedEvent } from '#libs/event-store/recorded-event.js';
import type { StreamName } from '#libs/event-store/stream-name.js';
import type { HistoryFilter } from './facets.js';
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

/** Reads at once what stands close together in a stream. */
const GAP = 20n;
const AT_ONCE = 16;

/** Reads these events from their streams, with few reads. */
const readIndexed = async (store: EventStore, wanted: readonly IndexedEvent[]): Promise<readonly RecordedEvent[]> => {
  const runs = runsOf(wanted);
  const read = new Map<bigint, RecordedEvent>();
  const reader = async (): Promise<void> => {
    for (let run = runs.pop(); run; run = runs.pop()) {
      const { stream, from, to } = run;
      for (const recorded of await store.read(stream, { from, limit: Number(to - from) + 1 })) read.set(recorded.position, recorded);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, reader));
  return wanted.map((each) => {
    const recorded = read.get(each.position);
    if (recorded?.stream !== each.stream || recorded.revision !== each.revision) throw new HistoryIndexMismatchError(each);
    return recorded;
  });
};

interface Run {
  readonly stream: StreamName;
  readonly from: bigint;
  to: bigint;
}

const runsOf = (wanted: readonly IndexedEvent[]): Run[] => {
  const runs: Run[] = [];
  const last = new Map<StreamName, Run>();
  for (const { stream, revision } of [...wanted].sort((a, b) => (a.position < b.position ? -1 : 1))) {
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
