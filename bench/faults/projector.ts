import { fork } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { silentLogger } from '#libs/platform/logger.js';
import { migrate } from '#libs/platform/postgres/migrations.js';
import { createPool } from '#libs/platform/postgres/pool.js';
import { openIdProviderMigrations } from '#libs/openid-provider/migrations.js';
import { feedBuilding } from '#libs/projection-engine/feed.js';
import {
  buildingGeneration,
  checksums,
  createGeneration,
  discardGeneration,
  liveGeneration,
  projectionEngineMigrations,
} from '#libs/projection-engine/generations.postgres.js';
import { Projector } from '#libs/projection-engine/projector.js';
import { LagMonitor } from '#libs/projection-engine/lag.js';
import { Replayer } from '#libs/projection-engine/replayer.js';
import { findReplay, nextReplay, requestReplay } from '#libs/projection-engine/replays.postgres.js';
import type { Replay } from '#libs/projection-engine/replays.postgres.js';
import { waitForPosition } from '#libs/projection-engine/wait-for-position.js';
import { allProjections } from '#projections/all-projections.js';
import { subjectRules } from '#projections/subject-rules.js';
import { startEventStoreProcess } from '#test-support/event-store-process.js';
import { createTestDatabase } from '#test-support/database.js';
import { EVERYTHING_ALLOWED, startTestInstallation } from '#test-support/installation.js';
import { until } from '#test-support/until.js';
import { startScratchPostgres } from '../support/scratch-postgres.js';
import { deliveredOften } from './support/delivered-often.js';
import { dyingPool } from './support/dying-pool.js';
import { People } from './support/people.js';
import type { Deed } from './support/people.js';
import { seededRandom } from './support/seeded.js';

/**
 * Projectors that die while people sign in, link and unlink, and while read models are replayed: first before each
 * statement and in the middle of each statement of a feed with a replay (`--steps`, 0 for all of them), then one of two
 * at each of `--kills` random moments. Of these, `--processes` are processes that get a SIGKILL; the others run in this
 * process, and all their connections to PostgreSQL are cut at once, which is what PostgreSQL sees of a killed process,
 * without the second that the next one takes to start. Each event is delivered up to three times. Afterwards each read
 * model must equal a clean rebuild, and somebody else must have taken over within five seconds.
 */
const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '1000' },
    processes: { type: 'string', default: '100' },
    steps: { type: 'string', default: '0' },
    seed: { type: 'string', default: String(randomInt(2 ** 31)) },
  },
});
const [kills, processes, steps, seed] = [values.kills, values.processes, values.steps, values.seed].map(Number) as [
  number,
  number,
  number,
  number,
];
const TAKEOVER_MS = 5_000;
const CAUGHT_UP_MS = 60_000;
const PEOPLE = 40;
/** Slowly enough that the log, which each replay and the rebuilds read from its beginning, stays short. */
const DEED_EVERY_MS = 50;
const CHILD = fileURLToPath(new URL('./support/projector-process.js', import.meta.url));
console.log(`seed ${seed}`);
const random = seededRandom(seed);
const violations: string[] = [];
const counts = {
  steps: 0,
  kills: 0,
  killedProcesses: 0,
  replays: 0,
  comparisons: 0,
  rows: 0,
  differences: 0,
  slowestTakeoverMs: 0,
  events: 0,
};

const postgres = await startScratchPostgres();
process.env.LIGATURE_TEST_POSTGRES_URL = postgres.adminUrl;
const database = await createTestDatabase();
const node = await startEventStoreProcess({ databaseUrl: database.urls.ligature_event_store });
const installation = await startTestInstallation({ url: node.url, database, stop: () => Promise.resolve() });
await installation.configure(EVERYTHING_ALLOWED);
await migrate(installation.pool, 'provider', openIdProviderMigrations);
const modelsUrl = database.urls.ligature_projector;
const models = createPool(modelsUrl, { applicationName: 'faults', max: 16, statementTimeoutMs: 0 });
await migrate(models, 'models', projectionEngineMigrations);
const healthy = { ...installation, pool: models, logger: silentLogger, subjects: subjectRules, build: 'test' };
const people = new People(installation);

const live = async (): Promise<void> => {
  const roll = random();
  const deed: Deed = roll < 0.5 ? 'sign in' : roll < 0.75 ? 'link' : 'unlink';
  await people.request(deed, `person-${Math.floor(random() * PEOPLE)}`);
};
const lastAcknowledged = (): bigint =>
  people.store.acknowledged.reduce(
    (last, { stream, position }) => (stream.startsWith('user-') && position > last ? position : last),
    0n,
  );

await dieAtEveryStep();
await killAtRandomMoments(Math.max(0, kills - processes), startHere);
const killsHere = counts.kills;
await killAtRandomMoments(Math.min(kills, processes), startChild);
counts.killedProcesses = counts.kills - killsHere;

node.kill('SIGTERM');
await models.end();
await installation.stop();
await postgres.discard();
violations.push(...people.violations);
counts.events = people.store.acknowledged.reduce((sum, { types }) => sum + types.length, 0);
console.log({ ...counts, violations: violations.length });
for (const violation of violations.slice(0, 20)) console.error(violation);
if (violations.length > 0)
  console.error(
    `Repeat with: npm run test:faults -- projector --kills ${kills} --processes ${processes} --steps ${steps} --seed ${seed}`,
  );
process.exit(violations.length > 0 ? 1 : 0);

interface Engine {
  readonly projectors: readonly Projector[];
  stop(): Promise<void>;
}

/** All that a projector process runs for its read models. */
function startEngine(pool: typeof models): Engine {
  const stopping = new AbortController();
  const dependencies = { ...healthy, pool, connection: deliveredOften(installation.connection, random) };
  const projectors = allProjections.map((projection) => new Projector(dependencies, projection));
  const runners = [
    ...projectors,
    new Replayer(dependencies, allProjections, 'the suite'),
    new LagMonitor(dependencies, allProjections),
  ];
  const running = Promise.all(runners.map((runner) => runner.run(stopping.signal).catch(() => undefined)));
  return {
    projectors,
    stop: async () => {
      stopping.abort();
      await running;
    },
  };
}

/** Runs the engine until `done`, or until its process has died. */
async function run(pool: typeof models, done: () => Promise<unknown>): Promise<void> {
  const engine = startEngine(pool);
  try {
    await done();
  } finally {
    await engine.stop();
  }
}

async function dieAtEveryStep(): Promise<void> {
  await run(models, async () => {
    for (const { name } of allProjections) await until(() => liveGeneration(models, name), 60_000);
  });
  let isOver = false;
  for (let step = 1; !isOver && (steps === 0 || step <= steps) && violations.length === 0; step += 1) {
    for (const how of ['before', 'sent'] as const) {
      for (let i = 0; i < 3; i += 1) await live();
      const asked: Replay[] = [];
      for (const { name } of allProjections)
        asked.push((await nextReplay(models, name)) ?? (await requestReplay(models, name)));
      const finished = async (): Promise<true | undefined> => {
        for (const { id } of asked) if (!(await findReplay(models, id))?.report) return undefined;
        return true;
      };
      const dying = dyingPool(modelsUrl, step, how);
      await run(dying.pool, () => until(async () => (dying.isDead() || (await finished()) ? true : undefined), 60_000));
      await dying.pool.end().catch(() => undefined);
      // It came to its end without dying: there is no such step any more.
      isOver = !dying.isDead();
      const last = lastAcknowledged();
      await run(models, async () => {
        await until(finished, 60_000);
        for (const { name } of allProjections) await waitForPosition(models, name, last, 60_000);
      });
      for (const { id, projection } of asked) {
        const replay = await findReplay(models, id);
        counts.replays += 1;
        if (replay?.report?.identical !== true)
          violations.push(
            `Step ${step} (${how}): the replay of ${projection} came to ${JSON.stringify(replay?.report)}`,
          );
      }
      counts.steps += 1;
      await compare(`Step ${step} (${how})`);
    }
    if (step % 25 === 0) console.log(`${step} steps, twice each: ${violations.length} violations`);
  }
}

/** A projector that can be killed. */
interface Victim {
  /** What it does for each projection; empty until it runs. */
  states(): readonly string[];
  kill(): void;
}

function startHere(): Victim {
  const dying = dyingPool(modelsUrl);
  const engine = startEngine(dying.pool);
  return {
    states: () => engine.projectors.map(({ state }) => state),
    kill: () => {
      dying.die();
      // Nothing of it reaches anybody any more; its loops end.
      void engine.stop().then(() => dying.pool.end().catch(() => undefined));
    },
  };
}

function startChild(): Victim {
  const child = fork(CHILD, {
    env: {
      PATH: process.env.PATH,
      DATABASE_URL: modelsUrl,
      EVENTSTORE_URL: node.url,
      MASTER_KEY: installation.masterKey.toString('base64'),
      SEED: String(Math.floor(random() * 2 ** 31)),
    },
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  let states: readonly string[] = [];
  child.on('message', (message: { states: readonly string[] }) => ({ states } = message));
  return {
    states: () => states,
    kill: () => void child.kill('SIGKILL'),
  };
}

async function killAtRandomMoments(times: number, start: () => Victim): Promise<void> {
  if (times === 0 || violations.length > 0) return;
  let pair = [start(), start()];
  let working = true;
  const worker = (async () => {
    while (working) {
      await live();
      await delay(DEED_EVERY_MS);
    }
  })();
  const isRun = (i: number): boolean => pair.some(({ states }) => states()[i] === 'running');
  const isAllRun = (): boolean => allProjections.every((_, i) => isRun(i));
  for (let n = 1; n <= times && violations.length === 0; n += 1) {
    await until(
      () => Promise.resolve(isAllRun() && pair.every(({ states }) => states().length > 0) ? true : undefined),
      60_000,
    );
    if (random() < 0.3) {
      const { name } = allProjections[Math.floor(random() * allProjections.length)] ?? { name: 'users' };
      if (!(await nextReplay(models, name))) await requestReplay(models, name);
    }
    await delay(random() * 300);
    if (pair.some(({ states }) => states().includes('failing')))
      violations.push(`Kill ${counts.kills + 1}: a projection failed`);
    // The one that is active for more is killed more often: otherwise half of the kills would meet one that stands by.
    const activeFirst = pair.toSorted(
      (a, b) => b.states().filter((s) => s === 'running').length - a.states().filter((s) => s === 'running').length,
    );
    const victim = activeFirst[random() < 0.8 ? 0 : 1];
    if (!victim) break;
    victim.kill();
    counts.kills += 1;
    const began = performance.now();
    pair = [...pair.filter((each) => each !== victim), start()];
    // By the other one, or by the one that is started in the place of the first.
    while (!isAllRun() && performance.now() - began < TAKEOVER_MS) await delay(10);
    if (!isAllRun()) violations.push(`Kill ${counts.kills}: nobody had taken over after ${TAKEOVER_MS} ms`);
    counts.slowestTakeoverMs = Math.max(counts.slowestTakeoverMs, Math.round(performance.now() - began));
    const last = lastAcknowledged();
    for (const { name } of allProjections)
      await waitForPosition(models, name, last, CAUGHT_UP_MS).catch(() =>
        violations.push(`Kill ${counts.kills}: ${name} did not catch up`),
      );
    if (counts.kills % 50 === 0) console.log(`${counts.kills}/${kills} kills: ${violations.length} violations`);
  }
  working = false;
  await worker;
  for (const { name } of allProjections) {
    await until(async () => ((await nextReplay(models, name)) ? undefined : true), 120_000);
    await waitForPosition(models, name, lastAcknowledged(), 30_000);
  }
  for (const each of pair) each.kill();
  const { rows } = await models.query<{ failed: string; done: string }>(
    `SELECT count(*) FILTER (WHERE state = 'failed') AS failed, count(*) FILTER (WHERE state = 'done') AS done FROM models.replays`,
  );
  counts.replays = Number(rows[0]?.done);
  if (Number(rows[0]?.failed) > 0) violations.push(`${rows[0]?.failed} replays found differences`);
  await compare(`After ${counts.kills} kills`);
}

/** Each live read model against a clean rebuild up to the same event. */
async function compare(when: string): Promise<void> {
  for (const projection of allProjections) {
    const current = await liveGeneration(models, projection.name);
    if (!current?.checkpoint) continue;
    const left = await buildingGeneration(models, projection.name);
    if (left) await discardGeneration(models, left);
    const clean = await createGeneration(models, projection, 'building');
    await feedBuilding(healthy, [{ projection, generation: clean }], {
      signal: new AbortController().signal,
      limit: current.checkpoint.position,
    });
    const [running, rebuilt] = [
      await checksums(models, projection, current),
      await checksums(models, projection, clean),
    ];
    await discardGeneration(models, clean);
    counts.comparisons += 1;
    counts.rows += running.reduce((sum, { rows }) => sum + rows, 0);
    if (JSON.stringify(running) === JSON.stringify(rebuilt)) continue;
    counts.differences += 1;
    violations.push(
      `${when}: ${projection.name} differs from a clean rebuild: ${JSON.stringify({ running, rebuilt })}`,
    );
  }
}
