import type { Clock } from '#libs/platform/clock.js';
import type { Limit, ThrottleAnswer, Throttles } from './throttles.js';

/**
 * A limit on failures that costs nothing while there are none. All instances count together and exactly; each shuts a
 * key out when it learns that the limit is passed, so at most one more try reaches each of them.
 */
export class FailureLimit {
  readonly #shutOutUntilMs = new Map<string, number>();

  constructor(
    private readonly throttles: Throttles,
    private readonly clock: Clock,
    private readonly limit: Limit,
  ) {}

  /** Whether the next try may be looked at. */
  ask(key: string): ThrottleAnswer {
    const leftMs = (this.#shutOutUntilMs.get(key) ?? 0) - this.clock().getTime();
    return leftMs > 0 ? { kind: 'throttled', retryAfterS: Math.ceil(leftMs / 1_000) } : { kind: 'allowed' };
  }

  async noteFailure(key: string): Promise<void> {
    const answer = await this.throttles.hit(this.limit, '*', key);
    if (answer.kind === 'allowed') return;
    const now = this.clock().getTime();
    for (const [other, untilMs] of this.#shutOutUntilMs) if (untilMs <= now) this.#shutOutUntilMs.delete(other);
    this.#shutOutUntilMs.set(key, now + answer.retryAfterS * 1_000);
  }
}
