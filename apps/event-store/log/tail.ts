import type { StoredEvent } from './event.js';
import { LOG_START } from './position.js';

/** Dropping events moves all others, so it is done for many at once: this many times the bounds are reached before. */
const SLACK = 1.25;

/**
 * The end of the log: how far it is committed, and the last events, so that live subscribers need not ask PostgreSQL.
 * Bounded by number and size of the events; who is further behind reads from the log.
 */
export class LogTail {
  #events: StoredEvent[] = [];
  #bytes = 0;
  #start = LOG_START;
  #end = LOG_START;
  readonly #waiting = new Set<() => void>();

  constructor(
    private readonly maxEvents = 4_096,
    private readonly maxBytes = 8 * 1024 * 1024,
  ) {}

  /** Position of the last committed event. */
  get end(): bigint {
    return this.#end;
  }

  /** All committed events after `position`, in order; undefined when they reach back further than the tail does. */
  after(position: bigint): readonly StoredEvent[] | undefined {
    if (position < this.#start) return undefined;
    let low = 0;
    let high = this.#events.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#events[middle] as StoredEvent).position <= position) low = middle + 1;
      else high = middle;
    }
    return this.#events.slice(low);
  }

  /** Takes events that have just been committed, in order, and wakes who waits for them. */
  append(events: readonly StoredEvent[]): void {
    const last = events.at(-1);
    if (last === undefined) return;
    for (const event of events) {
      this.#events.push(event);
      this.#bytes += sizeOf(event);
    }
    this.#end = last.position;
    this.#trim();
    this.#wake();
  }

  /** Starts again at `position`, when events may have been committed that the tail was not given. */
  reset(position: bigint): void {
    this.#events = [];
    this.#bytes = 0;
    this.#start = position;
    this.#end = position;
    this.#wake();
  }

  /** Resolves when events after `position` are committed, or when `signal` is aborted. */
  async waitBeyond(position: bigint, signal: AbortSignal): Promise<void> {
    while (this.#end <= position && !signal.aborted) {
      await new Promise<void>((resolve) => {
        const wake = (): void => {
          this.#waiting.delete(wake);
          signal.removeEventListener('abort', wake);
          resolve();
        };
        this.#waiting.add(wake);
        signal.addEventListener('abort', wake);
      });
    }
  }

  #trim(): void {
    if (this.#events.length <= SLACK * this.maxEvents && this.#bytes <= SLACK * this.maxBytes) return;
    let dropped = 0;
    while (this.#events.length - dropped > this.maxEvents || this.#bytes > this.maxBytes) {
      const event = this.#events[dropped] as StoredEvent;
      this.#bytes -= sizeOf(event);
      this.#start = event.position;
      dropped += 1;
    }
    this.#events.splice(0, dropped);
  }

  #wake(): void {
    for (const wake of [...this.#waiting]) wake();
  }
}

const sizeOf = (event: StoredEvent): number =>
  event.data.length + event.metadata.length + 2 * (event.stream.length + event.type.length) + 200;
