import { setImmediate as nextTurn } from 'node:timers/promises';

const TURN_MS = 10;

/**
 * Work in steps that may be long together, such as a costly filter over many events: it lets others have the event loop
 * in between.
 */
export class Turns {
  #beganMs = performance.now();

  /** Whether others should have their turn now. */
  get over(): boolean {
    return performance.now() - this.#beganMs > TURN_MS;
  }

  /** Gives them their turn. */
  async next(): Promise<void> {
    await nextTurn();
    this.#beganMs = performance.now();
  }
}
