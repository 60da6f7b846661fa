import { startNode } from '#apps/event-store/node.js';
import type { HazardSwitches } from '#apps/event-store/hazards/switches.js';
import type { EventStoreNode } from '#apps/event-store/node.js';
import { silentLogger } from '#libs/platform/logger.js';
import { createTestDatabase } from './database.js';
import type { TestDatabase } from './database.js';

export interface RestartableEventStore {
  readonly url: string;
  readonly port: number;
  /** Where the log is; {@link RestartableEventStore.comeBack} can be given another one. */
  readonly database: TestDatabase;
  goAway(): Promise<void>;
  /** On the same port. @param on the database of another log: another store at the same address */
  comeBack(on?: TestDatabase): Promise<void>;
  stop(): Promise<void>;
}

/** @param switches may be changed while it runs; they outlive its restarts */
/**
 * An embedded node in this process that can go away and come back, with the same log or another, at the same address.
 */
export const startRestartableEventStore = async (switches: HazardSwitches = {}): Promise<RestartableEventStore> => {
  const database = await createTestDatabase();
  const start = (port: number, on: TestDatabase): Promise<EventStoreNode> =>
    startNode({ databaseUrl: on.urls.ligature_event_store, host: '127.0.0.1', port, logger: silentLogger, switches });
  let node: EventStoreNode | undefined = await start(0, database);
  const { port, url } = node;
  const goAway = async (): Promise<void> => {
    await node?.stop();
    node = undefined;
  };
  return {
    url,
    port,
    database,
    goAway,
    comeBack: async (on = database) => {
      node = await start(port, on);
    },
    stop: async () => {
      await goAway();
      await database.drop();
    },
  };
};
