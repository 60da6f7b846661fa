import { DELETED_STREAM_REVISION, NO_STREAM_REVISION } from '../log/event.js';
import type { StoredEvent } from '../log/event.js';
import { LOG_START } from '../log/position.js';
import { subscribeToAll, subscribeToStream } from '../subscription.js';
import { Turns } from '../turns.js';
import { streamDeleted } from './errors.js';
import { send } from './flow.js';
import { sendEvents } from './read-call.js';
import type { ReadCall } from './read-call.js';
import type { AllFilter, ReadRequest } from './read-request.js';
import { caughtUpResponse, checkpointResponse, confirmationResponse } from './responses.js';

/** Serves a subscription to `$all` until the call ends. */
export const serveAllSubscription = async (
  reading: ReadCall,
  { from, filter }: ReadRequest & { kind: 'all-subscription' },
  subscriptionId: string,
): Promise<void> => {
  const { call, context, signal } = reading;
  const named = from === 'start' ? LOG_START : from === 'end' ? context.tail.end : from;
  const after = context.switches.hiddenRecords ? await beyondHiddenRecord(context, named) : named;
  await send(call, confirmationResponse(subscriptionId), signal);
  context.onSubscriptions?.(1);
  try {
    const deliver =
      filter === undefined
        ? (events: readonly StoredEvent[]) => sendEvents(reading, events)
        : filteredDelivery(reading, filter);
    const { endSubscribersBehind } = context.switches;
    for await (const step of subscribeToAll({ ...context, signal, endBehind: endSubscribersBehind }, after)) {
      if (step.kind === 'events') await deliver(step.events);
      else await send(call, caughtUpResponse(), signal);
    }
  } finally {
    context.onSubscriptions?.(-1);
  }
};

/**
 * H5: at a hidden record's position EventStoreDB drops the first event after it, taking that for the one that the
 * caller knows.
 */
const beyondHiddenRecord = async ({ reader, tail }: ReadCall['context'], named: bigint): Promise<bigint> => {
  if (named <= LOG_START || named >= tail.end || (await reader.eventAt(named)) !== undefined) return named;
  return (await reader.allPage('forwards', named, 1))[0]?.position ?? named;
};

/** Delivers what the filter lets through, and a checkpoint after each `checkpointInterval` considered events. */
const filteredDelivery = (
  reading: ReadCall,
  { matches, checkpointInterval }: AllFilter,
): ((events: readonly StoredEvent[]) => Promise<void>) => {
  let sinceCheckpoint = 0;
  return async (events) => {
    let wanted: StoredEvent[] = [];
    const turns = new Turns();
    for (const event of events) {
      if (matches(event)) wanted.push(event);
      if (turns.over) await turns.next();
      sinceCheckpoint += 1;
      if (sinceCheckpoint < checkpointInterval) continue;
      sinceCheckpoint = 0;
      await sendEvents(reading, wanted);
      wanted = [];
      await send(reading.call, checkpointResponse(event.position), reading.signal);
    }
    await sendEvents(reading, wanted);
  };
};

/** Serves a subscription to a stream until the call ends or the stream is deleted for good. */
export const serveStreamSubscription = async (
  reading: ReadCall,
  { stream, from }: ReadRequest & { kind: 'stream-subscription' },
  subscriptionId: string,
): Promise<void> => {
  const { call, context, signal } = reading;
  const end = await context.reader.streamPage(stream, 'backwards', DELETED_STREAM_REVISION, 1);
  if (end.kind === 'deleted') throw streamDeleted(stream);
  const last = end.kind === 'page' ? (end.events[0]?.revision ?? NO_STREAM_REVISION) : NO_STREAM_REVISION;
  const after = from === 'start' ? NO_STREAM_REVISION : from === 'end' ? last : from;
  await send(call, confirmationResponse(subscriptionId), signal);
  context.onSubscriptions?.(1);
  try {
    const steps = subscribeToStream({ ...context, signal }, stream, after);
    for (let step = await steps.next(); ; step = await steps.next()) {
      if (step.done === true) {
        if (step.value === 'deleted') throw streamDeleted(stream);
        return;
      }
      if (step.value.kind === 'events') await sendEvents(reading, step.value.events);
      else await send(call, caughtUpResponse(), signal);
    }
  } finally {
    context.onSubscriptions?.(-1);
  }
};
