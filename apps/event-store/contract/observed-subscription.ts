import type { AllStreamSubscription, ResolvedEvent, StreamSubscription } from '@eventstore/db-client';
import { until } from './contract-store.js';

/** Everything that a subscription said, in order: signals by name, events by type, an error by its type. */
export interface ObservedSubscription {
  readonly said: readonly string[];
  readonly received: readonly ResolvedEvent[];
  readonly error: () => Error | undefined;
  /** Waits until it has said at least so much. */
  untilSaid(count: number): Promise<void>;
  /** Waits until it has said this. */
  untilHeard(what: string): Promise<void>;
  /** Waits until so many events have come. */
  untilReceived(count: number): Promise<void>;
  unsubscribe(): Promise<void>;
}

/** Listens to a subscription from its beginning. */
export const observe = (subscription: AllStreamSubscription | StreamSubscription): ObservedSubscription => {
  const said: string[] = [];
  const received: ResolvedEvent[] = [];
  let failure: Error | undefined;
  for (const signal of ['confirmation', 'caughtUp', 'fellBehind'] as const)
    subscription.on(signal, () => void said.push(signal));
  subscription.on('error', (error: Error & { type?: string }) => {
    failure = error;
    said.push(`error ${error.type ?? error.message}`);
  });
  subscription.on('data', (resolved: ResolvedEvent) => {
    received.push(resolved);
    said.push(resolved.event?.type ?? 'unresolved');
  });
  return {
    said,
    received,
    error: () => failure,
    untilSaid: (count) => until(() => said.length >= count),
    untilHeard: (what) => until(() => said.includes(what)),
    untilReceived: (count) => until(() => received.length >= count || failure !== undefined),
    unsubscribe: () => subscription.unsubscribe(),
  };
};
