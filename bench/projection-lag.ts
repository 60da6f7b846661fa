import { setTimeout as delay } from 'node:timers/promises';
import { connectEventStore } from '#libs/event-store/connect-event-store.js';
import { eventCatalog } from '#libs/event-catalog/event-catalog.js';
import { systemClock } from '#libs/platform/clock.js';
import { newUuid } from '#libs/platform/ids.js';
import { silentLogger } from '#libs/platform/logger.js';
import { migrate } from '#libs/platform/postgres/migrations.js';
import { createPool } from '#libs/platform/postgres/pool.js';
import { appendActivity } from '#libs/sign-in/open-session.js';
import { liveGeneration, projectionEngineMigrations } from '#libs/projection-engine/generations.postgres.js';
import { LagMonitor } from '#libs/projection-engine/lag.js';
import { Projector } from '#libs/projection-engine/projector.js';
import { allProjections } from '#projections/all-projections.js';
import { subjectRules } from '#projections/subject-rules.js';
import { createTestDatabase } from '#test-support/database.js';
import { startEventStoreProcess } from '#test-support/event-store-process.js';
import { startTestInstallation, testContext } from '#test-support/installation.js';
import { median, percentile } from './scenario.js';
import type { Scenario } from './scenario.js';
import { startScratchPostgres } from './support/scratch-postgres.js';

const RUNS = 3;
const LOGINS_PER_SECOND = 200;
const SECONDS = 60;
const POLL_MS = 1;

/** How long after an append the read model has it. */
export const projectionLag: Scenario = {
  name: 'projection-lag',
  states:
    `${LOGINS_PER_SECOND} logins a second (two events each, one append) for ${SECONDS} seconds, ${RUNS} times: from the answered append until the live generation of "links" has it, asked ` +
    `of PostgreSQL every millisecond for as many logins as that allows; node in a process of its own, appending and projecting in one, PostgreSQL 18 with fsync. No baseline.`,
  goal: 'p99 ≤ 50 ms at 200 logins/s',
  measure: async (report) => {
    const postgres = await startScratchPostgres();
    process.env.LIGATURE_TEST_POSTGRES_URL = postgres.adminUrl;
    const database = await createTestDatabase();
    const node = await startEventStoreProcess({ databaseUrl: database.urls.ligature_event_store });
    const installation = await startTestInstallation({ url: node.url, database, stop: () => Promise.resolve() });
    const pool = createPool(database.urls.ligature_projector, {
      applicationName: 'bench',
      max: 20,
      statementTimeoutMs: 0,
    });
    await migrate(pool, 'models', projectionEngineMigrations);
    const core = connectEventStore({
      ...installation,
      url: node.url,
      catalog: eventCatalog,
      logger: silentLogger,
      clock: systemClock,
      newId: newUuid,
    });
    const dependencies = { ...core, pool, logger: silentLogger, subjects: subjectRules, build: 'test' };
    const stopping = new AbortController();
    const running = Promise.all(
      [
        ...allProjections.map((projection) => new Projector(dependencies, projection)),
        new LagMonitor(dependencies, allProjections),
      ].map((runner) => runner.run(stopping.signal)),
    );
    const figures: Record<'p50Ms' | 'p99Ms' | 'loginsPerSecond', number[]> = {
      p50Ms: [],
      p99Ms: [],
      loginsPerSecond: [],
    };
    try {
      for (let run = 1; run <= RUNS; run += 1) {
        const { lags, rate } = await logins(installation.store, pool);
        figures.p50Ms.push(percentile(lags, 0.5));
        figures.p99Ms.push(percentile(lags, 0.99));
        figures.loginsPerSecond.push(rate);
        report(
          `run ${run}/${RUNS}: p50 ${percentile(lags, 0.5).toFixed(1)} ms, p99 ${percentile(lags, 0.99).toFixed(1)} ms, ${Math.round(rate)} logins/s`,
        );
      }
      return {
        runs: RUNS,
        ratios: {},
        figures: Object.fromEntries(Object.entries(figures).map(([name, found]) => [name, median(found)])),
      };
    } finally {
      stopping.abort();
      await running;
      await core.connection.close();
      await pool.end();
      await installation.stop();
      node.kill('SIGTERM');
      await node.ended;
      await postgres.discard();
    }
  },
};

const logins = async (
  store: Parameters<typeof appendActivity>[0],
  pool: ReturnType<typeof createPool>,
): Promise<{ readonly lags: readonly number[]; readonly rate: number }> => {
  const lags: number[] = [];
  /** Appended and not seen in the read model yet, oldest first. */
  const waiting: { readonly position: bigint; readonly at: number }[] = [];
  let working = true;
  const watching = (async () => {
    while (working || waiting.length > 0) {
      const position = (await liveGeneration(pool, 'links'))?.checkpoint?.position ?? -1n;
      const now = performance.now();
      for (let i = waiting.length - 1; i >= 0; i -= 1) {
        const each = waiting[i];
        if (!each || each.position > position) continue;
        lags.push(now - each.at);
        waiting.splice(i, 1);
      }
      await delay(POLL_MS);
    }
  })();
  const under: Promise<unknown>[] = [];
  const began = performance.now();
  const total = LOGINS_PER_SECOND * SECONDS;
  for (let n = 0; n < total; n += 1) {
    await delay(Math.max(0, began + (n * 1_000) / LOGINS_PER_SECOND - performance.now()));
    const [userId, sessionId, claimId] = [newUuid(), newUuid(), newUuid()];
    const login = appendActivity(
      store,
      userId,
      [
        {
          type: 'LoginSucceeded',
          data: { sessionId, method: 'external_identity', providerId: 'acme', claimId, row: '2', policyRevision: 'p' },
        },
        { type: 'SessionStarted', data: { sessionId, claimId, authenticatedAt: new Date().toISOString() } },
      ],
      { ...testContext(), actor: { type: 'user', id: userId } },
    );
    under.push(login.then(({ position }) => waiting.push({ position, at: performance.now() })));
  }
  await Promise.all(under);
  const rate = total / ((performance.now() - began) / 1_000);
  working = false;
  await watching;
  return { lags, rate };
};
