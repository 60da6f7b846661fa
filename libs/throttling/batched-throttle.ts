import type { Clock } from '#libs/platform/clock.js';
import type { Limit, ThrottleAnswer, Throttles } from './throttles.js';

/** So many occurrences are counted in this process before the shared count learns of them. */
const BATCH = 50;
/** Keys that are counted at a time; beyond it all start anew. */
const MOST_KEYS = 10_000;

/**
 * A generous limit for what happens often: the shared count is asked for every {@link BATCH}th occurrence only, so that
 * counting costs next to nothing. Per instance it lets a batch more through than the limit says.
 */
export class BatchedThrottle {
  readonly #uncounted = new Map<string, number>();
  readonly #blockedUntilMs = new Map<string, number>();

  constructor(
    private readonly throttles: Throttles,
    private readonly clock: Clock,
    private readonly limit: Limit,
  ) {}

  async hit(key: string): Promise<ThrottleAnswer> {
    const leftMs = (this.#blockedUntilMs.get(key) ?? 0) - this.clock().getTime();
    if (leftMs > 0) return { kind: 'throttled', retryAfterS: Math.ceil(leftMs / 1_000) };
    this.#blockedUntilMs.delete(key);
    const occurrences = (this.#uncounted.get(key) ?? 0) + 1;
    if (occurrences < BATCH) {
      if (this.#uncounted.size >= MOST_KEYS) this.#uncounted.clear();
      this.#uncounted.set(key, occurrences);
      return { kind: 'allowed' };
    }
    this.#uncounted.delete(key);
    const answer = await this.throttles.hit(this.limit, '*', key, occurrences);
    if (answer.kind === 'throttled') this.#blockedUntilMs.set(key, this.clock().getTime() + answer.retryAfterS * 1_000);
    return answer;
  }
}
