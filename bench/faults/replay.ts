import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { migrate } from '#libs/platform/postgres/migrations.js';
import { createPool } from '#libs/platform/postgres/pool.js';
import { openIdProviderMigrations } from '#libs/openid-provider/migrations.js';
import { processManagerMigrations } from '#libs/process-managers/checkpoints.postgres.js';
import { liveGeneration } from '#libs/projection-engine/generations.postgres.js';
import type { RowDifference } from '#libs/projection-engine/row-differences.postgres.js';
import { waitForPosition } from '#libs/projection-engine/wait-for-position.js';
import { allProjections } from '#projections/all-projections.js';
import { connectReadModels } from '#projections/read-models.js';
import { findUser } from '#projections/users/read-model.js';
import { linksOfUser } from '#projections/links/read-model.js';
import { createTestDatabase } from '#test-support/database.js';
import { startEventStoreProcess } from '#test-support/event-store-process.js';
import { EVERYTHING_ALLOWED, startTestInstallation } from '#test-support/installation.js';
import { freePorts } from '#test-support/ports.js';
import { until } from '#test-support/until.js';
import { percentile } from '../scenario.js';
import { startScratchPostgres } from '../support/scratch-postgres.js';
import { UserLog } from '../support/user-log.js';
import { People } from './support/people.js';

/**
 * An operator replays, verifies and rolls back every read model while people sign in and readers poll: the real
 * projector and the real command line, on a log of `--events` (200,000: 50,000 people, 100,000 rows), with `--rate`
 * sign-ins a second as the identity server's requests do them. No read may fail, be empty, go back, or be staler than a
 * second; afterwards there are no differences, and one row changed by hand is found.
 */
const { values } = parseArgs({
  options: { events: { type: 'string', default: '200000' }, rate: { type: 'string', default: '50' } },
});
const [events, rate] = [Number(values.events), Number(values.rate)];
const MOST_LAG_MS = 1_000;
const READERS = 4;
const PEOPLE = 400;
const violations: string[] = [];
const counts = {
  events,
  signIns: 0,
  signInsPerSecond: 0,
  reads: 0,
  failedReads: 0,
  staleReads: 0,
  replays: 0,
  differences: 0,
  lagP50Ms: 0,
  lagP99Ms: 0,
  lagMaxMs: 0,
};
const dist = (file: string): string => fileURLToPath(new URL(`../../${file}`, import.meta.url));

const postgres = await startScratchPostgres();
process.env.LIGATURE_TEST_POSTGRES_URL = postgres.adminUrl;
const database = await createTestDatabase();
const databaseUrl = database.urls.ligature_event_store;
let node = await startEventStoreProcess({ databaseUrl });
const installation = await startTestInstallation({ url: node.url, database, stop: () => Promise.resolve() });
await migrate(installation.pool, 'provider', [...processManagerMigrations, ...openIdProviderMigrations]);
// The log is filled while no node has it.
const { port } = node;
node.kill('SIGTERM');
await node.ended;
const log = await UserLog.open({ adminUrl: database.adminUrl, masterKey: installation.masterKey, signInsPerUser: 1 });
await log.growTo(events);
node = await startEventStoreProcess({ databaseUrl, port });
await until(() => Promise.resolve(installation.connection.state === 'ready' ? true : undefined), 30_000);
await installation.configure(EVERYTHING_ALLOWED);

const [managementPort = 0] = await freePorts(1);
const environment = {
  PATH: process.env.PATH,
  EVENTSTORE_URL: node.url,
  LIGATURE_MASTER_KEY: installation.masterKey.toString('base64'),
  LIGATURE_LOG_LEVEL: 'warn',
  PROJECTOR_MANAGEMENT_PORT: String(managementPort),
  PROCESS_MANAGER_DATABASE_URL: database.urls.ligature_process_manager,
};
const projector = spawn(process.execPath, [dist('apps/projector/main.js')], {
  env: { ...environment, DATABASE_URL: database.urls.ligature_projector },
  stdio: ['ignore', 'inherit', 'inherit'],
});
/** The operator's command. @returns its exit code, and what it printed as JSON */
const ligature = async (...args: readonly string[]): Promise<{ readonly code: number; readonly answer: unknown }> => {
  const child = spawn(process.execPath, [dist('apps/cli/main.js'), 'projections', ...args, '--json'], {
    env: { ...environment, DATABASE_URL: database.urls.ligature_cli },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let out = '';
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString('utf8')));
  const [code] = (await once(child, 'close')) as [number];
  return { code, answer: out === '' ? undefined : JSON.parse(out) };
};

const models = createPool(database.urls.ligature_projector, {
  applicationName: 'faults',
  max: 4,
  statementTimeoutMs: 0,
});
const readModels = await connectReadModels(database.urls.ligature_identity, 'faults readers');
const people = new People(installation);
const lastOf = (prefix: string): bigint =>
  people.store.acknowledged.reduce(
    (last, { stream, position }) => (stream.startsWith(prefix) && position > last ? position : last),
    0n,
  );
console.log(`${events} events are in the log; the projector builds the read models`);
await until(async () => {
  const { rows } = await models
    .query<{ n: string }>('SELECT count(*) AS n FROM models.links')
    .catch(() => ({ rows: [] }));
  return Number(rows[0]?.n) === log.users.length ? true : undefined;
}, 30 * 60_000);

const lags: number[] = [];
let working = true;
const signingIn = signIns();
const reading = Array.from({ length: READERS }, readers);
const began = performance.now();
await delay(2_000);

await expectDone('replay', '--all');
await expectDone('verify', '--all');
for (const { name } of allProjections) await expectDone('rollback', name);
await expectDone('verify', '--all');

working = false;
await signingIn;
await Promise.all(reading);
counts.signIns = people.counts.succeeded;
counts.signInsPerSecond = Math.round((people.counts.succeeded / (performance.now() - began)) * 10_000) / 10;
violations.push(...people.violations);
await findOneByHand();

projector.kill('SIGTERM');
await once(projector, 'close');
await readModels.destroy();
await models.end();
await log.close();
await installation.stop();
node.kill('SIGTERM');
await node.ended;
await postgres.discard();

[counts.lagP50Ms, counts.lagP99Ms, counts.lagMaxMs] = [0.5, 0.99, 1].map((share) =>
  Math.round(percentile(lags, share)),
) as [number, number, number];
if (counts.lagMaxMs >= MOST_LAG_MS) violations.push(`A sign-in was readable only after ${counts.lagMaxMs} ms`);
console.log({ ...counts, violations: violations.length });
for (const violation of violations.slice(0, 20)) console.error(violation);
process.exit(violations.length > 0 ? 1 : 0);

async function expectDone(...args: readonly string[]): Promise<void> {
  const startedMs = performance.now();
  const { code, answer } = await ligature(...args);
  counts.replays += 1;
  console.log(`${args.join(' ')}: exit ${code} after ${((performance.now() - startedMs) / 1000).toFixed(1)} s`);
  if (code !== 0) {
    counts.differences += 1;
    violations.push(`${args.join(' ')}: exit ${code}, ${JSON.stringify(answer)}`);
  }
}

/** So many a second, however long each takes; and how long until what it stored can be read. */
async function signIns(): Promise<void> {
  const under = new Set<Promise<unknown>>();
  for (let n = 0, next = performance.now(); working; n += 1, next += 1_000 / rate) {
    await delay(Math.max(0, next - performance.now()));
    // Who cannot keep up does not pile up either.
    if (under.size >= 2 * rate) await Promise.race(under);
    const signIn = people.request('sign in', `person-${n % PEOPLE}`).then(async () => {
      const stored = performance.now();
      const position = lastOf('userActivity-');
      await waitForPosition(models, 'links', position, 10_000).then(
        () => lags.push(performance.now() - stored),
        () => violations.push(`Position ${position} was not readable after ten seconds`),
      );
    });
    const tracked: Promise<unknown> = signIn.finally(() => under.delete(tracked));
    under.add(tracked);
  }
  await Promise.all(under);
}

/** Polls what pages read: somebody who is there must be there, and rows never go away. */
async function readers(): Promise<void> {
  let most = 0;
  while (working) {
    const userId = log.users[Math.floor(Math.random() * log.users.length)] ?? '';
    try {
      const [user, links] = [await findUser(readModels, userId), await linksOfUser(readModels, userId)];
      const [{ n = '0' } = {}] = await readModels.query<{ n: string }[]>('SELECT count(*) AS n FROM models.users');
      counts.reads += 3;
      if (user?.status !== 'active' || links.length !== 1 || Number(n) < most) {
        counts.staleReads += 1;
        violations.push(`${userId} was read as ${user?.status} with ${links.length} links; ${n} users after ${most}`);
      }
      most = Math.max(most, Number(n));
    } catch (error) {
      counts.failedReads += 1;
      violations.push(`A read failed: ${(error as Error).message}`);
    }
    await delay(5);
  }
}

/**
 * One row among all is changed by hand: `verify` names it, a plain replay keeps the live generation, and one that
 * accepts differences puts it right.
 */
async function findOneByHand(): Promise<void> {
  const { rows } = await models.query<{ n: string }>(
    'SELECT (SELECT count(*) FROM models.users) + (SELECT count(*) FROM models.links) AS n',
  );
  const userId = log.users[Math.floor(log.users.length / 2)];
  await models.query(`UPDATE models.users SET status = 'deactivated' WHERE user_id = $1`, [userId]);
  const { code, answer } = await ligature('verify', 'users');
  const { differences = [] } = (answer ?? {}) as { differences?: readonly RowDifference[] };
  const [found] = differences;
  if (code !== 1 || differences.length !== 1 || found?.key.user_id !== userId || found?.columns.join() !== 'status')
    violations.push(`One row changed by hand among ${rows[0]?.n}: exit ${code}, ${JSON.stringify(answer)}`);
  else console.log(`verify found the one row changed by hand among ${rows[0]?.n}`);
  const before = await liveGeneration(models, 'users');
  if ((await ligature('replay', 'users')).code !== 1) violations.push('A replay replaced rows that differ');
  if ((await liveGeneration(models, 'users'))?.generation !== before?.generation)
    violations.push('A replay of rows that differ switched');
  if ((await ligature('replay', 'users', '--accept-differences')).code !== 0)
    violations.push('The accepted replay did not succeed');
  if ((await ligature('verify', 'users')).code !== 0) violations.push('The accepted replay did not put the row right');
}
