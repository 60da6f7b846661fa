import { hostname } from 'node:os';
import { z } from 'zod';
import { eventCatalog } from '#libs/event-catalog/event-catalog.js';
import { connectEventStore } from '#libs/event-store/connect-event-store.js';
import { checkStoreUrl } from '#libs/event-store/store-url.js';
import { storeMetrics } from '#libs/event-store/store-metrics.js';
import { nameBuild } from '#libs/platform/build.js';
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
import { projectionEngineMigrations } from '#libs/projection-engine/generations.postgres.js';
import { LagMonitor, lagOf } from '#libs/projection-engine/lag.js';
import { projectionsOverview, streamsParked } from '#libs/projection-engine/overview.postgres.js';
import { parkedCauses } from '#libs/projection-engine/parked.postgres.js';
import type { ProjectionDependencies } from '#libs/projection-engine/projection-dependencies.js';
import { Projector } from '#libs/projection-engine/projector.js';
import { Replayer } from '#libs/projection-engine/replayer.js';
import { checkStoreIdentity } from '#libs/projection-engine/store-check.js';
import { allProjections } from '#projections/all-projections.js';
import { subjectRules } from '#projections/subject-rules.js';
import { NoticeSender } from '#libs/process-managers/notice-sender.js';
import { waitingCauses } from '#libs/process-managers/parked-streams.postgres.js';
import { ProviderNotices } from '#libs/process-managers/provider-notices.js';
import { usersOfProviders } from '#projections/links/read-model.js';
import { connectReadModels } from '#projections/read-models.js';
import { operatorPage } from './operator-page.js';
import { accountProcessManager, processManagerMetrics } from './process-managers.js';
import { projectionMetrics } from './projection-metrics.js';

/** Runs every projection. @param environment see docs/operating.md for the variables */
export const startProjector = async (environment: NodeJS.ProcessEnv, logger: Logger): Promise<Running> => {
  const config = readConfiguration(
    {
      DATABASE_URL: postgresUrl,
      PROCESS_MANAGER_DATABASE_URL: postgresUrl,
      EVENTSTORE_URL: eventStoreUrl,
      ...masterKeyShape,
      PROJECTOR_MANAGEMENT_PORT: port(9001),
      LIGATURE_MAX_LAG_SECONDS: z.coerce.number().positive().default(30),
      ...mailShape,
    },
    environment,
  );
  checkStoreUrl(config.EVENTSTORE_URL);
  const pool = createPool(config.DATABASE_URL, {
    applicationName: 'ligature-projector',
    // Each projection holds one connection for its lock, and uses some for its batches, its replay and its lag.
    max: allProjections.length * 5 + 6,
    statementTimeoutMs: 0,
    onIdleError: (error) => logger.warn({ error: error.message }, 'a database connection broke'),
  });
  await migrate(pool, 'models', projectionEngineMigrations);
  const build = await nameBuild();
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
  const { connection } = core;
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

  const projectors: Projector[] = [];
  const lag = new LagMonitor({ pool, connection, logger }, allProjections);
  const metrics = projectionMetrics(registry, pool, () => projectors);
  const dependencies: ProjectionDependencies = {
    pool,
    connection,
    codec: core.codec,
    store: core.store,
    logger,
    subjects: subjectRules,
    build,
    onApplied: metrics.applied,
  };
  const stopping = new AbortController();
  projectors.push(...allProjections.map((projection) => new Projector(dependencies, projection)));
  const replayer = new Replayer(dependencies, allProjections, `process ${process.pid} on ${hostname()}`);
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
    clock: systemClock,
    newId: newUuid,
    logger,
    build,
  });
  const readModels = await connectReadModels(config.DATABASE_URL, 'ligature-provider-notices');
  const notices = new ProviderNotices({
    core,
    pool: managerPool,
    clock: systemClock,
    logger,
    linkedUsers: (providerId) => usersOfProviders(readModels, providerId),
  });
  const sender = new NoticeSender({
    pool: managerPool,
    store: core.store,
    mailer: mailerFrom(config, systemClock, newUuid),
    clock: systemClock,
    logger,
  });
  processManagerMetrics(registry, managerPool);
  const running = Promise.all(
    [...projectors, replayer, lag, manager, notices, sender].map((runner) => runner.run(stopping.signal)),
  );
  const management = await startManagementServer({
    port: config.PROJECTOR_MANAGEMENT_PORT,
    registry,
    started: () => true,
    ready: async () => {
      const [parked, waiting] = [await parkedCauses(pool), await waitingCauses(managerPool)];
      const projections = Object.fromEntries(
        projectors.map(({ name, state, lastError }) => {
          const measured = lag.lags.get(name);
          const causes = parked.filter(({ projection }) => projection === name);
          return [
            name,
            {
              state,
              lastError,
              lagSeconds: measured ? lagOf(measured, systemClock()).seconds : undefined,
              parkedStreams: streamsParked({ parked: causes }),
              parkedCauses: causes.length,
            },
          ];
        }),
      );
      const isFine = ({ state, lagSeconds = 0 }: { state: string; lagSeconds: number | undefined }): boolean =>
        state !== 'failing' && state !== 'outdated' && lagSeconds <= config.LIGATURE_MAX_LAG_SECONDS;
      return {
        ok:
          connection.state === 'ready' &&
          manager.state !== 'failing' &&
          notices.state !== 'failing' &&
          Object.values(projections).every(isFine),
        details: {
          eventStore: connection.state,
          // What is parked keeps nobody else waiting: the process serves, and an operator has something to look at.
          degraded: parked.length > 0 || waiting.length > 0,
          projections,
          replays: { lastError: replayer.lastError },
          processManager: {
            state: manager.state,
            lastError: manager.lastError,
            parkedCauses: waiting,
          },
          providerNotices: { state: notices.state, lastError: notices.lastError },
        },
      };
    },
    pages: {
      '/': async () => {
        const shown = (await projectionsOverview(pool)).map((overview) => ({
          ...overview,
          state: projectors.find(({ name }) => name === overview.name)?.state ?? 'unknown',
          rate: metrics.rateOf(overview.name),
        }));
        return operatorPage(shown, systemClock());
      },
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
