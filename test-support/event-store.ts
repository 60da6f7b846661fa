import { startNode } from '#apps/event-store/node.js';
import { silentLogger } from '#libs/platform/logger.js';
import { createTestDatabase } from './database.js';
import type { TestDatabase } from './database.js';

export interface TestEventStore {
  /** `esdb://127.0.0.1:port?tls=false` */
  readonly url: string;
  /** Where the log is. */
  readonly database: TestDatabase;
  /** Stops the node, and drops its database. */
  stop(): Promise<void>;
}

/** An embedded event-store node in this process, on a free port, with an empty log in a database of its own. */
export const startTestEventStore = async (): Promise<TestEventStore> => {
  const database = await createTestDatabase();
  const node = await startNode({
    databaseUrl: database.urls.ligature_event_store,
    host: '127.0.0.1',
    port: 0,
    logger: silentLogger,
  });
  return {
    url: node.url,
    database,
    stop: async () => {
      await node.stop();
      await database.drop();
    },
  };
};
