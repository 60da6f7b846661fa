import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { appendUnconditionally } from '#libs/event-store/command-execution.js';
import type { StoreConnection } from '#libs/event-store/store-connection.js';
import { newUuid } from '#libs/platform/ids.js';
import { silentLogger } from '#libs/platform/logger.js';
import { migrate } from '#libs/platform/postgres/migrations.js';
import { createPool } from '#libs/platform/postgres/pool.js';
import type { Pool } from '#libs/platform/postgres/pool.js';
import { startTestInstallation, testContext } from '#test-support/installation.js';
import type { TestInstallation } from '#test-support/installation.js';
import { startRestartableEventStore } from '#test-support/restartable-event-store.js';
import type { RestartableEventStore } from '#test-support/restartable-event-store.js';
import { until } from '#test-support/until.js';
import { buildingGeneration, liveGeneration, projectionEngineMigrations } from './generations.postgres.js';
import type { ProjectionDependencies } from './projection-dependencies.js';
import type { Projection } from './projection.js';
import { Projector } from './projector.js';
import { Replayer } from './replayer.js';
import { findReplay, requestReplay } from './replays.postgres.js';
import { waitForPosition } from './wait-for-position.js';

const EVENTS = 1_500;
const BEFORE_THE_OUTAGE = 1_000;

let store: RestartableEventStore;
let installation: TestInstallation;
let pool: Pool;
let dependencies: ProjectionDependencies;

beforeAll(async () => {
  store = await startRestartableEventStore();
  installation = await startTestInstallation(store);
  pool = createPool(store.database.urls.ligature_projector, { applicationName: 'test', max: 20 });
  await migrate(pool, 'models', projectionEngineMigrations);
  dependencies = {
    ...installation,
    pool,
    logger: silentLogger,
    subjects: { erasedBy: () => undefined, deniedBy: () => undefined, organizationOf: () => null },
    build: 'test',
  };
});
afterAll(async () => {
  await pool.end();
  await installation.stop();
});

const append = async (count: number): Promise<bigint> => {
  const { position } = await appendUnconditionally(installation.store, {
    stream: 'outage-1',
    events: Array.from({ length: count }, () => ({ type: 'ClaimAbandoned', data: { claimId: newUuid() } })),
    context: testContext(),
    subject: 'installation',
  });
  return position;
};

/** Revisions that each generation was given, in the order in which it was given them. */
const given = new Map<string, number[]>();
const projection: Projection = {
  name: 'outage',
  version: 1,
  streamPrefixes: ['outage-'],
  tables: [{ name: 'outage', columns: 'revision bigint PRIMARY KEY' }],
  handle: async (batch, db, schema) => {
    const revisions = batch.map(({ revision }) => Number(revision));
    given.set(schema, [...(given.get(schema) ?? []), ...revisions]);
    await db.query(`INSERT INTO ${schema}.outage SELECT unnest($1::bigint[])`, [revisions]);
  },
};
const rows = async (): Promise<number[]> =>
  (await pool.query<{ revision: string }>('SELECT revision FROM models.outage ORDER BY revision')).rows.map(
    ({ revision }) => Number(revision),
  );
const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

/**
 * The same store, which goes away in the middle of the log: once a subscription has been handed so many events.
 * `resubscribed`: how often that was noticed.
 */
const goingAway = (connection: StoreConnection): { readonly connection: StoreConnection; resubscribed(): number } => {
  let handedOver = 0;
  let resubscribed = 0;
  const { client } = connection;
  const subscribeToAll: StoreConnection['client']['subscribeToAll'] = (options, ...rest) => {
    const subscription = client.subscribeToAll(options, ...rest);
    const on = subscription.on.bind(subscription) as (
      event: string,
      listener: (...args: unknown[]) => void,
    ) => typeof subscription;
    subscription.on = ((event: string, listener: (...args: unknown[]) => void) =>
      on(event, (...args) => {
        const isOfTheLog = event === 'data' || event === 'caughtUp';
        if (isOfTheLog && handedOver >= BEFORE_THE_OUTAGE) return;
        listener(...args);
        if (event === 'data' && (handedOver += 1) === BEFORE_THE_OUTAGE) void store.goAway();
      })) as typeof subscription.on;
    return subscription;
  };
  const observed = {
    observer: { ...connection.observer, resubscribed: () => (resubscribed += 1) },
    read: connection.read.bind(connection),
    reading: { client: { subscribeToAll }, replaced: new AbortController().signal },
  } as unknown as StoreConnection;
  return { connection: observed, resubscribed: () => resubscribed };
};

const running = (runner: Projector | Replayer): (() => Promise<void>) => {
  const stopping = new AbortController();
  const run = runner.run(stopping.signal);
  return async () => {
    stopping.abort();
    await run;
  };
};

describe('a store outage in the middle of a replay', () => {
  it('leaves the live generation as it is, and what was built for whoever goes on when the store is back', async () => {
    const stopProjector = running(new Projector(dependencies, projection));
    for (let n = 0; n < EVENTS; n += 500) await waitForPosition(pool, projection.name, await append(500), 20_000);
    // How far the store says that it has looked may grow still.
    const before = { ...(await liveGeneration(pool, projection.name)), considered: expect.anything() };

    const { connection, resubscribed } = goingAway(installation.connection);
    const stopFirst = running(new Replayer({ ...dependencies, connection }, [projection], 'the first'));
    const { id } = await requestReplay(pool, projection.name);
    const isHalfBuilt = async (): Promise<true | undefined> =>
      (await buildingGeneration(pool, projection.name))?.events === BigInt(BEFORE_THE_OUTAGE) ? true : undefined;
    await until(isHalfBuilt, 20_000);
    await until(() => Promise.resolve(resubscribed() > 1 ? true : undefined), 20_000);
    expect(await findReplay(pool, id)).toMatchObject({
      state: 'running',
      runner: 'the first',
      generation: 2,
      report: null,
    });
    expect(await liveGeneration(pool, projection.name)).toEqual(before);
    expect(await rows()).toEqual(upTo(EVENTS));
    await stopFirst();
    expect(await isHalfBuilt()).toBe(true);

    // In another process, which finds the store away: it says so, and waits.
    const stopSecond = running(new Replayer(dependencies, [projection], 'the second'));
    try {
      const stuck = await until(async () => {
        const replay = await findReplay(pool, id);
        return replay?.problem ? replay : undefined;
      }, 20_000);
      expect(stuck).toMatchObject({ state: 'running', generation: 2, report: null });
      expect([await isHalfBuilt(), await liveGeneration(pool, projection.name)]).toEqual([true, before]);

      await store.comeBack();
      const done = await until(async () => {
        const replay = await findReplay(pool, id);
        return replay?.report ? replay : undefined;
      }, 20_000);
      expect(done).toMatchObject({
        state: 'done',
        runner: 'the second',
        generation: 2,
        problem: null,
        report: { identical: true },
      });
      // From where the first one was: no event a second time.
      expect(given.get('outage_g2')).toEqual(upTo(EVENTS));
      await until(() => Promise.resolve(installation.connection.state === 'ready' ? true : undefined));
      await waitForPosition(pool, projection.name, await append(1), 20_000);
      expect(await rows()).toEqual(upTo(EVENTS + 1));
    } finally {
      await stopSecond();
      await stopProjector();
    }
  });
});
