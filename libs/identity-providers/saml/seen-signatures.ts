import { createHash } from 'node:crypto';
import { forgetOldest } from '#libs/platform/forget-oldest.js';

/** How often one signature is looked at: a browser may send its response twice. */
const MOST_TIMES = 5;
const MOST_SIGNATURES = 20_000;

/**
 * How often this process met each of the providers' latest signatures. A message that a provider has signed may be
 * large, and whoever has one can send it, or another around its signature, as often as they like (security row D1): it
 * is worth the work a few times. Whether it may be used is decided elsewhere (S4).
 */
export class SeenSignatures {
  readonly #times = new Map<string, number>();

  /** Counts a use. @param signature its value, proven to be a provider's @returns whether it is worth looking at */
  admits(signature: string): boolean {
    const key = createHash('sha256').update(signature).digest('base64');
    const times = (this.#times.get(key) ?? 0) + 1;
    this.#times.delete(key);
    this.#times.set(key, times);
    forgetOldest(this.#times, MOST_SIGNATURES);
    return times <= MOST_TIMES;
  }
}
