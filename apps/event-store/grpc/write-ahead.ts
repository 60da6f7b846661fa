import { ServerInterceptingCall } from '@grpc/grpc-js';
import type { ServerInterceptor } from '@grpc/grpc-js';
import streams from '@eventstore/db-client/generated/streams_pb.js';

/** Beyond either of these a call waits until the connection has taken what was written before. */
const MAX_MESSAGES = 64;
const MAX_BYTES = 128 * 1024;

const SMALL_MESSAGE_BYTES = 100;

/** About how large a response is on the wire; only events can be large. */
const weightOf = (message: unknown): number => {
  const recorded = message instanceof streams.ReadResp ? message.getEvent()?.getEvent() : undefined;
  return (
    SMALL_MESSAGE_BYTES + (recorded === undefined ? 0 : recorded.getData().length + recorded.getCustomMetadata().length)
  );
};

/**
 * Writes several messages of a call before the first of them has left: otherwise grpc-js waits for the connection after
 * each, which costs a system call per message here and one at the client. What is written ahead is bounded, so a client
 * that does not read still holds its call up.
 */
class WriteAheadCall extends ServerInterceptingCall {
  #messages = 0;
  #bytes = 0;
  #waiting: (() => void) | undefined;

  override sendMessage(message: unknown, callback: () => void): void {
    const weight = weightOf(message);
    this.#messages += 1;
    this.#bytes += weight;
    super.sendMessage(message, () => {
      this.#messages -= 1;
      this.#bytes -= weight;
      const waiting = this.#waiting;
      if (waiting === undefined || this.#isFull()) return;
      this.#waiting = undefined;
      waiting();
    });
    // A call sends its next message only after this callback, so at most one waits.
    if (this.#isFull()) this.#waiting = callback;
    else callback();
  }

  #isFull(): boolean {
    return this.#messages >= MAX_MESSAGES || this.#bytes >= MAX_BYTES;
  }
}

/** For all methods of the server. */
export const writeAhead: ServerInterceptor = (_method, call) => new WriteAheadCall(call);
