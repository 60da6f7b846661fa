/** The injected source of time. Nothing in Ligature calls `new Date()` or `Date.now()` for a decision. */
export type Clock = () => Date;

/** The machine's clock. */
export const systemClock: Clock = () => new Date();
