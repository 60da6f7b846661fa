import shared from '@eventstore/db-client/generated/shared_pb.js';
import type { StreamIdentifier } from '@eventstore/db-client/generated/shared_pb.js';
import code from '@eventstore/db-client/generated/code_pb.js';
import status from '@eventstore/db-client/generated/status_pb.js';
import type { Status } from '@eventstore/db-client/generated/status_pb.js';
import protobufAny from 'google-protobuf/google/protobuf/any_pb.js';
import protobufEmpty from 'google-protobuf/google/protobuf/empty_pb.js';
import type { Message } from 'google-protobuf';
import type { ExpectedRevision } from '../log/event.js';

/**
 * Errors inside a `BatchAppend` answer: a `google.rpc.Status` whose details hold a message of `event_store.client`. Its
 * `message` is the name of that kind, which clients show for kinds that they do not know.
 */
const packed = (name: string, statusCode: number, details: Message): Status => {
  const any = new protobufAny.Any();
  any.pack(details.serializeBinary(), `event_store.client.${name}`);
  return new status.Status()
    .setCode(statusCode as never)
    .setMessage(name)
    .setDetails(any);
};

export const packedWrongExpectedVersion = (expected: ExpectedRevision, actual: bigint): Status => {
  const details = new shared.WrongExpectedVersion();
  const empty = new protobufEmpty.Empty();
  if (actual < 0n) details.setCurrentNoStream(empty);
  else details.setCurrentStreamRevision(String(actual));
  if (expected === 'any') details.setExpectedAny(empty);
  else if (expected === 'no_stream') details.setExpectedNoStream(empty);
  else if (expected === 'stream_exists') details.setExpectedStreamExists(empty);
  else details.setExpectedStreamPosition(String(expected));
  return packed('WrongExpectedVersion', code.Code.FAILED_PRECONDITION, details);
};

export const packedStreamDeleted = (stream: StreamIdentifier): Status =>
  packed('StreamDeleted', code.Code.FAILED_PRECONDITION, new shared.StreamDeleted().setStreamIdentifier(stream));

export const packedAccessDenied = (): Status =>
  packed('AccessDenied', code.Code.PERMISSION_DENIED, new shared.AccessDenied());

export const packedTimeout = (): Status => packed('Timeout', code.Code.DEADLINE_EXCEEDED, new shared.Timeout());

export const packedMaximumAppendSizeExceeded = (limit: number): Status =>
  packed(
    'MaximumAppendSizeExceeded',
    code.Code.INVALID_ARGUMENT,
    new shared.MaximumAppendSizeExceeded().setMaxappendsize(limit),
  );

export const packedBadRequest = (message: string): Status =>
  packed('BadRequest', code.Code.INVALID_ARGUMENT, new shared.BadRequest().setMessage(message));
