import type { StoredEvent } from '#libs/event-store/codec.js';
import type { EventStore } from '#libs/event-store/event-store.js';
import type { RecordedEvent } from '#libs/event-store/recorded-event.js';
import type { StreamName } from '#libs/event-store/stream-name.js';

export type Order = 'asc' | 'desc';

/** A part of the log, by position. */
export interface Part {
  /** Excluded. */
  readonly after: bigint;
  /** Included. */
  readonly upTo: bigint;
}

export const isWithin = ({ after, upTo }: Part, position: bigint): boolean => position > after && position <= upTo;

/**
 * The events of a stream within a part of the log, in either order, read piece by piece: memory is flat however long
 * the stream.
 * @param piece how many events are read at once
 */
export async function* readPart(
  store: EventStore,
  stream: StreamName,
  part: Part,
  { order, piece }: { readonly order: Order; readonly piece: number },
): AsyncGenerator<RecordedEvent, void> {
  const forwards = order === 'asc';
  const countUpTo = (position: bigint): Promise<bigint> =>
    countWhile(store, stream, (stored) => stored.position <= position);
  let from = forwards ? (part.after < 0n ? 0n : await countUpTo(part.after)) : (await countUpTo(part.upTo)) - 1n;
  while (from >= 0n) {
    const events = await store.read(stream, { direction: forwards ? 'forwards' : 'backwards', from, limit: piece });
    for (const recorded of events) {
      if (!isWithin(part, recorded.position)) return;
      yield recorded;
    }
    if (events.length < piece) return;
    from += BigInt(forwards ? piece : -piece);
  }
}

/**
 * How many events a stream begins with for which something holds that holds for no later one, such as a position not
 * reached yet. Found by halving: twenty small reads for a million events.
 */
export const countWhile = async (
  store: EventStore,
  stream: StreamName,
  holds: (stored: StoredEvent) => boolean,
): Promise<bigint> => {
  const [last] = await store.readStored(stream, { direction: 'backwards', limit: 1 });
  if (!last) return 0n;
  if (holds(last)) return last.revision + 1n;
  let [low, high] = [0n, last.revision];
  while (low < high) {
    const middle = (low + high) / 2n;
    const [event] = await store.readStored(stream, { from: middle, limit: 1 });
    if (event && holds(event)) low = middle + 1n;
    else high = middle;
  }
  return low;
};

/** Merges sources that are each in order into one that is, by position. */
export async function* merged(
  sources: readonly AsyncGenerator<RecordedEvent, void>[],
  order: Order,
): AsyncGenerator<RecordedEvent, void> {
  const heads = await Promise.all(sources.map(async (source) => ({ source, next: await source.next() })));
  const isSooner = (a: RecordedEvent, b: RecordedEvent): boolean =>
    order === 'asc' ? a.position < b.position : a.position > b.position;
  try {
    for (;;) {
      let nearest: { readonly head: (typeof heads)[number]; readonly recorded: RecordedEvent } | undefined;
      for (const head of heads) {
        if (head.next.done) continue;
        if (!nearest || isSooner(head.next.value, nearest.recorded)) nearest = { head, recorded: head.next.value };
      }
      if (!nearest) return;
      yield nearest.recorded;
      nearest.head.next = await nearest.head.source.next();
    }
  } finally {
    await Promise.all(sources.map((source) => source.return()));
  }
}
