import { consumerTooSlow } from './grpc/errors.js';
import { DELETED_STREAM_REVISION } from './log/event.js';
import type { StoredEvent } from './log/event.js';
import type { LogReader } from './log/reader.js';
import type { LogTail } from './log/tail.js';

/** What a subscription goes through, in order. */
export type SubscriptionStep =
  | { readonly kind: 'events'; readonly events: readonly StoredEvent[] }
  /** All that was there when the subscription caught up has been delivered; said once. */
  | { readonly kind: 'caught-up' };

export interface SubscriptionSource {
  readonly reader: LogReader;
  readonly tail: LogTail;
  /** Ends the subscription. */
  readonly signal: AbortSignal;
  /** Ends a live subscription that is further behind (hazard H6); none is ended unless a test says so. */
  readonly endBehind?: number | undefined;
}

const CAUGHT_UP: SubscriptionStep = { kind: 'caught-up' };

/**
 * Every event of the log after a position, in order, each once: from PostgreSQL while behind, then as they are
 * committed. From beyond the log's end it goes on with whatever comes next, as EventStoreDB does (hazard H7).
 */
export async function* subscribeToAll(
  { reader, tail, signal, endBehind }: SubscriptionSource,
  after: bigint,
): AsyncGenerator<SubscriptionStep, void> {
  let position = after < tail.end ? after : tail.end;
  let caughtUp = false;
  while (!signal.aborted) {
    if (position >= tail.end) {
      if (!caughtUp) yield CAUGHT_UP;
      caughtUp = true;
      await tail.waitBeyond(position, signal);
    } else {
      for await (const events of eventsAfter(reader, tail, position)) {
        if (caughtUp && endBehind !== undefined && events.length > endBehind) throw consumerTooSlow();
        yield { kind: 'events', events };
        position = (events.at(-1) as StoredEvent).position;
        if (signal.aborted) return;
      }
    }
  }
}

/** What is committed after a position; the next page is read while one is delivered. */
async function* eventsAfter(
  reader: LogReader,
  tail: LogTail,
  after: bigint,
): AsyncGenerator<readonly StoredEvent[], void> {
  const read = (position: bigint): Promise<readonly StoredEvent[]> => {
    const page = Promise.resolve(tail.after(position) ?? reader.allPage('forwards', position));
    // Who stops in between leaves the page ahead behind; its failure is nobody's then.
    page.catch(() => undefined);
    return page;
  };
  for (let page = read(after); ;) {
    const events = await page;
    const last = events.at(-1);
    if (last === undefined) return;
    page = read(last.position);
    yield events;
  }
}

/**
 * Every event of one stream after a revision, as far as its metadata lets them be read, then as they are committed. On
 * a stream without events it is caught up only after the first (hazard H11).
 * @returns `deleted` when the stream is deleted for good; `$streamDeleted` is delivered before, if that happens while
 * it is up to date
 */
export async function* subscribeToStream(
  { reader, tail, signal }: SubscriptionSource,
  stream: string,
  after: bigint,
): AsyncGenerator<SubscriptionStep, 'deleted' | 'ended'> {
  let revision = after;
  /** All of the stream that is committed up to here has been delivered. */
  let position: bigint | undefined;
  let caughtUp = false;
  while (!signal.aborted) {
    const live = position === undefined ? undefined : tail.after(position);
    let exists = false;
    if (live === undefined) {
      position = tail.end;
      for (let next: bigint | undefined = revision + 1n; next !== undefined && !signal.aborted;) {
        const page = await reader.streamPage(stream, 'forwards', next);
        if (page.kind === 'deleted') return 'deleted';
        exists ||= page.kind === 'page';
        const events = page.kind === 'page' ? page.events : [];
        revision = events.at(-1)?.revision ?? revision;
        if (events.length > 0) yield { kind: 'events', events };
        next = page.kind === 'page' ? page.next : undefined;
      }
    } else {
      const events = live.filter((event) => event.stream === stream && event.revision > revision);
      position = live.at(-1)?.position ?? position;
      revision = events.at(-1)?.revision ?? revision;
      exists = events.length > 0;
      if (exists) yield { kind: 'events', events };
      if (revision === DELETED_STREAM_REVISION) return 'deleted';
    }
    if (exists && !caughtUp) {
      caughtUp = true;
      yield CAUGHT_UP;
    }
    if (position !== undefined) await tail.waitBeyond(position, signal);
  }
  return 'ended';
}
