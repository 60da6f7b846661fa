import { Counter, Gauge } from 'prom-client';
import { eventCatalog } from '#libs/event-catalog/event-catalog.js';
import { connectEventStore } from '#libs/event-store/connect-event-store.js';
import { checkStoreUrl } from '#libs/event-store/store-url.js';
import { storeMetrics } from '#libs/event-store/store-metrics.js';
import { systemClock } from '#libs/platform/clock.js';
import { eventStoreUrl, masterKeyShape, port, postgresUrl, readConfiguration } from '#libs/platform/configuration.js';
import { newUuid } from '#libs/platform/ids.js';
import type { Logger } from '#libs/platform/logger.js';
import { mailerFrom, mailShape } from '#libs/mail/mailer-from.js';
import { createRegistry, startManagementServer } from '#libs/platform/management.js';
import { migrate } from '#libs/platform/postgres/migrations.js';
import { createPool } from '#libs/platform/postgres/pool.js';
import type { Running } from '#libs/platform/process.js';
import { postgresSubjectKeys } from '#libs/privacy/subject-keys.postgres.js';
import { allGenerations, projectionEngineMigrations } from '#libs/projection-engine/generations.postgres.js';
import { checkStoreIdentity, Projector } from '#libs/projection-engine/projector.js';
import { allProjections } from '#projections/all-projections.js';
import { subjectRules } from '#projections/subject-rules.js';
import { ProviderNotices } from '#libs/process-managers/provider-notices.js';
import { usersOfProvider } from '#projections/links/read-model.js';
import { connectReadModels } from '#projections/read-models.js';
import { accountProcessManager } from './process-managers.js';

/** Runs every projection. @param environment see docs/operating.md for the variables */
export const startProjector = async (environment: NodeJS.ProcessEnv, logger: Logger): Promise<Running> => {
  const config = readConfiguration(
    {
      DATABASE_URL: postgresUrl,
      PROCESS_MANAGER_DATABASE_URL: postgresUrl,
      EVENTSTORE_URL: eventStoreUrl,
      ...masterKeyShape,
      PROJECTOR_MANAGEMENT_PORT: port(9001),
      ...mailShape,
    },
    environment,
  );
  checkStoreUrl(config.EVENTSTORE_URL);
  const pool = createPool(config.DATABASE_URL, {
    applicationName: 'ligature-projector',
    // Each projection holds one connection for its lock and uses one for its batches.
    max: allProjections.length * 3 + 4,
    statementTimeoutMs: 0,
    onIdleError: (error) => logger.warn({ error: error.message }, 'a database connection broke'),
  });
  await migrate(pool, 'models', projectionEngineMigrations);
  const keys = postgresSubjectKeys({
    pool,
    masterKey: config.LIGATURE_MASTER_KEY,
    previousMasterKey: config.LIGATURE_MASTER_KEY_PREVIOUS,
    clock: systemClock,
    newId: newUuid,
  });
  const registry = createRegistry();
  const core = connectEventStore({
    url: config.EVENTSTORE_URL,
    catalog: eventCatalog,
    keys,
    clock: systemClock,
    newId: newUuid,
    logger,
    observer: storeMetrics(registry),
  });
  const { connection, codec } = core;
  // Whoever ends sessions and destroys keys is not whoever writes read models.
  const managerPool = createPool(config.PROCESS_MANAGER_DATABASE_URL, {
    applicationName: 'ligature-process-manager',
    onIdleError: (error) => logger.warn({ error: error.message }, 'a database connection broke'),
  });
  try {
    await checkStoreIdentity(pool, connection, logger);
  } catch (error) {
    await connection.close();
    await pool.end();
    await managerPool.end();
    throw error;
  }

  const applied = new Counter({
    name: 'ligature_projection_events_total',
    help: 'Events applied',
    labelNames: ['projection'],
    registers: [registry],
  });
  new Gauge({
    name: 'ligature_projection_position',
    help: 'Commit position of the last applied event of each live generation',
    labelNames: ['projection'],
    registers: [registry],
    collect: async function () {
      for (const { projection, state, checkpoint } of await allGenerations(pool)) {
        if (state === 'live') this.set({ projection }, Number(checkpoint?.position ?? 0n));
      }
    },
  });

  const stopping = new AbortController();
  const projectors = allProjections.map(
    (projection) =>
      new Projector(
        {
          pool,
          connection,
          codec,
          logger,
          subjects: subjectRules,
          onApplied: (name, events) => applied.inc({ projection: name }, events),
        },
        projection,
      ),
  );
  const manager = accountProcessManager({
    core,
    pool: managerPool,
    keys: postgresSubjectKeys({
      pool: managerPool,
      masterKey: config.LIGATURE_MASTER_KEY,
      previousMasterKey: config.LIGATURE_MASTER_KEY_PREVIOUS,
      clock: systemClock,
      newId: newUuid,
    }),
    mailer: mailerFrom(config, systemClock, newUuid),
    clock: systemClock,
    newId: newUuid,
    logger,
  });
  const readModels = await connectReadModels(config.DATABASE_URL, 'ligature-provider-notices');
  const notices = new ProviderNotices({
    core,
    pool: managerPool,
    mailer: mailerFrom(config, systemClock, newUuid),
    clock: systemClock,
    logger,
    linkedUsers: (providerId) => usersOfProvider(readModels, providerId),
  });
  const running = Promise.all([...projectors, manager, notices].map((runner) => runner.run(stopping.signal)));
  const management = await startManagementServer({
    port: config.PROJECTOR_MANAGEMENT_PORT,
    registry,
    started: () => true,
    ready: async () => {
      await pool.query('SELECT 1');
      const projections = Object.fromEntries(projectors.map(({ name, state, lastError }) => [name, { state, lastError }]));
      return {
        ok: connection.state === 'ready' && [...projectors, manager, notices].every(({ state }) => state !== 'failing'),
        details: {
          eventStore: connection.state,
          projections,
          processManager: { state: manager.state, lastError: manager.lastError },
          providerNotices: { state: notices.state, lastError: notices.lastError },
        },
      };
    },
  });
  return {
    failed: running.then(() => new Promise<never>(() => undefined)),
    stop: async () => {
      stopping.abort();
      await running.catch(() => undefined);
      await management.close();
      await connection.close();
      await pool.end();
      await managerPool.end();
      await readModels.destroy();
    },
  };
};
