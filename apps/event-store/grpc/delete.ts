import streams from '@eventstore/db-client/generated/streams_pb.js';
import type { DeleteReq, DeleteResp, TombstoneReq, TombstoneResp } from '@eventstore/db-client/generated/streams_pb.js';
import type { handleUnaryCall, ServerUnaryCall } from '@grpc/grpc-js';
import { requireAdministrator } from './authentication.js';
import { deadlineExceeded, invalidArgument, streamDeleted, unavailable, wrongExpectedVersion } from './errors.js';
import { answerForFailure } from './failure.js';
import { expectedRevisionNumber, readExpectedRevision, readStreamName } from './requests.js';
import type { ServiceContext } from './service.js';

/** Deletes as the request says. @returns the position of what marks the deletion */
const run = async (
  context: ServiceContext,
  call: ServerUnaryCall<DeleteReq, unknown> | ServerUnaryCall<TombstoneReq, unknown>,
  kind: 'soft-delete' | 'tombstone',
): Promise<string> => {
  requireAdministrator(context.authenticate, call.metadata);
  const options = call.request.getOptions();
  if (options === undefined) throw invalidArgument('A deletion needs its options');
  const stream = readStreamName(options.getStreamIdentifier());
  const expected = readExpectedRevision(options, options.hasRevision() ? options.getRevision() : undefined);
  const outcome = await context.writer.write({ kind, stream, expected });
  switch (outcome.kind) {
    case 'written':
      return String(outcome.position);
    case 'conflict':
      throw wrongExpectedVersion('Delete', stream, expectedRevisionNumber(expected), outcome.actual);
    case 'deleted':
      throw streamDeleted(stream);
    case 'expired':
      throw deadlineExceeded();
    case 'unavailable':
      throw unavailable();
  }
};

/** `Streams.Delete`: a soft delete; the stream can be written again and goes on at its next revision. */
export const createDelete =
  (context: ServiceContext): handleUnaryCall<DeleteReq, DeleteResp> =>
  (call, respond) => {
    run(context, call, 'soft-delete').then(
      (position) =>
        respond(
          null,
          new streams.DeleteResp().setPosition(
            new streams.DeleteResp.Position().setCommitPosition(position).setPreparePosition(position),
          ),
        ),
      (error: unknown) => respond(answerForFailure(error, context.logger, 'Delete')),
    );
  };

/** `Streams.Tombstone`: a hard delete; the stream is gone for ever. */
export const createTombstone =
  (context: ServiceContext): handleUnaryCall<TombstoneReq, TombstoneResp> =>
  (call, respond) => {
    run(context, call, 'tombstone').then(
      (position) =>
        respond(
          null,
          new streams.TombstoneResp().setPosition(
            new streams.TombstoneResp.Position().setCommitPosition(position).setPreparePosition(position),
          ),
        ),
      (error: unknown) => respond(answerForFailure(error, context.logger, 'Tombstone')),
    );
  };
