import { Counter, Gauge } from 'prom-client';
import type { Registry } from 'prom-client';

export const STORE_STATES = ['ready', 'away', 'recovering', 'not_the_store_we_knew'] as const;

/**
 * The connection to the event store, as this process sees it.
 * - `ready`: it answers
 * - `away`: it does not; appends are refused at once
 * - `recovering`: it answers again, and the clients are being replaced
 * - `not_the_store_we_knew`: it answers, and does not hold what this process stored; nothing is read or appended
 */
export type StoreState = (typeof STORE_STATES)[number];

/** Told of what happens on the connection. */
export interface StoreObserver {
  state(state: StoreState): void;
  clientReplaced(which: 'reading' | 'appending'): void;
  /** An append's outcome was unknown, and the same events were sent again (append protocol, step 4). */
  appendRetried(): void;
  /** A subscription was ended and begun again; routine (H6). */
  resubscribed(subscription: string, reason: string): void;
}

export const unobserved: StoreObserver = {
  state: () => undefined,
  clientReplaced: () => undefined,
  appendRetried: () => undefined,
  resubscribed: () => undefined,
};

/** Metrics of the connection, by the names that docs/operating.md explains. */
export const storeMetrics = (registry: Registry): StoreObserver => {
  const registers = [registry];
  const state = new Gauge({
    name: 'ligature_event_store_state',
    help: 'State of the connection to the event store: 1 for the current one',
    labelNames: ['state'],
    registers,
  });
  const changes = new Counter({
    name: 'ligature_event_store_state_changes_total',
    help: 'Changes into each state',
    labelNames: ['state'],
    registers,
  });
  const replaced = new Counter({
    name: 'ligature_event_store_clients_replaced_total',
    help: 'Clients replaced after the store was away (H2, H3)',
    labelNames: ['client'],
    registers,
  });
  const retried = new Counter({
    name: 'ligature_event_store_append_retries_total',
    help: 'Appends of unknown outcome that were sent again (H8)',
    registers,
  });
  const resubscribed = new Counter({
    name: 'ligature_event_store_resubscriptions_total',
    help: 'Subscriptions that were begun again; slow_consumer is routine (H6)',
    labelNames: ['subscription', 'reason'],
    registers,
  });
  const show = (current: StoreState): void =>
    STORE_STATES.forEach((name) => state.set({ state: name }, name === current ? 1 : 0));
  show('ready');
  return {
    state: (current) => {
      show(current);
      changes.inc({ state: current });
    },
    clientReplaced: (client) => replaced.inc({ client }),
    appendRetried: () => retried.inc(),
    resubscribed: (subscription, reason) =>
      resubscribed.inc({ subscription, reason: /too slow/i.test(reason) ? 'slow_consumer' : 'connection' }),
  };
};
