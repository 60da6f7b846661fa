import { AsyncLocalStorage } from 'node:async_hooks';

const addresses = new AsyncLocalStorage<string>();

/** Runs `work`, and whatever it starts, for a request from this network (see `addressKey`). */
export const withRequestAddress = <T>(address: string, work: () => T): T => addresses.run(address, work);

/** The network that the request under way comes from; nothing where no request is. */
export const requestAddress = (): string | undefined => addresses.getStore();
