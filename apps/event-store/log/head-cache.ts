import type { StreamHead } from './stream-head.js';

/**
 * The heads of the streams used last. The writer is the only one who writes streams, so what it put here stays true
 * until it writes again, or until it no longer knows what was stored (then: {@link clear}).
 */
export class HeadCache {
  readonly #heads = new Map<string, StreamHead>();

  /** @param capacity number of heads kept; the one used longest ago goes first */
  constructor(private readonly capacity = 50_000) {}

  get(stream: string): StreamHead | undefined {
    const head = this.#heads.get(stream);
    if (head !== undefined) this.#touch(stream, head);
    return head;
  }

  set(stream: string, head: StreamHead): void {
    this.#touch(stream, head);
  }

  /**
   * Forgets the heads beyond the capacity. Apart from {@link set}, so that a group of writes never loses a head that it
   * has just loaded.
   */
  trim(): void {
    for (const stream of this.#heads.keys()) {
      if (this.#heads.size <= this.capacity) return;
      this.#heads.delete(stream);
    }
  }

  clear(): void {
    this.#heads.clear();
  }

  // A Map iterates in the order of insertion, so the front is what was used longest ago.
  #touch(stream: string, head: StreamHead): void {
    this.#heads.delete(stream);
    this.#heads.set(stream, head);
  }
}
