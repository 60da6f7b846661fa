import type { StoreConnection } from '#libs/event-store/store-connection.js';

type Subscription = ReturnType<StoreConnection['client']['subscribeToAll']>;
type Listener = (...args: unknown[]) => void;

/** The same store, whose subscriptions hand each event over up to three times, and sometimes an earlier one again. */
export const deliveredOften = (connection: StoreConnection, random: () => number): StoreConnection => {
  const often = (subscription: Subscription): Subscription => {
    const on = subscription.on.bind(subscription) as (event: string, listener: Listener) => Subscription;
    let earlier: unknown;
    subscription.on = ((event: string, listener: Listener) =>
      event !== 'data'
        ? on(event, listener)
        : on(event, (resolved: unknown) => {
            for (let times = 1 + Math.floor(random() * 3); times > 0; times -= 1) listener(resolved);
            if (earlier !== undefined && random() < 0.1) listener(earlier);
            earlier = resolved;
          })) as Subscription['on'];
    return subscription;
  };
  return {
    observer: connection.observer,
    read: connection.read.bind(connection),
    get reading() {
      const { client, replaced } = connection.reading;
      const subscribeToAll = (...args: Parameters<typeof client.subscribeToAll>): Subscription =>
        often(client.subscribeToAll(...args));
      return { client: { subscribeToAll }, replaced };
    },
  } as unknown as StoreConnection;
};
