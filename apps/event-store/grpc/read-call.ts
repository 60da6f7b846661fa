import type { ReadReq, ReadResp } from '@eventstore/db-client/generated/streams_pb.js';
import type { ServerWritableStream } from '@grpc/grpc-js';
import { resolveLinks } from '../links.js';
import type { StoredEvent } from '../log/event.js';
import { send } from './flow.js';
import { eventResponse } from './responses.js';
import type { ServiceContext } from './service.js';

/** A `Read` call while it is served. */
export interface ReadCall {
  readonly call: ServerWritableStream<ReadReq, ReadResp>;
  readonly context: ServiceContext;
  readonly signal: AbortSignal;
  readonly structuredIds: boolean;
  readonly resolveLinks: boolean;
  /** What a follower that lags behind has; everything unless a test says otherwise (H8). */
  readonly upTo: bigint | undefined;
}

/** Delivers events in the form that the caller asked for, as fast as it takes them. */
export const sendEvents = async (reading: ReadCall, events: readonly StoredEvent[]): Promise<void> => {
  const { call, context, signal, structuredIds, upTo } = reading;
  const seen = upTo === undefined ? events : events.filter((event) => event.position <= upTo);
  const resolved = reading.resolveLinks ? await resolveLinks(context.reader, seen) : seen.map((event) => ({ event }));
  for (const event of resolved) {
    if (signal.aborted) return;
    await send(call, eventResponse(event, structuredIds), signal);
  }
};
