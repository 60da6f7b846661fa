import shared from '@eventstore/db-client/generated/shared_pb.js';
import streams from '@eventstore/db-client/generated/streams_pb.js';
import type { AppendReq, AppendResp } from '@eventstore/db-client/generated/streams_pb.js';
import type { sendUnaryData, ServerReadableStream } from '@grpc/grpc-js';
import type { ExpectedRevision, ProposedEvent } from '../log/event.js';
import type { WriteOutcome } from '../log/write.js';
import { mayAppendTo } from './authentication.js';
import {
  accessDenied,
  deadlineExceeded,
  invalidArgument,
  maximumAppendSizeExceeded,
  streamDeleted,
  unavailable,
} from './errors.js';
import { answerForFailure } from './failure.js';
import { appendSize, readExpectedRevision, readProposedEvent, readStreamName } from './requests.js';
import type { ServiceContext } from './service.js';

interface Append {
  readonly stream: string;
  readonly expected: ExpectedRevision;
  readonly events: ProposedEvent[];
}

const readOptions = (options: AppendReq.Options): Append => ({
  stream: readStreamName(options.getStreamIdentifier()),
  expected: readExpectedRevision(options, options.hasRevision() ? options.getRevision() : undefined),
  events: [],
});

const readAppend = async (call: AsyncIterable<AppendReq>, maxAppendSize: number): Promise<Append> => {
  let append: Append | undefined;
  let size = 0;
  for await (const request of call) {
    const options = request.getOptions();
    const message = request.getProposedMessage();
    if (append === undefined) {
      if (options === undefined) throw invalidArgument('The first message of an append holds its options');
      append = readOptions(options);
    } else {
      if (message === undefined) throw invalidArgument('Each message of an append but the first holds an event');
      const event = readProposedEvent(message);
      size += appendSize(event);
      if (size > maxAppendSize) throw maximumAppendSizeExceeded(maxAppendSize);
      append.events.push(event);
    }
  }
  if (append === undefined) throw invalidArgument('An append needs its options');
  return append;
};

const success = (revision: bigint, position: bigint): AppendResp => {
  const message = new streams.AppendResp.Success().setPosition(
    new streams.AppendResp.Position().setCommitPosition(String(position)).setPreparePosition(String(position)),
  );
  if (revision < 0n) message.setNoStream(new shared.Empty());
  else message.setCurrentRevision(String(revision));
  return new streams.AppendResp().setSuccess(message);
};

const conflict = (expected: ExpectedRevision, actual: bigint): AppendResp => {
  const message = new streams.AppendResp.WrongExpectedVersion();
  const empty = new shared.Empty();
  if (actual < 0n) message.setCurrentNoStream(empty);
  else message.setCurrentRevision(String(actual));
  if (expected === 'any') message.setExpectedAny(empty);
  else if (expected === 'no_stream') message.setExpectedNoStream(empty);
  else if (expected === 'stream_exists') message.setExpectedStreamExists(empty);
  else message.setExpectedRevision(String(expected));
  return new streams.AppendResp().setWrongExpectedVersion(message);
};

const answer = ({ stream, expected }: Append, outcome: WriteOutcome): AppendResp => {
  switch (outcome.kind) {
    case 'written':
      return success(outcome.revision, outcome.position);
    case 'conflict':
      return conflict(expected, outcome.actual);
    case 'deleted':
      throw streamDeleted(stream);
    case 'expired':
      throw deadlineExceeded();
    case 'unavailable':
      throw unavailable();
  }
};

/** `Streams.Append`: one append per call; the client's way when credentials are given with the call. */
export const createAppend =
  (context: ServiceContext) =>
  (call: ServerReadableStream<AppendReq, AppendResp>, respond: sendUnaryData<AppendResp>): void => {
    const run = async (): Promise<AppendResp> => {
      const caller = context.authenticate(call.metadata);
      if (caller === 'anonymous') throw accessDenied();
      const append = await readAppend(call, context.maxAppendSize);
      if (!mayAppendTo(caller, append.stream)) throw accessDenied();
      const deadline = call.getDeadline();
      const deadlineMs = deadline instanceof Date ? deadline.getTime() : deadline;
      return answer(append, await context.writer.write({ kind: 'append', ...append, deadlineMs }));
    };
    run().then(
      (response) => respond(null, response),
      (error: unknown) => {
        // A call that the client gave up has nobody to answer to.
        if (!call.cancelled) respond(answerForFailure(error, context.logger, 'Append'));
      },
    );
  };
