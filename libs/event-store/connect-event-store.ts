import type { Clock } from '#libs/platform/clock.js';
import type { NewId } from '#libs/platform/ids.js';
import type { Logger } from '#libs/platform/logger.js';
import type { SubjectKeys } from '#libs/privacy/subject-keys.js';
import { createCodec } from './codec.js';
import type { Codec } from './codec.js';
import type { EventCatalog } from './event-catalog.js';
import { EventStore } from './event-store.js';
import { StoreConnection } from './store-connection.js';
import type { StoreObserver } from './store-metrics.js';

export interface EventCore {
  readonly connection: StoreConnection;
  readonly codec: Codec;
  readonly store: EventStore;
}

/** Puts the parts together: one connection, one codec, one way to read and write. */
export const connectEventStore = (options: {
  readonly url: string;
  readonly catalog: EventCatalog;
  readonly keys: SubjectKeys;
  readonly clock: Clock;
  readonly newId: NewId;
  readonly logger: Logger;
  readonly observer?: StoreObserver;
}): EventCore => {
  const { url, logger, observer } = options;
  const connection = new StoreConnection({ url, logger, ...(observer ? { observer } : {}) });
  const codec = createCodec(options.catalog, options.keys);
  return {
    connection,
    codec,
    store: new EventStore({ connection, codec, clock: options.clock, newId: options.newId }),
  };
};
