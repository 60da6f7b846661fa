import { randomUUID } from 'node:crypto';
import type { ReadReq, ReadResp } from '@eventstore/db-client/generated/streams_pb.js';
import type { ServerWritableStream } from '@grpc/grpc-js';
import { requireReader } from './authentication.js';
import { answerForFailure } from './failure.js';
import { signalOf } from './flow.js';
import { readAll } from './read-all.js';
import { parseRead } from './read-request.js';
import { readStream } from './read-stream.js';
import type { ReadCall } from './read-call.js';
import type { ServiceContext } from './service.js';
import { serveAllSubscription, serveStreamSubscription } from './subscribe.js';

const serve = async (context: ServiceContext, call: ServerWritableStream<ReadReq, ReadResp>): Promise<void> => {
  requireReader(context.authenticate, call.metadata);
  const request = parseRead(call.request);
  const reading: ReadCall = {
    call,
    context,
    signal: signalOf(call),
    structuredIds: request.structuredIds,
    resolveLinks: request.resolveLinks,
    upTo: call.metadata.get('requires-leader')[0] === 'true' ? undefined : context.switches.staleAfter,
  };
  switch (request.kind) {
    case 'stream':
      return readStream(reading, request);
    case 'all':
      return readAll(reading, request);
    case 'stream-subscription':
      return serveStreamSubscription(reading, request, randomUUID());
    case 'all-subscription':
      return serveAllSubscription(reading, request, randomUUID());
  }
};

/** `Streams.Read`: reads and subscriptions, of one stream or of `$all`. */
export const createRead =
  (context: ServiceContext) =>
  (call: ServerWritableStream<ReadReq, ReadResp>): void => {
    serve(context, call).then(
      () => call.end(),
      (error: unknown) => call.emit('error', answerForFailure(error, context.logger, 'Read')),
    );
  };
