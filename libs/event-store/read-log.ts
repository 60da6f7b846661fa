import { BACKWARDS, END, START } from '@eventstore/db-client';
import type { EventStoreDBClient } from '@eventstore/db-client';
import type { StoredEvent } from './codec.js';
import { storedFrom } from './event-store.js';
import type { StoreConnection } from './store-connection.js';
import type { StreamName } from './stream-name.js';
import { belongsToNoEvent } from './store-identity.js';

/** Reads of `$all` cannot be filtered at the server (6.2.1 ignores the filter), so these are for short stretches. */
const PAGE = 500;

interface LogEvent {
  readonly position: bigint;
  readonly at: Date;
  readonly isWanted: boolean;
  readonly stored: () => StoredEvent;
}

/** One page of the log after a position. @param after the position of an event; `null`: from the beginning */
const pageAfter = async (
  client: EventStoreDBClient,
  after: bigint | null,
  prefixes: readonly string[],
): Promise<{ readonly events: readonly LogEvent[]; readonly isLast: boolean; readonly holdsAfter: boolean }> => {
  const events: LogEvent[] = [];
  let read = 0;
  let holdsAfter = after === null;
  // Read to the end: a stream that is left early keeps the client's dispose() waiting for ever.
  for await (const { event } of client.readAll({
    fromPosition: after === null ? START : { commit: after, prepare: after },
    maxCount: PAGE,
    requiresLeader: true,
  })) {
    read += 1;
    holdsAfter ||= event?.position?.commit === after;
    if (!event?.position || event.position.commit <= (after ?? -1n)) continue;
    events.push({
      position: event.position.commit,
      at: event.created,
      isWanted: prefixes.some((prefix) => event.streamId.startsWith(prefix)),
      stored: () => storedFrom({ event }),
    });
  }
  return { events, isLast: read < PAGE, holdsAfter };
};

/**
 * The events of these streams after one position up to another, both known to belong to events.
 * @returns nothing when the stretch is longer than a few pages
 */
export const eventsBetween = async (
  connection: StoreConnection,
  after: bigint | null,
  upTo: bigint,
  prefixes: readonly string[],
): Promise<readonly StoredEvent[] | undefined> => {
  const found: StoredEvent[] = [];
  let from = after;
  for (let pages = 0; pages < 4; pages += 1) {
    const { events, isLast } = await connection.read((client) => pageAfter(client, from, prefixes));
    found.push(
      ...events.filter(({ isWanted, position }) => isWanted && position <= upTo).map(({ stored }) => stored()),
    );
    from = events.at(-1)?.position ?? from;
    if (isLast || (from ?? -1n) >= upTo) return found;
  }
  return undefined;
};

/**
 * The wanted ones of some two thousand events before a position, which belongs to an event; the newest first.
 * @param isWanted by type and stream
 */
export const latestEvents = async (
  connection: StoreConnection,
  upTo: bigint,
  isWanted: (event: Pick<StoredEvent, 'type' | 'stream'>) => boolean,
): Promise<readonly StoredEvent[]> => {
  const found: StoredEvent[] = [];
  await connection.read(async (client) => {
    found.length = 0;
    for await (const { event } of client.readAll({
      direction: BACKWARDS,
      fromPosition: { commit: upTo, prepare: upTo },
      maxCount: 4 * PAGE,
      requiresLeader: true,
    }))
      if (event?.position && isWanted({ type: event.type, stream: event.streamId as StreamName }))
        found.push(storedFrom({ event }));
  });
  return found;
};

/** What a reader of some streams has before it. */
export interface Ahead {
  /** The first event of these streams that it has not had. */
  readonly next: { readonly position: bigint; readonly at: Date } | undefined;
  /** Position of the last event that was looked at; none of these streams lies between, except `next`. */
  readonly seen: bigint | null;
  /** Whether the log ends there. */
  readonly isEnd: boolean;
}

/**
 * Looks for the first event of these streams after a position, a page at a time.
 * @returns nothing when the position belongs to no event
 */
export const lookAhead = async (
  connection: StoreConnection,
  after: bigint | null,
  prefixes: readonly string[],
): Promise<Ahead | undefined> => {
  try {
    const { events, isLast, holdsAfter } = await connection.read((client) => pageAfter(client, after, prefixes));
    if (!holdsAfter) return undefined;
    const next = events.find(({ isWanted }) => isWanted);
    return { next, seen: events.at(-1)?.position ?? after, isEnd: isLast };
  } catch (error) {
    if (belongsToNoEvent(error)) return undefined;
    throw error;
  }
};

/** Position of the last event of the log, whosever it is; nothing for an empty one. */
export const endOfLog = (connection: StoreConnection): Promise<bigint | null> =>
  connection.read(async (client) => {
    let end: bigint | null = null;
    for await (const { event } of client.readAll({
      direction: BACKWARDS,
      fromPosition: END,
      maxCount: 1,
      requiresLeader: true,
    }))
      end = event?.position?.commit ?? null;
    return end;
  });
