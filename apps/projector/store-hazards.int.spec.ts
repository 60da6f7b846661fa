import { randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { startIdentity } from '#apps/identity/identity.js';
import { eventCatalog } from '#libs/event-catalog/event-catalog.js';
import { appendUnconditionally, execute } from '#libs/event-store/command-execution.js';
import { connectEventStore } from '#libs/event-store/connect-event-store.js';
import { EventStore } from '#libs/event-store/event-store.js';
import type { AppendRequest } from '#libs/event-store/event-store.js';
import { mayDelete, warnOfAccount } from '#libs/event-store/store-account.js';
import type { StoreConnection } from '#libs/event-store/store-connection.js';
import { StoreAwayError } from '#libs/event-store/store-errors.js';
import type { StreamName } from '#libs/event-store/stream-name.js';
import { LoginViaIdp } from '#libs/linking/commands/login-via-idp.command.js';
import { loginViaIdp } from '#libs/linking/commands/login-via-idp.js';
import { loadAccount } from '#libs/users/queries/load-account.js';
import { systemClock } from '#libs/platform/clock.js';
import { newUuid } from '#libs/platform/ids.js';
import { silentLogger } from '#libs/platform/logger.js';
import { migrate } from '#libs/platform/postgres/migrations.js';
import { createPool } from '#libs/platform/postgres/pool.js';
import type { Pool } from '#libs/platform/postgres/pool.js';
import { liveGeneration, projectionEngineMigrations } from '#libs/projection-engine/generations.postgres.js';
import { Projector } from '#libs/projection-engine/projector.js';
import { waitForPosition } from '#libs/projection-engine/wait-for-position.js';
import { Replayer } from '#libs/projection-engine/replayer.js';
import { findReplay, requestReplay } from '#libs/projection-engine/replays.postgres.js';
import { subjectRules } from '#projections/subject-rules.js';
import { usersProjection } from '#projections/users/users.projection.js';
import { createTestDatabase } from '#test-support/database.js';
import type { TestDatabase } from '#test-support/database.js';
import { startTestIdentityServer } from '#test-support/identity-server.js';
import { EVERYTHING_ALLOWED, startTestInstallation, testAssertion, testContext } from '#test-support/installation.js';
import type { TestInstallation } from '#test-support/installation.js';
import { startRestartableEventStore } from '#test-support/restartable-event-store.js';
import type { RestartableEventStore } from '#test-support/restartable-event-store.js';
import { startProjector } from './projector.js';

/**
 * The hazards of the design's event-store page, through the public ways in: a command, a projection, a start. Beside
 * each, apps/event-store/hazards shows the hazard itself through the bare client.
 */
const freshStream = (): StreamName => `userActivity-${newUuid()}`;
const abandoned = () => ({ type: 'ClaimAbandoned', data: { claimId: newUuid() } });
const request = (stream: StreamName, over: Partial<AppendRequest> = {}): AppendRequest => ({
  stream,
  expectedRevision: 'no_stream',
  events: [abandoned()],
  context: testContext(),
  subject: 'installation',
  ...over,
});
const eventually = async (holds: () => boolean | Promise<boolean>, withinMs = 20_000): Promise<void> => {
  for (const deadline = Date.now() + withinMs; !(await holds());) {
    if (Date.now() > deadline) throw new Error('did not come to hold in time');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
};

let store: RestartableEventStore;
let installation: TestInstallation;
let models: Pool;
const ended: (() => Promise<unknown>)[] = [];

beforeEach(async () => {
  store = await startRestartableEventStore();
  installation = await startTestInstallation(store);
  await installation.configure(EVERYTHING_ALLOWED);
  models = createPool(store.database.urls.ligature_projector, { applicationName: 'test projector', max: 10 });
  await migrate(models, 'models', projectionEngineMigrations);
});
afterEach(async () => {
  for (const end of ended.splice(0).reverse()) await end();
  await models.end();
  await installation.stop();
});

const signIn = async (name: string): Promise<{ kind: string; position: bigint }> => {
  const flow = { kind: 'sign_in', organizationId: 'default' } as const;
  const { outcome } = await loginViaIdp(installation, new LoginViaIdp(testAssertion(name), flow, testContext()));
  const { position } = await loadAccount(installation.store, 'userId' in outcome ? outcome.userId : '');
  return { kind: outcome.kind, position };
};

const runUsers = (connection: StoreConnection = installation.connection) => {
  const stopping = new AbortController();
  const dependencies = {
    ...installation,
    pool: models,
    connection,
    logger: silentLogger,
    subjects: subjectRules,
    build: 'test',
  };
  const projector = new Projector(dependencies, usersProjection);
  const replayer = new Replayer(dependencies, [usersProjection], 'the test');
  const running = Promise.all([projector.run(stopping.signal), replayer.run(stopping.signal)]);
  running.catch(() => undefined);
  const stop = async (): Promise<void> => {
    stopping.abort();
    await running.catch(() => undefined);
  };
  ended.push(stop);
  return { projector, running, stop };
};

const projectorEnvironment = (url = store.url) => ({
  EVENTSTORE_URL: url,
  LIGATURE_MASTER_KEY: installation.masterKey.toString('base64'),
  DATABASE_URL: store.database.urls.ligature_projector,
  PROCESS_MANAGER_DATABASE_URL: store.database.urls.ligature_process_manager,
  PROJECTOR_MANAGEMENT_PORT: '0',
});

const identityEnvironment = (url = store.url) => ({
  EVENTSTORE_URL: url,
  LIGATURE_MASTER_KEY: installation.masterKey.toString('base64'),
  LIGATURE_INDEX_SECRET: installation.indexSecret.toString('base64'),
  LIGATURE_COOKIE_SECRET: randomBytes(32).toString('base64'),
  LIGATURE_ISSUER: 'http://localhost:1',
  LIGATURE_ENV: 'development',
  DATABASE_URL: store.database.urls.ligature_identity,
  IDENTITY_PORT: '0',
  IDENTITY_MANAGEMENT_PORT: '0',
});

/** Fills the users’ read model, and stops feeding it. */
const filledReadModel = async (): Promise<bigint> => {
  const { position } = await signIn('ann');
  const users = runUsers();
  await waitForPosition(models, 'users', position, 10_000);
  await users.stop();
  return (await liveGeneration(models, 'users'))?.checkpoint?.position ?? -1n;
};

describe('a command', () => {
  it('H1: an event type that is empty or unknown, a name that is no stream’s, an event over the limit: refused before the client, and 32 others notice nothing', async () => {
    const others = Array.from({ length: 32 }, () => installation.store.append(request(freshStream())));
    const refused = [
      request(freshStream(), { events: [{ type: '', data: {} }] }),
      request(freshStream(), { events: [{ type: 'NeverHeardOf', data: {} }] }),
      request('' as StreamName),
      request('$user-1' as StreamName),
      request(freshStream(), { events: [{ type: 'ClaimAbandoned', data: { claimId: 'x'.repeat(1_100_000) } }] }),
    ];
    for (const each of refused) {
      await expect(
        execute(installation.store, {
          ...each,
          fold: { initial: 0, evolve: (count: number) => count + 1 },
          decide: () => ({ events: each.events, outcome: undefined }),
        }),
      ).rejects.toMatchObject({ code: expect.stringMatching(/^(event_store_refused|event_format_invalid)$/) });
    }
    expect((await Promise.all(others)).map(({ kind }) => kind)).toEqual(others.map(() => 'appended'));
    expect(installation.connection.state).toBe('ready');
  });

  it('H2: while the store goes away and comes back under 32 writers, the process lives, and every acknowledged event is there, once', async () => {
    const uncaught: unknown[] = [];
    const onUncaught = (error: unknown): void => void uncaught.push(error);
    process.on('uncaughtException', onUncaught);
    ended.push(() => Promise.resolve(process.off('uncaughtException', onUncaught)));
    let running = true;
    const acknowledged = new Map<StreamName, number>();
    const writers = Array.from({ length: 32 }, async () => {
      const stream = freshStream();
      while (running) {
        const append = appendUnconditionally(installation.store, {
          stream,
          events: [abandoned()],
          context: testContext(),
          subject: 'installation',
        });
        await append.then(
          () => acknowledged.set(stream, (acknowledged.get(stream) ?? 0) + 1),
          () => new Promise((resolve) => setTimeout(resolve, 20)),
        );
      }
    });
    const count = (): number => [...acknowledged.values()].reduce((sum, n) => sum + n, 0);
    for (let round = 0; round < 3; round += 1) {
      const before = count();
      await eventually(() => count() > before + 64);
      await store.goAway();
      await store.comeBack();
    }
    const before = count();
    await eventually(() => count() > before + 64);
    running = false;
    await Promise.all(writers);
    expect(uncaught).toEqual([]);
    for (const [stream, n] of acknowledged) {
      const ids = (await installation.store.readStored(stream)).map(({ id }) => id);
      expect(ids.length).toBeGreaterThanOrEqual(n);
      expect(new Set(ids).size).toBe(ids.length);
    }
  });

  it('H3: a cluster that was away for longer than a second is appended to again, by the same process', async () => {
    const { connection, codec } = connectEventStore({
      url: `esdb://127.0.0.1:${store.port},localhost:${store.port}?tls=false&maxDiscoverAttempts=2`,
      catalog: eventCatalog,
      keys: installation.keys,
      clock: systemClock,
      newId: newUuid,
      logger: silentLogger,
    });
    ended.push(() => connection.close());
    const cluster = new EventStore({ connection, codec, clock: systemClock, newId: newUuid });
    await cluster.append(request(freshStream()));
    await store.goAway();
    await expect(cluster.append(request(freshStream()))).rejects.toThrow();
    await eventually(() => connection.state === 'away');
    await new Promise((resolve) => setTimeout(resolve, 1_200));
    const began = performance.now();
    await expect(cluster.append(request(freshStream()))).rejects.toThrow(StoreAwayError);
    expect(performance.now() - began).toBeLessThan(100);
    await store.comeBack();
    await eventually(() => connection.state === 'ready');
    expect((await cluster.append(request(freshStream()))).kind).toBe('appended');
  });

  it('H4: an append whose answer was lost is stored once, also when others appended after it and the store was restarted', async () => {
    const stream = freshStream();
    const { connection } = installation;
    const append = connection.append.bind(connection);
    let lost = 0;
    jest.spyOn(connection, 'append').mockImplementation(async (send) => {
      const answer = await append(send);
      if (lost > 0) return answer;
      lost += 1;
      await appendUnconditionally(installation.store, {
        stream,
        events: [abandoned()],
        context: testContext(),
        subject: 'installation',
      });
      await store.goAway();
      await store.comeBack();
      throw Object.assign(new Error('14 UNAVAILABLE: Connection dropped'), { type: 'unavailable' });
    });
    ended.push(() => Promise.resolve(jest.restoreAllMocks()));
    const result = await installation.store.append(request(stream, { events: [abandoned(), abandoned()] }));
    expect(result).toMatchObject({ kind: 'appended', revision: 1n });
    expect(await installation.store.readStored(stream)).toHaveLength(3);
  });

  it('H8, H9: a store that is down: a bounded refusal that says so, and the first sign-in when it is back succeeds, without a restart', async () => {
    await signIn('ann');
    await store.goAway();
    const began = Date.now();
    await expect(signIn('ann')).rejects.toThrow(StoreAwayError);
    expect(Date.now() - began).toBeLessThan(9_000);
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    await store.comeBack();
    const back = Date.now();
    expect((await signIn('ann')).kind).toBe('sign_in');
    expect(Date.now() - back).toBeLessThan(2_000);
  });

  it('H12: ids are made once for each decision: the same twice is two events, and a retry sends the same ids and the same payload', async () => {
    const stream = freshStream();
    const event = abandoned();
    const { connection } = installation;
    const append = connection.append.bind(connection);
    const sent: string[] = [];
    jest.spyOn(connection, 'append').mockImplementation((send) =>
      append((client, timeoutMs) => {
        const spied = Object.create(client) as typeof client;
        spied.appendToStream = ((name: string, events: { id: string; data: unknown }[], options: never) => {
          sent.push(JSON.stringify(events));
          if (sent.length === 1) return Promise.reject(Object.assign(new Error('lost'), { type: 'unavailable' }));
          return client.appendToStream(name, events as never, options);
        }) as never;
        return send(spied, timeoutMs);
      }),
    );
    ended.push(() => Promise.resolve(jest.restoreAllMocks()));
    await installation.store.append(request(stream, { events: [event] }));
    expect(sent).toHaveLength(2);
    expect(sent[1]).toBe(sent[0]);
    await installation.store.append(request(stream, { events: [event], expectedRevision: 0n }));
    const ids = (await installation.store.readStored(stream)).map(({ id }) => id);
    expect(new Set(ids).size).toBe(2);
  });
});

describe('a projection', () => {
  it('H5: the checkpoint is an event that was received, however far the store says that it has looked', async () => {
    const { position } = await signIn('ann');
    const { running: _ } = runUsers();
    await waitForPosition(models, 'users', position, 10_000);
    for (let i = 0; i < 100; i += 1) await installation.store.append(request(`other-${newUuid()}`));
    await eventually(async () => ((await liveGeneration(models, 'users'))?.considered ?? 0n) > position);
    const checkpoint = (await liveGeneration(models, 'users'))?.checkpoint;
    const found = await installation.connection.read(async (client) => {
      for await (const { event } of client.readAll({
        fromPosition: { commit: checkpoint?.position ?? 0n, prepare: checkpoint?.position ?? 0n },
        maxCount: 1,
      }))
        return { id: event?.id, stream: event?.streamId };
      return undefined;
    });
    expect(found?.id).toBe(checkpoint?.eventId);
    expect(found?.stream).toMatch(/^user-/);
  });

  it('H6, H9: dropped by the store it goes on after the last event taken: nothing lost, nothing twice, counted, not failed', async () => {
    const { projector } = runUsers();
    const resubscribed = jest.spyOn(installation.connection.observer, 'resubscribed');
    ended.push(() => Promise.resolve(resubscribed.mockRestore()));
    let last = 0n;
    for (let round = 0; round < 3; round += 1) {
      ({ position: last } = await signIn(`person-${round}`));
      await waitForPosition(models, 'users', last, 10_000);
      await store.goAway();
      await store.comeBack();
      await eventually(() => installation.connection.state === 'ready');
    }
    ({ position: last } = await signIn('person-last'));
    await waitForPosition(models, 'users', last, 10_000);
    const { rows } = await models.query<{ n: string }>('SELECT count(*) AS n FROM models.users');
    expect(rows[0]?.n).toBe('4');
    expect(resubscribed).toHaveBeenCalled();
    expect(projector.lastError).toBeUndefined();
  });

  it('H11: one whose streams do not exist yet is replayed to its end all the same: of the whole log "caught up" is said at once', async () => {
    runUsers();
    const replay = await requestReplay(models, 'users');
    await eventually(async () => (await findReplay(models, replay.id))?.state === 'done');
  });
});

describe('a start', () => {
  let another: TestDatabase;
  beforeAll(async () => {
    another = await createTestDatabase();
  });
  afterAll(() => another.drop());

  const startFails = async (start: Promise<{ stop(): Promise<void> }>): Promise<Error & { code?: string }> => {
    const outcome = await start.then(
      (running) => running,
      (error: Error) => error,
    );
    if (outcome instanceof Error) return outcome;
    await outcome.stop();
    throw new Error('it started');
  };
  const eventsIn = async (): Promise<number> => {
    const { connection } = connectEventStore({
      url: store.url,
      catalog: eventCatalog,
      keys: installation.keys,
      clock: systemClock,
      newId: newUuid,
      logger: silentLogger,
    });
    try {
      return await connection.read(async (client) => {
        let n = 0;
        for await (const { event } of client.readAll({})) if (!event?.streamId.startsWith('$')) n += 1;
        return n;
      });
    } finally {
      await connection.close();
    }
  };

  it('H7, E3: a checkpoint beyond the end of an older, restored store: the projector and the server refuse, naming projection, positions and command; nothing is written', async () => {
    await filledReadModel();
    await models.query(`UPDATE models.generations SET position = 10000000000 WHERE projection = 'users'`);
    const before = await eventsIn();
    for (const error of [
      await startFails(startProjector(projectorEnvironment(), silentLogger)),
      await startFails(startIdentity(identityEnvironment(), silentLogger)),
    ]) {
      expect(error.code).toBe('not_the_store_we_knew');
      expect(error.message).toMatch(
        /^users: the event store has no event at position 10000000000 .* its last event is at position \d+.*Nothing was written.*"ligature projections replay users"/,
      );
    }
    expect(await eventsIn()).toBe(before);
    expect(await liveGeneration(models, 'users')).toMatchObject({
      generation: 1,
      checkpoint: { position: 10_000_000_000n },
    });
  });

  it('E3: an empty store under filled read models: refused, nothing written; the command in the message puts it right', async () => {
    const checkpoint = await filledReadModel();
    await store.goAway();
    await store.comeBack(another);
    for (const start of [
      startProjector(projectorEnvironment(), silentLogger),
      startIdentity(identityEnvironment(), silentLogger),
    ]) {
      const error = await startFails(start);
      expect(error.code).toBe('not_the_store_we_knew');
      expect(error.message).toContain(`at position ${checkpoint} `);
      expect(error.message).toContain('it is empty');
    }
    expect(await eventsIn()).toBe(0);
    const replay = await requestReplay(models, 'users');
    const projector = await startProjector(projectorEnvironment(), silentLogger);
    try {
      await eventually(async () => (await findReplay(models, replay.id))?.state === 'done');
      expect((await models.query('SELECT * FROM models.users')).rows).toEqual([]);
      expect((await findReplay(models, replay.id))?.report?.message).toContain('another store');
    } finally {
      await projector.stop();
    }
  });

  it('E3: a store that is replaced while the projector runs stops it', async () => {
    await filledReadModel();
    const projector = await startProjector(projectorEnvironment(), silentLogger);
    ended.push(() => projector.stop());
    await store.goAway();
    await store.comeBack(another);
    await expect(projector.failed).rejects.toMatchObject({ code: 'not_the_store_we_knew' });
  });

  it('E3: a store that comes back without what this process stored is neither appended to nor read, until the right one is back', async () => {
    const logged: string[] = [];
    const { connection, codec } = connectEventStore({
      url: store.url,
      catalog: eventCatalog,
      keys: installation.keys,
      clock: systemClock,
      newId: newUuid,
      logger: {
        ...silentLogger,
        warn: () => undefined,
        info: () => undefined,
        error: (_: unknown, text: string) => logged.push(text),
      } as never,
    });
    ended.push(() => connection.close());
    const own = new EventStore({ connection, codec, clock: systemClock, newId: newUuid });
    const stream = freshStream();
    await own.append(request(stream));
    await store.goAway();
    await store.comeBack(another);
    await eventually(() => connection.state === 'not_the_store_we_knew');
    await expect(own.append(request(freshStream()))).rejects.toThrow(StoreAwayError);
    await expect(own.read(stream)).rejects.toThrow(StoreAwayError);
    expect(logged.join()).toContain('not the store we knew');
    await store.goAway();
    await store.comeBack();
    await eventually(() => connection.state === 'ready');
    expect(await own.readStored(stream)).toHaveLength(1);
  });

  it('H10: esdb+discover:// with a list is refused, with the right form in the message', async () => {
    for (const start of [
      startProjector(projectorEnvironment('esdb+discover://a,b,c'), silentLogger),
      startIdentity(identityEnvironment('esdb+discover://a,b,c'), silentLogger),
    ]) {
      const error = await startFails(start);
      expect(error.code).toBe('event_store_url_invalid');
      expect(error.message).toContain('esdb://a,b,c');
    }
  });

  it('E1: an account that may delete is warned of, with what to do; asking changes nothing', async () => {
    const before = await eventsIn();
    const warned: string[] = [];
    const logger = {
      ...silentLogger,
      debug: () => undefined,
      warn: (_: unknown, text: string) => warned.push(text),
    } as never;
    // The embedded store has no accounts: everybody may delete.
    expect(await mayDelete(installation.connection)).toBe(true);
    await warnOfAccount(installation.connection, logger);
    expect(warned).toEqual([expect.stringContaining('docs/operating.md')]);
    expect(await eventsIn()).toBe(before);
    const denied = { read: () => Promise.reject(Object.assign(new Error(''), { type: 'access-denied' })) } as never;
    expect(await mayDelete(denied)).toBe(false);
    await warnOfAccount(denied, logger);
    expect(warned).toHaveLength(1);
  });
});

describe('a stranger’s request', () => {
  it('E2: while the store is away every page answers in time, readiness tells the truth, and all is well again without a restart', async () => {
    const own = await startRestartableEventStore();
    const server = await startTestIdentityServer(own);
    ended.push(() => server.stop());
    await server.installation.configure(EVERYTHING_ALLOWED);
    const ready = async (): Promise<number> =>
      (await fetch(`http://127.0.0.1:${server.managementPort}/health/ready`)).status;
    const strange = [
      '/o/default/sign-in',
      '/account',
      '/auth?client_id=%00',
      '/api/history',
      '/callback/acme?state=x&code=y',
    ];
    expect(await ready()).toBe(200);
    for (let round = 0; round < 2; round += 1) {
      await own.goAway();
      await eventually(async () => (await ready()) === 503);
      const answers = await Promise.all(
        Array.from({ length: 40 }, (_, i) =>
          fetch(server.issuer + strange[i % strange.length], {
            redirect: 'manual',
            signal: AbortSignal.timeout(10_000),
          }),
        ),
      );
      expect(answers.every(({ status }) => status !== 500)).toBe(true);
      await own.comeBack();
      await eventually(async () => (await ready()) === 200);
      await eventually(() => server.installation.connection.state === 'ready');
      await appendUnconditionally(server.installation.store, {
        stream: freshStream(),
        events: [abandoned()],
        context: testContext(),
        subject: 'installation',
      });
    }
    const metrics = await (await fetch(`http://127.0.0.1:${server.managementPort}/metrics`)).text();
    expect(metrics).toContain('ligature_event_store_state{state="ready"} 1');
    expect(metrics).toMatch(/ligature_event_store_state_changes_total\{state="away"\} [1-9]/);
  });
});
