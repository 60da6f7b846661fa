import { randomBytes } from 'node:crypto';
import { START, streamNameFilter } from '@eventstore/db-client';
import { connectEventStore } from '#libs/event-store/connect-event-store.js';
import { openClient } from '#libs/event-store/store-client.js';
import { eventCatalog } from '#libs/event-catalog/event-catalog.js';
import { systemClock } from '#libs/platform/clock.js';
import { newUuid } from '#libs/platform/ids.js';
import { silentLogger } from '#libs/platform/logger.js';
import { migrate } from '#libs/platform/postgres/migrations.js';
import { createPool } from '#libs/platform/postgres/pool.js';
import { postgresSubjectKeys, subjectKeyMigrations } from '#libs/privacy/subject-keys.postgres.js';
import { feedBuilding } from '#libs/projection-engine/feed.js';
import {
  createGeneration,
  discardGeneration,
  generationSchema,
  projectionEngineMigrations,
} from '#libs/projection-engine/generations.postgres.js';
import type { Projection } from '#libs/projection-engine/projection.js';
import { allProjections } from '#projections/all-projections.js';
import { linksProjection } from '#projections/links/links.projection.js';
import { subjectRules } from '#projections/subject-rules.js';
import { usersProjection } from '#projections/users/users.projection.js';
import { startEventStoreProcess } from '#test-support/event-store-process.js';
import { median } from './scenario.js';
import type { Scenario } from './scenario.js';
import { EmmettStore } from './support/emmett-store.js';
import { startScratchPostgres } from './support/scratch-postgres.js';
import { eventsPerUser, UserLog } from './support/user-log.js';

const RUNS = 3;
const SIGN_INS_PER_USER = 4;
const SIZES: readonly number[] = [10_000, 100_000, 1_000_000];
/**
 * Emmett reads by a sequential scan for each batch: its rate falls as the table grows, and a million would take hours.
 */
const EMMETT_MOST = 100_000;
/** What Emmett rebuilds too. */
const EQUIVALENT = [usersProjection, linksProjection];
const PREFIXES = [...new Set(allProjections.flatMap(({ streamPrefixes }) => streamPrefixes))];

/** Everything that the projections read, by the same client, thrown away. @returns events per second */
const readRaw = async (url: string, expected: number): Promise<number> => {
  const client = openClient(url, 3_000);
  const startedMs = performance.now();
  let received = 0;
  await new Promise<void>((resolve, reject) => {
    client
      .subscribeToAll({ fromPosition: START, filter: streamNameFilter({ prefixes: PREFIXES }) })
      .on('data', () => {
        received += 1;
        if (received === expected) resolve();
      })
      .on('error', reject);
  });
  const rate = expected / ((performance.now() - startedMs) / 1000);
  await client.dispose();
  return rate;
};

const label = (size: number): string => (size >= 1_000_000 ? `${size / 1_000_000}M` : `${size / 1_000}k`);

/** All read models built anew in one pass, as `ligature projections replay --all` does it. */
export const rebuild: Scenario = {
  name: 'rebuild',
  states:
    `All projections (${allProjections.map(({ name }) => name).join(', ')}) built in one pass over 10 k, 100 k and 1 M sealed events, ${eventsPerUser(SIGN_INS_PER_USER)} for each user; ` +
    'embedded node in a process of its own, PostgreSQL 18 with fsync, one process that reads, decodes and folds. Baselines: the same events read by the same client and thrown ' +
    `away; emmett-postgresql rebuilding the tables of ${EQUIVALENT.map(({ name }) => name).join(' and ')} from plain events in PostgreSQL, at most ${label(EMMETT_MOST)} of them, in ` +
    'batches of 1,000 and with an index for its query, to which only these two of ours are compared ("equivalent").',
  goal: '≥ 0.5 × raw at 1 M; ≥ 2 × emmett',
  measure: async (report) => {
    const postgres = await startScratchPostgres();
    const urls = await postgres.createDatabase('bench');
    const adminUrl = new URL(postgres.adminUrl);
    adminUrl.pathname = '/bench';
    const masterKey = randomBytes(32);
    const models = createPool(urls.ligature_projector, { applicationName: 'bench', statementTimeoutMs: 0 });
    const owner = createPool(urls.ligature_identity, { applicationName: 'bench', max: 1 });
    await migrate(owner, 'keys', subjectKeyMigrations);
    await migrate(models, 'models', projectionEngineMigrations);
    const first = await startEventStoreProcess({ databaseUrl: urls.ligature_event_store });
    first.kill('SIGTERM');
    await first.ended;
    const emmett = await EmmettStore.create(postgres.adminUrl);
    const log = await UserLog.open({
      adminUrl: adminUrl.href,
      masterKey,
      signInsPerUser: SIGN_INS_PER_USER,
      onInserted: async (events) => {
        if (emmett.events < EMMETT_MOST) await emmett.insert(events);
      },
    });
    const figures: Record<string, number> = {};
    let ratios: Record<string, number> = {};
    try {
      for (const size of SIZES) {
        await log.growTo(size);
        report(`${size} events are in the log`);
        const node = await startEventStoreProcess({ databaseUrl: urls.ligature_event_store });
        const rates: Record<'raw' | 'rebuilt' | 'equivalent' | 'emmett', number[]> = {
          raw: [],
          rebuilt: [],
          equivalent: [],
          emmett: [],
        };
        for (let run = 1; run <= RUNS; run += 1) {
          rates.raw.push(await readRaw(node.url, size));
          rates.rebuilt.push(await rebuildOnce(node.url, models, masterKey, size, allProjections));
          if (size <= EMMETT_MOST) {
            rates.equivalent.push(await rebuildOnce(node.url, models, masterKey, size, EQUIVALENT));
            rates.emmett.push(await emmett.rebuild());
          }
          const shown = Object.entries(rates).flatMap(([name, found]) =>
            found.length === run ? `${name} ${Math.round(found.at(-1) ?? NaN)}/s` : [],
          );
          report(`run ${run}/${RUNS}, ${size} events: ${shown.join(', ')}`);
        }
        node.kill('SIGTERM');
        await node.ended;
        figures[`rebuiltPerSecond${label(size)}`] = median(rates.rebuilt);
        figures[`rawPerSecond${label(size)}`] = median(rates.raw);
        let byEmmett = ratios.emmett ?? NaN;
        if (rates.emmett.length > 0) {
          figures[`equivalentPerSecond${label(size)}`] = median(rates.equivalent);
          figures[`emmettPerSecond${label(size)}`] = median(rates.emmett);
          byEmmett = median(rates.equivalent) / median(rates.emmett);
        }
        ratios = { raw: median(rates.rebuilt) / median(rates.raw), emmett: byEmmett };
        figures[`rawRatio${label(size)}`] = ratios.raw ?? NaN;
      }
      return { runs: RUNS, ratios, figures };
    } finally {
      await emmett.close();
      await log.close();
      await owner.end();
      await models.end();
      await postgres.discard();
    }
  },
};

const rebuildOnce = async (
  url: string,
  pool: ReturnType<typeof createPool>,
  masterKey: Buffer,
  expected: number,
  projections: readonly Projection[],
): Promise<number> => {
  // Keys that another run has unwrapped would be a cache that a real rebuild does not find.
  const keys = postgresSubjectKeys({ pool, masterKey, clock: systemClock, newId: newUuid });
  const core = connectEventStore({
    url,
    catalog: eventCatalog,
    keys,
    clock: systemClock,
    newId: newUuid,
    logger: silentLogger,
  });
  const targets = [];
  for (const projection of projections)
    targets.push({ projection, generation: await createGeneration(pool, projection, 'building') });
  const startedMs = performance.now();
  await feedBuilding({ pool, ...core, logger: silentLogger, subjects: subjectRules, build: 'test' }, targets, {
    signal: new AbortController().signal,
  });
  const rate = expected / ((performance.now() - startedMs) / 1000);
  const users = targets.find(({ projection }) => projection.name === 'users');
  if (!users) throw new Error('there is no projection of users');
  const { rows } = await pool.query<{ n: string }>(
    `SELECT count(*) AS n FROM ${generationSchema(users.generation)}.users`,
  );
  if (Number(rows[0]?.n) !== expected / eventsPerUser(SIGN_INS_PER_USER))
    throw new Error(`${rows[0]?.n} users were built from ${expected} events`);
  for (const { generation } of targets) await discardGeneration(pool, generation);
  await core.connection.close();
  return rate;
};
