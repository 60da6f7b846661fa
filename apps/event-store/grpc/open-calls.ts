import type { Writable } from 'node:stream';
import { toStatus, unavailable } from './errors.js';

/** The calls that may stay open for long, so that a node that stops can tell their clients so. */
export class OpenCalls {
  readonly #calls = new Set<Writable>();

  /** Keeps track of the calls of a method. */
  tracking<Call extends Writable>(handle: (call: Call) => void): (call: Call) => void {
    return (call) => {
      const forget = (): void => void this.#calls.delete(call);
      this.#calls.add(call);
      call.once('close', forget);
      call.once('cancelled', forget);
      handle(call);
    };
  }

  /** Ends all of them with the error that makes clients try again elsewhere or later. */
  end(): void {
    for (const call of this.#calls) if (call.writable) call.emit('error', toStatus(unavailable()));
  }
}
