import type { EventFilter } from '../filters.js';
import type { StoredEvent } from '../log/event.js';
import { LOG_START } from '../log/position.js';
import { PAGE_MAX_EVENTS } from '../log/reader.js';
import { Turns } from '../turns.js';
import { unexpectedReadResult } from './errors.js';
import { sendEvents } from './read-call.js';
import type { ReadCall } from './read-call.js';
import type { ReadRequest } from './read-request.js';

/** Beyond every position; where a backward read from the end begins. */
const BEYOND = 9_223_372_036_854_775_807n;

/**
 * Reads `$all`, in either direction, up to a number of events. Forwards a position includes its event, backwards it
 * does not; one that belongs to no event is refused, one beyond the end reads nothing forwards and everything
 * backwards.
 */
export const readAll = async (reading: ReadCall, request: ReadRequest & { kind: 'all' }): Promise<void> => {
  const { direction, from, maxCount } = request;
  const { reader, tail } = reading.context;
  if (maxCount === 0n) throw unexpectedReadResult('ReadAllResult');
  const end = tail.end;
  if (typeof from === 'bigint' && from > LOG_START && from <= end && (await reader.eventAt(from)) === undefined) {
    throw unexpectedReadResult('ReadAllResult');
  }
  let position = from === 'start' ? LOG_START : from === 'end' ? (direction === 'forwards' ? end : BEYOND) : from;
  if (position > BEYOND) position = BEYOND;
  if (direction === 'forwards' && typeof from === 'bigint' && from > LOG_START) position -= 1n;
  let left = maxCount;
  while (left > 0n && !reading.signal.aborted) {
    const most = left < BigInt(PAGE_MAX_EVENTS) ? Number(left) : PAGE_MAX_EVENTS;
    const page = await reader.allPage(direction, position, request.filter === undefined ? most : PAGE_MAX_EVENTS);
    const last = page.at(-1);
    if (last === undefined) return;
    position = last.position;
    const wanted = request.filter === undefined ? page : await firstMatching(page, request.filter.matches, most);
    await sendEvents(reading, wanted);
    left -= BigInt(wanted.length);
    if (direction === 'forwards' && position >= tail.end) return;
  }
};

const firstMatching = async (
  events: readonly StoredEvent[],
  matches: EventFilter,
  most: number,
): Promise<StoredEvent[]> => {
  const found: StoredEvent[] = [];
  const turns = new Turns();
  for (const event of events) {
    if (found.length === most) break;
    if (matches(event)) found.push(event);
    if (turns.over) await turns.next();
  }
  return found;
};
