import { AsyncLocalStorage } from 'node:async_hooks';

const deadlines = new AsyncLocalStorage<number>();

/**
 * Runs `work`, and whatever it starts, with a deadline that the requests towards other servers stay below.
 * @param budgetMs in milliseconds from now
 */
export const withDeadline = <T>(budgetMs: number, work: () => T): T => deadlines.run(Date.now() + budgetMs, work);

/** What is left for the request that this code serves, in milliseconds; infinite where nobody waits for an answer. */
export const remainingMs = (): number => (deadlines.getStore() ?? Infinity) - Date.now();

/**
 * After this time, in milliseconds, nothing goes on any more that began before: a request lives 10 seconds at most
 * (apps/identity/before-nest.ts); the rest is for clocks that differ.
 */
export const SETTLED_AFTER_MS = 15_000;
