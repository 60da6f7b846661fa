/** A parked stream is tried again after this, in milliseconds, then after twice as long each time, up to the longest. */
const FIRST_MS = 60_000;
const LONGEST_MS = 6 * 3_600_000;

/** When a parked stream is tried again by itself. @param tries how often it was, without success */
export const retryAfterMs = (tries: number): number => Math.min(FIRST_MS * 2 ** tries, LONGEST_MS);

/** Parked streams that are looked at in one turn; whoever feeds the others waits for it. */
export const TAKEN_UP_AT_ONCE = 20;
/** A turn ends after so many streams that fail again: a client that has parked thousands holds nobody up. */
export const MOST_FAILED_AT_ONCE = 5;
/** A turn ends after so many streams that go on. */
export const MOST_HEALED_AT_ONCE = 200;
