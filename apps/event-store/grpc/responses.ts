import shared from '@eventstore/db-client/generated/shared_pb.js';
import streams from '@eventstore/db-client/generated/streams_pb.js';
import type { ReadResp } from '@eventstore/db-client/generated/streams_pb.js';
import type { StoredEvent } from '../log/event.js';
import type { ResolvedEvent } from '../links.js';
import { toWireUuid } from './wire-uuid.js';

const { ReadEvent } = streams.ReadResp;

const recordedEvent = (event: StoredEvent, structuredIds: boolean): ReadResp.ReadEvent.RecordedEvent => {
  const position = String(event.position);
  const message = new ReadEvent.RecordedEvent()
    .setId(toWireUuid(event.id, structuredIds))
    .setStreamIdentifier(new shared.StreamIdentifier().setStreamName(Buffer.from(event.stream, 'utf8')))
    .setStreamRevision(String(event.revision))
    .setPreparePosition(position)
    .setCommitPosition(position)
    .setCustomMetadata(event.metadata)
    .setData(event.data);
  message
    .getMetadataMap()
    .set('type', event.type)
    // In .NET's ticks of 100 ns.
    .set('created', `${event.createdMs}0000`)
    .set('content-type', event.isJson ? 'application/json' : 'application/octet-stream');
  return message;
};

export const eventResponse = ({ event, link }: ResolvedEvent, structuredIds: boolean): ReadResp => {
  const message = new ReadEvent();
  if (event !== undefined) message.setEvent(recordedEvent(event, structuredIds));
  if (link !== undefined) message.setLink(recordedEvent(link, structuredIds));
  const position = (link ?? event)?.position;
  if (position !== undefined) message.setCommitPosition(String(position));
  return new streams.ReadResp().setEvent(message);
};

export const confirmationResponse = (subscriptionId: string): ReadResp =>
  new streams.ReadResp().setConfirmation(
    new streams.ReadResp.SubscriptionConfirmation().setSubscriptionId(subscriptionId),
  );

export const checkpointResponse = (position: bigint): ReadResp =>
  new streams.ReadResp().setCheckpoint(
    new streams.ReadResp.Checkpoint().setCommitPosition(String(position)).setPreparePosition(String(position)),
  );

export const caughtUpResponse = (): ReadResp => new streams.ReadResp().setCaughtUp(new streams.ReadResp.CaughtUp());

export const streamNotFoundResponse = (stream: string): ReadResp =>
  new streams.ReadResp().setStreamNotFound(
    new streams.ReadResp.StreamNotFound().setStreamIdentifier(
      new shared.StreamIdentifier().setStreamName(Buffer.from(stream, 'utf8')),
    ),
  );
