import { parseArgs } from 'node:util';
import { openIdProviderMigrations } from '#libs/openid-provider/migrations.js';
import { migrate } from '#libs/platform/postgres/migrations.js';
import { startTestIdentityServer } from '#test-support/identity-server.js';
import { EVERYTHING_ALLOWED } from '#test-support/installation.js';
import { startScratchPostgres } from '../support/scratch-postgres.js';
import { DEADLINE_MS, People } from './support/people.js';
import { startStoreUnderFaults } from './support/store-under-faults.js';

/**
 * The event store is away for minutes (`--seconds`, 600 unless told), then returns: readiness tells the truth all the
 * while, requests are refused in time, and the first sign-in after the return succeeds within two seconds. Identity
 * server and projector are never restarted.
 */
const { values } = parseArgs({ options: { seconds: { type: 'string', default: '600' } } });
const seconds = Number(values.seconds);
const BACK_WITHIN_MS = 2_000;
/** A heartbeat, and a request's time-out: how long a store may be away before readiness says so. */
const NOTICED_WITHIN_MS = 5_000;

const delay = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const violations: string[] = [];
process.on('uncaughtException', (error) => violations.push(`Uncaught: ${error.stack}`));

const postgres = await startScratchPostgres();
process.env.LIGATURE_TEST_POSTGRES_URL = postgres.adminUrl;
const store = await startStoreUnderFaults();
const server = await startTestIdentityServer(store);
await server.installation.configure(EVERYTHING_ALLOWED);
await migrate(server.installation.pool, 'provider', openIdProviderMigrations);
const people = new People(server.installation);
const isReady = async (): Promise<boolean> =>
  (await fetch(`http://127.0.0.1:${server.managementPort}/health/ready`)).ok;
const pageStatus = async (): Promise<number> =>
  (await fetch(`${server.issuer}/account`, { redirect: 'manual', signal: AbortSignal.timeout(DEADLINE_MS) })).status;

if (!(await people.request('sign in', 'ann'))) violations.push('The first sign-in did not succeed');
if (!(await isReady())) violations.push('Not ready before the store went away');

await store.break('kill', 0);
const goneAt = performance.now();
while (await isReady()) {
  if (performance.now() - goneAt > NOTICED_WITHIN_MS)
    violations.push(`Readiness did not notice within ${NOTICED_WITHIN_MS} ms`);
  if (violations.length > 0) break;
  await delay(50);
}
const noticedMs = Math.round(performance.now() - goneAt);
const counts = { readinessAsked: 0, readinessLied: 0, refused: 0 };
while (performance.now() - goneAt < seconds * 1_000) {
  counts.readinessAsked += 1;
  if (await isReady()) counts.readinessLied += 1;
  if (await people.request('sign in', 'ann')) violations.push('A sign-in succeeded without the store');
  else counts.refused += 1;
  await pageStatus();
  await delay(1_000);
}
if (counts.readinessLied > 0)
  violations.push(`Readiness said "ready" ${counts.readinessLied} times while the store was away`);

await store.mend('kill');
const backAt = performance.now();
if (!(await people.request('sign in', 'ann'))) violations.push('The first sign-in after the return did not succeed');
const firstSignInMs = Math.round(performance.now() - backAt);
if (firstSignInMs > BACK_WITHIN_MS) violations.push(`The first sign-in after the return took ${firstSignInMs} ms`);
while (!(await isReady())) {
  if (performance.now() - backAt > NOTICED_WITHIN_MS)
    violations.push(`Not ready within ${NOTICED_WITHIN_MS} ms of the return`);
  if (violations.length > 0) break;
  await delay(20);
}
const readyAgainMs = Math.round(performance.now() - backAt);
violations.push(...people.violations);
await server.stop();
await postgres.discard();

console.log({
  secondsAway: seconds,
  noticedMs,
  ...counts,
  firstSignInMs,
  readyAgainMs,
  slowestAnswerMs: people.counts.slowestMs,
  violations: violations.length,
});
for (const violation of violations) console.error(violation);
process.exit(violations.length > 0 ? 1 : 0);
