import type { StoredEvent } from './log/event.js';
import type { LogReader } from './log/reader.js';

/** The type of an event that stands for another: its data is `revision@stream`. */
const LINK_TYPE = '$>';

/** An event as a reader gets it: itself, or a link together with what it points to, when that can still be read. */
export interface ResolvedEvent {
  readonly event: StoredEvent | undefined;
  readonly link?: StoredEvent;
}

const targetOf = (link: StoredEvent): { stream: string; revision: bigint } | undefined => {
  const [, revision, stream] = /^(\d{1,19})@(.+)$/s.exec(Buffer.from(link.data).toString('utf8')) ?? [];
  return revision === undefined || stream === undefined || stream.includes('\u0000')
    ? undefined
    : { stream, revision: BigInt(revision) };
};

const resolveLink = async (reader: LogReader, link: StoredEvent): Promise<ResolvedEvent> => {
  const target = targetOf(link);
  if (target === undefined) return { event: undefined, link };
  const page = await reader.streamPage(target.stream, 'forwards', target.revision, 1);
  const found = page.kind === 'page' ? page.events[0] : undefined;
  return { event: found?.revision === target.revision ? found : undefined, link };
};

/** Follows the links among some events. A link to a link is not followed further, as in EventStoreDB. */
export const resolveLinks = (reader: LogReader, events: readonly StoredEvent[]): Promise<ResolvedEvent[]> =>
  Promise.all(events.map((event) => (event.type === LINK_TYPE ? resolveLink(reader, event) : { event })));
