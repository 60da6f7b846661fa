import { DELETED_STREAM_REVISION } from '../log/event.js';
import { PAGE_MAX_EVENTS } from '../log/reader.js';
import { streamDeleted, unexpectedReadResult } from './errors.js';
import { send } from './flow.js';
import { sendEvents } from './read-call.js';
import type { ReadCall } from './read-call.js';
import type { ReadRequest } from './read-request.js';
import { streamNotFoundResponse } from './responses.js';

/** Reads a stream, in either direction, up to a number of events. */
export const readStream = async (reading: ReadCall, request: ReadRequest & { kind: 'stream' }): Promise<void> => {
  const { stream, direction, from, maxCount } = request;
  const { call, context, signal } = reading;
  // So recorded: EventStoreDB's storage refuses both.
  if (maxCount === 0n || (direction === 'forwards' && from === 'end')) throw unexpectedReadResult('ReadStreamResult');
  let left = maxCount;
  let next: bigint | undefined = from === 'start' ? 0n : from === 'end' ? DELETED_STREAM_REVISION : from;
  while (next !== undefined && left > 0n && !signal.aborted) {
    const limit = left < BigInt(PAGE_MAX_EVENTS) ? Number(left) : PAGE_MAX_EVENTS;
    const page = await context.reader.streamPage(stream, direction, next, limit);
    if (page.kind === 'deleted') throw streamDeleted(stream);
    if (page.kind === 'not-found') return send(call, streamNotFoundResponse(stream), signal);
    await sendEvents(reading, page.events);
    left -= BigInt(page.events.length);
    next = page.next;
  }
};
