import { parseArgs } from 'node:util';
import { START } from '@eventstore/db-client';
import { userActivityStream } from '#libs/users/streams.js';
import { connectEventStore } from '#libs/event-store/connect-event-store.js';
import { unobserved } from '#libs/event-store/store-metrics.js';
import { eventCatalog } from '#libs/event-catalog/event-catalog.js';
import { openIdProviderMigrations } from '#libs/openid-provider/migrations.js';
import { silentLogger } from '#libs/platform/logger.js';
import { migrate } from '#libs/platform/postgres/migrations.js';
import { createPool } from '#libs/platform/postgres/pool.js';
import { feedBuilding } from '#libs/projection-engine/feed.js';
import {
  checksums,
  createGeneration,
  liveGeneration,
  projectionEngineMigrations,
} from '#libs/projection-engine/generations.postgres.js';
import { LagMonitor } from '#libs/projection-engine/lag.js';
import { Projector } from '#libs/projection-engine/projector.js';
import { waitForPosition } from '#libs/projection-engine/wait-for-position.js';
import { allProjections } from '#projections/all-projections.js';
import { subjectRules } from '#projections/subject-rules.js';
import { EVERYTHING_ALLOWED, startTestInstallation } from '#test-support/installation.js';
import { startScratchPostgres } from '../support/scratch-postgres.js';
import { People } from './support/people.js';
import type { Deed } from './support/people.js';
import { seededRandom } from './support/seeded.js';
import { startStoreUnderFaults } from './support/store-under-faults.js';
import type { Fault } from './support/store-under-faults.js';

/**
 * The event store under faults, with people who sign in, link and unlink, and running projections: seeded rounds of
 * cut, hang, slow, kill and restart. Every acknowledged event must be there, once; read models must equal a clean
 * rebuild; every request must be answered within its deadline; nothing may be restarted.
 */
const { values } = parseArgs({ options: { rounds: { type: 'string', default: '200' }, seed: { type: 'string' } } });
const rounds = Number(values.rounds);
const seed = values.seed === undefined ? Date.now() % 1_000_000_007 : Number(values.seed);
const WORKERS = 8;
const PEOPLE = 60;
const SUCCESSES_PER_ROUND = 12;
const RECOVERY_MS = 20_000;
const MOST_MS = { usual: 700, long: 4_500 };
const SHARE_OF_LONG = 0.08;
const SHOWN = 20;

const delay = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const random = seededRandom(seed);
const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
const violations: string[] = [];
const counts: Record<string, number> = { rounds: 0, uncaught: 0, projectorsEnded: 0, slowestRecoveryMs: 0 };

process.on('uncaughtException', (error) => {
  counts.uncaught = (counts.uncaught ?? 0) + 1;
  violations.push(`Uncaught: ${error.stack}`);
});
process.on('unhandledRejection', (error) => {
  counts.uncaught = (counts.uncaught ?? 0) + 1;
  violations.push(`Unhandled: ${(error as Error).stack}`);
});

const postgres = await startScratchPostgres();
process.env.LIGATURE_TEST_POSTGRES_URL = postgres.adminUrl;
const store = await startStoreUnderFaults();
console.log(`seed ${seed}, ${rounds} rounds of ${store.faults.join(', ')}`);
for (const left of store.leftOut) console.log(`left out: ${left}`);

const installation = await startTestInstallation(store, {
  ...unobserved,
  appendRetried: () => (counts.appendRetries = (counts.appendRetries ?? 0) + 1),
  clientReplaced: (client) => (counts[`${client}ClientReplaced`] = (counts[`${client}ClientReplaced`] ?? 0) + 1),
});
if (!(await isWithoutUsers())) {
  console.error('This store holds users already; the suite needs one without (their keys are elsewhere).');
  process.exit(2);
}
await installation.configure(EVERYTHING_ALLOWED);
await migrate(installation.pool, 'provider', openIdProviderMigrations);

// The projector's part: a connection of its own, as in its own process.
const models = createPool(store.database.urls.ligature_projector, {
  applicationName: 'faults projector',
  max: 16,
  statementTimeoutMs: 0,
});
await migrate(models, 'models', projectionEngineMigrations);
const projecting = connectEventStore({ ...installation, url: store.url, catalog: eventCatalog, logger: silentLogger });
const dependencies = {
  pool: models,
  connection: projecting.connection,
  codec: projecting.codec,
  store: projecting.store,
  logger: silentLogger,
  subjects: subjectRules,
  build: 'test',
};
const stopping = new AbortController();
const projectors = allProjections.map((projection) => {
  const running = new Projector(dependencies, projection).run(stopping.signal);
  return running.then(
    () => stopping.signal.aborted || ended(`${projection.name} ended`),
    (error: Error) => ended(`${projection.name} ended: ${error.message}`),
  );
});

// It says how far a read model has come whose streams are quiet.
const lag = new LagMonitor(dependencies, allProjections).run(stopping.signal);

const people = new People(installation);
let working = true;
const workers = Array.from({ length: WORKERS }, async (_, n) => {
  // A sequence of its own for each worker, so that the order in which they run does not change what they do.
  const own = seededRandom(seed + 1 + n);
  while (working) {
    const deed: Deed = own() < 0.5 ? 'sign in' : own() < 0.6 ? 'link' : 'unlink';
    const succeeded = await people.request(deed, `person-${Math.floor(own() * PEOPLE)}`);
    if (!succeeded) await delay(20);
  }
});

for (let round = 1; round <= rounds && violations.length + people.violations.length === 0; round += 1) {
  const fault: Fault = pick(store.faults);
  await store.break(fault, random());
  await delay(random() * (random() < SHARE_OF_LONG ? MOST_MS.long : MOST_MS.usual));
  await store.mend(fault);
  counts.rounds = round;
  counts[fault] = (counts[fault] ?? 0) + 1;
  await untilRecovered(fault, round);
  if (round % 20 === 0)
    console.log(`round ${round}/${rounds}: ${people.counts.succeeded} of ${people.counts.requests} requests succeeded`);
}
working = false;
await Promise.all(workers);

try {
  await checkLog();
  await checkReadModels();
} catch (error) {
  // Thrown on, it would be taken for one of the uncaught ones, and nothing would ever end.
  violations.push(`Not checked to the end: ${(error as Error).stack}`);
}
stopping.abort();
await Promise.all([...projectors, lag]);
await projecting.connection.close();
await models.end();
await installation.stop();
await postgres.discard();

violations.push(...people.violations);
console.log({ ...counts, ...people.counts, violations: violations.length });
for (const violation of violations.slice(0, SHOWN)) console.error(violation);
if (violations.length > 0) console.error(`Repeat with: npm run test:faults -- store --rounds ${rounds} --seed ${seed}`);
process.exit(violations.length > 0 ? 1 : 0);

function ended(what: string): void {
  counts.projectorsEnded = (counts.projectorsEnded ?? 0) + 1;
  violations.push(what);
}

async function isWithoutUsers(): Promise<boolean> {
  return installation.connection.read(async (client) => {
    let users = 0;
    for await (const { event } of client.readAll({ fromPosition: START, maxCount: 1_000 }))
      if (event?.streamId.startsWith('user-')) users += 1;
    return users === 0;
  });
}

/** The next requests succeed, and the projections get there, without anybody's help. */
async function untilRecovered(fault: Fault, round: number): Promise<void> {
  const began = performance.now();
  const target = people.counts.succeeded + SUCCESSES_PER_ROUND;
  while (people.counts.succeeded < target && performance.now() - began < RECOVERY_MS) await delay(5);
  const tookMs = Math.round(performance.now() - began);
  counts.slowestRecoveryMs = Math.max(counts.slowestRecoveryMs ?? 0, tookMs);
  if (people.counts.succeeded < target)
    violations.push(`Round ${round}: no recovery from ${fault} within ${RECOVERY_MS} ms`);
}

async function checkLog(): Promise<void> {
  const byPlace = new Map<string, { type: string; position: bigint; commandId: unknown }>();
  const ids = new Set<string>();
  const sessions = new Set<string>();
  Object.assign(counts, {
    stored: 0,
    acknowledged: people.store.acknowledged.length,
    acknowledgedButMissing: 0,
    storedTwice: 0,
    sessionsWithoutEvent: 0,
  });
  await installation.connection.whenReady(Date.now() + RECOVERY_MS);
  for await (const { event } of installation.connection.client.readAll({ fromPosition: START })) {
    if (!event?.position || event.streamId.startsWith('$')) continue;
    counts.stored = (counts.stored ?? 0) + 1;
    if (ids.has(event.id)) {
      counts.storedTwice = (counts.storedTwice ?? 0) + 1;
      violations.push(`Event ${event.id} of ${event.streamId} is stored twice`);
    }
    ids.add(event.id);
    const { commandId } = (event.metadata ?? {}) as { commandId?: unknown };
    // A decision that was made again because its first append was taken for lost has other ids, and the same command,
    // session and claim.
    const { sessionId, claimId } = event.data as { sessionId?: string; claimId?: string };
    const decided = `${event.streamId} ${String(commandId)} ${event.type} ${sessionId ?? claimId}`;
    if ((sessionId ?? claimId) !== undefined && ids.has(decided)) {
      counts.storedTwice = (counts.storedTwice ?? 0) + 1;
      violations.push(`${event.type} is in ${event.streamId} twice for one command`);
    }
    ids.add(decided);
    byPlace.set(`${event.streamId} ${event.revision}`, {
      type: event.type,
      position: event.position.commit,
      commandId,
    });
    if (event.type === 'LoginSucceeded') sessions.add(`${event.streamId} ${sessionId}`);
  }
  for (const { stream, revision, position, commandId, types } of people.store.acknowledged) {
    const there = types.every((type, i) => {
      const event = byPlace.get(`${stream} ${revision - BigInt(types.length - 1 - i)}`);
      return event?.type === type && event.commandId === commandId;
    });
    if (there && byPlace.get(`${stream} ${revision}`)?.position === position) continue;
    counts.acknowledgedButMissing = (counts.acknowledgedButMissing ?? 0) + 1;
    violations.push(`Acknowledged ${types.join(', ')} at revision ${revision} of ${stream} is not there`);
  }
  for (const { userId, sessionId } of people.opened) {
    if (sessions.has(`${userActivityStream(userId)} ${sessionId}`)) continue;
    counts.sessionsWithoutEvent = (counts.sessionsWithoutEvent ?? 0) + 1;
    violations.push(`Session ${sessionId} is active without its LoginSucceeded`);
  }
}

/** Each read model against a clean rebuild of it, row by row, in one figure. */
async function checkReadModels(): Promise<void> {
  counts.differingReadModels = 0;
  counts.rows = 0;
  const last = people.store.acknowledged
    .filter(({ stream }) => stream.startsWith('user-'))
    .reduce((max, { position }) => (position > max ? position : max), 0n);
  for (const projection of allProjections) {
    await waitForPosition(models, projection.name, last, 30_000);
    const live = await liveGeneration(models, projection.name);
    if (!live?.checkpoint) continue;
    const clean = await createGeneration(models, projection, 'building');
    await feedBuilding(dependencies, [{ projection, generation: clean }], {
      signal: stopping.signal,
      limit: live.checkpoint.position,
    });
    const [running, rebuilt] = [await checksums(models, projection, live), await checksums(models, projection, clean)];
    counts.rows += running.reduce((sum, { rows }) => sum + rows, 0);
    if (JSON.stringify(running) === JSON.stringify(rebuilt)) continue;
    counts.differingReadModels += 1;
    violations.push(`${projection.name} differs from a clean rebuild: ${JSON.stringify({ running, rebuilt })}`);
  }
}
