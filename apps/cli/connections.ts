import { userInfo } from 'node:os';
import { z } from 'zod';
import { connectEventStore } from '#libs/event-store/connect-event-store.js';
import type { CommandContext } from '#libs/event-store/event-metadata.js';
import type { EventStore } from '#libs/event-store/event-store.js';
import type { StoreConnection } from '#libs/event-store/store-connection.js';
import { eventCatalog } from '#libs/event-catalog/event-catalog.js';
import { httpPolicyOf, httpPolicyShape } from '#libs/platform/http-policy.js';
import type { HttpPolicy } from '#libs/platform/guarded-http.js';
import { systemClock } from '#libs/platform/clock.js';
import { eventStoreUrl, masterKeyShape, postgresUrl, readConfiguration } from '#libs/platform/configuration.js';
import { newUuid } from '#libs/platform/ids.js';
import { silentLogger } from '#libs/platform/logger.js';
import { createPool } from '#libs/platform/postgres/pool.js';
import type { Pool } from '#libs/platform/postgres/pool.js';
import { isSecureOrLoopback } from '#libs/platform/secure-url.js';
import { connectReadModels } from '#projections/read-models.js';
import type { ReadModels } from '#projections/read-models.js';
import { postgresSubjectKeys } from '#libs/privacy/subject-keys.postgres.js';

/** Runs `work` on the database, and closes the connections whatever happens. */
export const withDatabase = async <T>(work: (pool: Pool) => Promise<T>): Promise<T> => {
  const { DATABASE_URL } = readConfiguration({ DATABASE_URL: postgresUrl });
  const pool = createPool(DATABASE_URL, { applicationName: 'ligature-cli', max: 4 });
  try {
    return await work(pool);
  } finally {
    await pool.end();
  }
};

/** How long a command waits until the read models have everything that was stored, in milliseconds. */
export const READ_MODEL_PATIENCE_MS = 60_000;

/** Runs `work` on the read models, and closes the connections whatever happens. */
export const withReadModels = async <T>(work: (readModels: ReadModels) => Promise<T>): Promise<T> => {
  const { DATABASE_URL } = readConfiguration({ DATABASE_URL: postgresUrl });
  const readModels = await connectReadModels(DATABASE_URL, 'ligature-cli');
  try {
    return await work(readModels);
  } finally {
    await readModels.destroy();
  }
};

/** Runs `work` on the event store (with the database for the keys), and closes the connections whatever happens. */
export const withEventStore = async <T>(
  work: (core: { readonly store: EventStore; readonly connection: StoreConnection; readonly pool: Pool }) => Promise<T>,
): Promise<T> => {
  const config = readConfiguration({ DATABASE_URL: postgresUrl, EVENTSTORE_URL: eventStoreUrl, ...masterKeyShape });
  return withDatabase(async (pool) => {
    const keys = postgresSubjectKeys({
      pool,
      masterKey: config.LIGATURE_MASTER_KEY,
      previousMasterKey: config.LIGATURE_MASTER_KEY_PREVIOUS,
      clock: systemClock,
      newId: newUuid,
    });
    const { store, connection } = connectEventStore({
      url: config.EVENTSTORE_URL,
      catalog: eventCatalog,
      keys,
      clock: systemClock,
      newId: newUuid,
      logger: silentLogger,
    });
    try {
      return await work({ store, connection, pool });
    } finally {
      await connection.close();
    }
  });
};

/** The public address of the identity server. */
export const issuerShape = {
  LIGATURE_ISSUER: z.string().refine(isSecureOrLoopback, 'must be https (http on a loopback host only)'),
} as const;

/**
 * Which addresses of identity providers may be asked: what the identity server's environment says, in the command
 * line's too.
 */
export const providerPolicy = (): HttpPolicy => httpPolicyOf(readConfiguration(httpPolicyShape));

/** Who runs the command line: an administrator, by the name that the operating system knows. */
export const operatorContext = (): CommandContext => {
  const commandId = newUuid();
  return { commandId, correlationId: commandId, actor: { type: 'admin', id: `cli:${userInfo().username}` } };
};
