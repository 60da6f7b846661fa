import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { appendUnconditionally } from '#libs/event-store/command-execution.js';
import { eventsBetween } from '#libs/event-store/read-log.js';
import type { RecordedEvent } from '#libs/event-store/recorded-event.js';
import type { StreamName } from '#libs/event-store/stream-name.js';
import { newUuid } from '#libs/platform/ids.js';
import { silentLogger } from '#libs/platform/logger.js';
import { migrate } from '#libs/platform/postgres/migrations.js';
import { createPool } from '#libs/platform/postgres/pool.js';
import type { Pool } from '#libs/platform/postgres/pool.js';
import { startTestInstallation, testContext } from '#test-support/installation.js';
import type { TestInstallation } from '#test-support/installation.js';
import {
  allGenerations,
  buildingGeneration,
  CheckpointLostError,
  checksums,
  createGeneration,
  liveGeneration,
  moveCheckpoint,
  projectionEngineMigrations,
} from './generations.postgres.js';
import type { Generation } from './generations.postgres.js';
import type { Projection } from './projection.js';
import { LagMonitor } from './lag.js';
import { GenerationWriter } from './generation-writer.js';
import type { ProjectionDependencies } from './projection-dependencies.js';
import { Projector } from './projector.js';
import { Replayer } from './replayer.js';
import { ReadModelBehindError, waitForPosition } from './wait-for-position.js';
import { parkedIn } from './parked.postgres.js';
import { findReplay, requestReplay } from './replays.postgres.js';
import type { Replay } from './replays.postgres.js';

let installation: TestInstallation;
let pool: Pool;

beforeAll(async () => {
  installation = await startTestInstallation();
  pool = createPool(installation.eventStore.database.urls.ligature_projector, {
    applicationName: 'test projector',
    max: 30,
  });
  await migrate(pool, 'models', projectionEngineMigrations);
});
afterAll(async () => {
  await pool.end();
  await installation.stop();
});

const dependencies = (over: Partial<ProjectionDependencies> = {}): ProjectionDependencies => ({
  pool,
  connection: installation.connection,
  codec: installation.codec,
  logger: silentLogger,
  subjects: { erasedBy: () => undefined, deniedBy: () => undefined, organizationOf: () => null },
  build: 'test',
  store: installation.store,
  ...over,
});

interface TestProjection extends Projection {
  /** Appends that many events to the projection's stream. @returns the position of the last */
  append(count: number): Promise<bigint>;
  rows(): Promise<number[]>;
}

type Interfere = (batch: readonly RecordedEvent[], schema: string) => void | Promise<void>;

let projections = 0;

/**
 * A projection with a stream category and a table of its own: one row for each event, with how often it was handled.
 */
const testProjection = (interfere: Interfere = () => undefined, over: Partial<Projection> = {}): TestProjection => {
  projections += 1;
  const table = `handled_${projections}`;
  const category = `tested${String.fromCharCode(96 + projections)}`;
  return {
    name: `tested-${projections}`,
    version: 1,
    streamPrefixes: [`${category}-`],
    tables: [{ name: table, columns: 'revision bigint PRIMARY KEY, times integer NOT NULL' }],
    handle: async (batch, db, schema) => {
      await db.query(
        `INSERT INTO ${schema}.${table} SELECT unnest($1::bigint[]), 1 ON CONFLICT (revision) DO UPDATE SET times = ${table}.times + 1`,
        [batch.map(({ revision }) => revision)],
      );
      await interfere(batch, schema);
    },
    append: async (count) => {
      const { position } = await appendUnconditionally(installation.store, {
        stream: `${category}-1` as StreamName,
        events: Array.from({ length: count }, () => ({ type: 'ClaimAbandoned', data: { claimId: newUuid() } })),
        context: testContext(),
        subject: 'installation',
      });
      return position;
    },
    rows: async () => {
      const { rows } = await pool.query<{ times: number }>(`SELECT times FROM models.${table} ORDER BY revision`);
      return rows.map(({ times }) => times);
    },
    ...over,
  };
};

const start = (projection: Projection, over: Partial<ProjectionDependencies> = {}) => {
  const stopping = new AbortController();
  const projector = new Projector(dependencies(over), projection);
  const replayer = new Replayer(dependencies(over), [projection], `test ${projections}`);
  const lag = new LagMonitor(dependencies(over), [projection]);
  const running = Promise.all([projector, replayer, lag].map((each) => each.run(stopping.signal)));
  return {
    projector,
    stop: async () => {
      stopping.abort();
      await running;
    },
  };
};

/** Writes everything up to a position, as one batch. */
const write = async (projection: Projection, generation: Generation, upTo: bigint): Promise<void> => {
  const writer = await GenerationWriter.open(dependencies(), projection, generation);
  const events = await eventsBetween(
    installation.connection,
    generation.checkpoint?.position ?? null,
    upTo,
    projection.streamPrefixes,
  );
  await writer.write(events ?? [], upTo, new AbortController().signal);
};

const eventually = async (holds: () => boolean | Promise<boolean>): Promise<void> => {
  for (const deadline = Date.now() + 20_000; !(await holds());) {
    if (Date.now() > deadline) throw new Error('did not come to hold in time');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
};
const ones = (n: number): number[] => Array.from({ length: n }, () => 1);
const replayed = async (replay: Replay): Promise<Replay> => {
  await eventually(async () => ['done', 'failed'].includes((await findReplay(pool, replay.id))?.state ?? ''));
  return (await findReplay(pool, replay.id)) as Replay;
};

describe('rows and checkpoint', () => {
  it('are stored in one transaction: a handler that throws after writing leaves neither, and succeeds exactly once later', async () => {
    let failures = 0;
    const projection = testProjection();
    const failing: TestProjection = {
      ...projection,
      handle: async (batch, db, schema) => {
        await projection.handle(batch, db, schema);
        if (failures > 1) return;
        failures += 1;
        throw new Error('thrown twice, after writing');
      },
    };
    const position = await projection.append(1);
    const { stop } = start(failing);
    try {
      await waitForPosition(pool, projection.name, position, 10_000);
      expect(failures).toBe(2);
      expect(await projection.rows()).toEqual(ones(1));
      expect(await liveGeneration(pool, projection.name)).toMatchObject({ events: 1n, checkpoint: { position } });
    } finally {
      await stop();
    }
  });

  it('a batch that fails by the database’s fault leaves no row and no checkpoint, and nothing is parked for it', async () => {
    const full = Object.assign(new Error('could not extend file: No space left on device'), {
      severity: 'ERROR',
      code: '53100',
    });
    const projection = testProjection(() => Promise.reject(full));
    const position = await projection.append(2);
    const live = await createGeneration(pool, projection, 'live');
    await expect(write(projection, live, position)).rejects.toBe(full);
    expect(await projection.rows()).toEqual([]);
    expect(await liveGeneration(pool, projection.name)).toMatchObject({ checkpoint: null, events: 0n });
    expect(await parkedIn(pool, live)).toEqual([]);
  });

  it('the checkpoint is compared and set: who lost it writes nothing', async () => {
    const projection = testProjection();
    const position = await projection.append(2);
    const live = await createGeneration(pool, projection, 'live');
    await write(projection, live, position);
    // As if this process had been suspended since: it still believes that nothing was handled.
    await expect(write(projection, live, position)).rejects.toThrow(CheckpointLostError);
    expect(await projection.rows()).toEqual(ones(2));
  });

  it('of two who write the same batch at once one has it; the other learns that the checkpoint is not its own, and parks nothing', async () => {
    let lookers = 0;
    let bothLooked: () => void = () => undefined;
    const looked = new Promise<void>((resolve) => (bothLooked = resolve));
    const projection = testProjection();
    const table = projection.tables[0]?.name;
    // As a handler that looks whether a batch is there before it inserts: both look before either inserts, so one of
    // them meets the other's rows as a violated constraint.
    const looking: TestProjection = {
      ...projection,
      handle: async (batch, db, schema) => {
        const revisions = [batch.map(({ revision }) => revision)];
        const { rows } = await db.query(`SELECT FROM ${schema}.${table} WHERE revision = ANY($1)`, revisions);
        lookers += 1;
        if (lookers === 2) bothLooked();
        await looked;
        const twice = rows.length === 0 ? '' : 'ON CONFLICT DO NOTHING';
        await db.query(`INSERT INTO ${schema}.${table} SELECT unnest($1::bigint[]), 1 ${twice}`, revisions);
      },
    };
    const position = await projection.append(2);
    const live = await createGeneration(pool, projection, 'live');
    const written = await Promise.allSettled([write(looking, live, position), write(looking, live, position)]);
    expect(written.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(written.find(({ status }) => status === 'rejected')).toMatchObject({
      reason: expect.any(CheckpointLostError),
    });
    expect(lookers).toBeGreaterThan(2);
    expect(await projection.rows()).toEqual(ones(2));
    expect(await liveGeneration(pool, projection.name)).toMatchObject({ events: 2n, checkpoint: { position } });
    expect(await parkedIn(pool, live)).toEqual([]);
  });

  it('a checkpoint cannot be moved in a generation that is not in that state any more', async () => {
    const projection = testProjection();
    const live = await createGeneration(pool, projection, 'live');
    const retired: Generation = { ...live, state: 'building' };
    await expect(moveCheckpoint(pool, retired, null, { position: 1n, eventId: newUuid() }, 1n, 1)).rejects.toThrow(
      CheckpointLostError,
    );
  });
});

describe('waiting for a position', () => {
  it('ends when the live generation has it, and says so when it has not in time', async () => {
    const projection = testProjection();
    await expect(waitForPosition(pool, projection.name, 0n, 20)).rejects.toThrow(ReadModelBehindError);
    const { stop } = start(projection);
    try {
      const position = await projection.append(1);
      await waitForPosition(pool, projection.name, position, 10_000);
      expect(await projection.rows()).toEqual(ones(1));
      await expect(waitForPosition(pool, projection.name, position + 1_000_000n, 50)).rejects.toThrow(
        ReadModelBehindError,
      );
    } finally {
      await stop();
    }
  });
});

describe('a projection that never works', () => {
  it('is tried less and less often', async () => {
    const projection = testProjection();
    await projection.append(1);
    const at: number[] = [];
    const logger = { ...silentLogger, info: () => undefined, error: () => at.push(performance.now()) } as never;
    const { stop } = start(
      { ...projection, handle: (_, db) => db.query('SELECT 1 FROM missing').then(() => undefined) },
      { logger },
    );
    try {
      await eventually(() => at.length >= 5);
    } finally {
      await stop();
    }
    const [first = 0, second = 0] = at;
    const [fourth = 0, fifth = 0] = at.slice(3);
    expect(fifth - fourth).toBeGreaterThan(3 * (second - first));
  });
});

describe('two instances', () => {
  it('one is active; the other takes over when the first one’s connection is gone; each event is handled once', async () => {
    const projection = testProjection();
    const pools = ['first', 'second'].map((name) =>
      createPool(installation.eventStore.database.urls.ligature_projector, {
        applicationName: `${projection.name} ${name}`,
      }),
    ) as [Pool, Pool];
    const cutOff = new Error('cut off');
    const first = start(projection, { pool: pools[0] });
    try {
      await eventually(() => first.projector.state === 'running');
      const second = start(projection, { pool: pools[1] });
      try {
        await waitForPosition(pool, projection.name, await projection.append(2), 10_000);
        expect(second.projector.state).toBe('standing_by');
        // Cut off for good: otherwise it may be first again.
        pools[0].connect = ((done?: (error: Error) => void) =>
          done ? done(cutOff) : Promise.reject(cutOff)) as Pool['connect'];
        await pool.query(
          'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name = $1',
          [`${projection.name} first`],
        );
        await eventually(() => first.projector.state === 'failing' && second.projector.state === 'running');
        await waitForPosition(pool, projection.name, await projection.append(2), 10_000);
        expect(await projection.rows()).toEqual(ones(4));
      } finally {
        await second.stop();
      }
    } finally {
      await first.stop();
      await Promise.all(pools.map((p) => p.end()));
    }
  });
});

describe('replay', () => {
  it('invariant 8: gives identical rows and switches; readers never see an empty or half-built model', async () => {
    const projection = testProjection();
    const { stop } = start(projection);
    try {
      await waitForPosition(pool, projection.name, await projection.append(400), 10_000);
      const [before] = (await allGenerations(pool)).filter((g) => g.projection === projection.name);
      const sums = await checksums(pool, projection, before as Generation);
      const counts: number[] = [];
      let reading = true;
      const reader = (async () => {
        while (reading) counts.push((await projection.rows()).length);
      })();
      const done = await replayed(await requestReplay(pool, projection.name));
      reading = false;
      await reader;
      expect(done).toMatchObject({ state: 'done', report: { identical: true, before: sums, after: sums } });
      expect(new Set(counts)).toEqual(new Set([400]));
      const live = await liveGeneration(pool, projection.name);
      expect(live?.generation).toBe(2);
      await waitForPosition(pool, projection.name, await projection.append(1), 10_000);
      expect(await projection.rows()).toEqual(ones(401));
    } finally {
      await stop();
    }
  });

  it('whose rows differ keeps the live generation, and says so', async () => {
    let skip = false;
    const honest = testProjection();
    const projection: TestProjection = {
      ...honest,
      handle: (batch, db, schema) => honest.handle(skip ? batch.slice(1) : batch, db, schema),
    };
    const { stop } = start(projection);
    try {
      await waitForPosition(pool, projection.name, await projection.append(5), 10_000);
      skip = true;
      const done = await replayed(await requestReplay(pool, projection.name));
      expect(done).toMatchObject({ state: 'failed', report: { identical: false } });
      expect(await liveGeneration(pool, projection.name)).toMatchObject({ generation: 1 });
      expect(await buildingGeneration(pool, projection.name)).toBeUndefined();
      expect(await projection.rows()).toEqual(ones(5));
    } finally {
      await stop();
    }
  });

  it('a projector of another version never feeds the tables of the one before: it builds its own, and readers see either', async () => {
    const old = testProjection();
    const first = start(old);
    await waitForPosition(pool, old.name, await old.append(50), 10_000);
    await first.stop();
    const [table] = old.tables;
    if (!table) throw new Error('no table');
    const next: Projection = {
      ...old,
      version: 2,
      tables: [
        { name: table.name, columns: 'kind text NOT NULL, revision bigint PRIMARY KEY, times integer NOT NULL' },
      ],
      handle: async (batch, db, schema) => {
        await db.query(`INSERT INTO ${schema}.${table.name} SELECT 'new', unnest($1::bigint[]), 1`, [
          batch.map(({ revision }) => revision),
        ]);
      },
    };
    expect(await old.rows()).toEqual(ones(50));
    const second = start(next);
    await eventually(async () => (await liveGeneration(pool, old.name))?.version === 2);
    expect(await old.rows()).toEqual(ones(50));
    await waitForPosition(pool, old.name, await old.append(5), 10_000);
    const { rows } = await pool.query<{ kind: string }>(`SELECT DISTINCT kind FROM models.${table.name}`);
    expect([rows, (await old.rows()).length]).toEqual([[{ kind: 'new' }], 55]);
    await second.stop();
  });

  it('interrupted, goes on where it was', async () => {
    let stall = false;
    const handledAnew: bigint[] = [];
    let release = (): void => undefined;
    const projection = testProjection(async (batch, schema) => {
      if (!schema.endsWith('_g2')) return;
      handledAnew.push(...batch.map(({ revision }) => revision));
      if (stall) await new Promise<void>((resolve) => (release = resolve));
    });
    let { stop } = start(projection);
    for (let i = 0; i < 3; i += 1) await waitForPosition(pool, projection.name, await projection.append(400), 10_000);
    stall = true;
    const replay = await requestReplay(pool, projection.name);
    await eventually(() => handledAnew.length > 0);
    const stopped = stop();
    stall = false;
    release();
    await stopped;
    const left = await buildingGeneration(pool, projection.name);
    expect(left).toMatchObject({ generation: 2 });
    expect(left?.events).toBeLessThan(1_200n);
    expect(await findReplay(pool, replay.id)).toMatchObject({ state: 'running' });
    ({ stop } = start(projection));
    try {
      expect(await replayed(replay)).toMatchObject({ state: 'done', generation: 2, report: { identical: true } });
      expect(handledAnew).toEqual(Array.from({ length: 1_200 }, (_, i) => BigInt(i)));
      expect(await projection.rows()).toEqual(ones(1_200));
    } finally {
      await stop();
    }
  });
});

describe('the lag of a projection whose streams are rare', () => {
  type Read = (real: () => Promise<unknown>, signal: AbortSignal) => Promise<unknown>;

  /** A live generation that has its one event, and a log that goes on for pages without another. */
  const rare = async (): Promise<TestProjection> => {
    const projection = testProjection();
    await createGeneration(pool, projection, 'live');
    await pool.query('UPDATE models.generations SET position = $2, event_id = $3 WHERE projection = $1', [
      projection.name,
      await projection.append(1),
      newUuid(),
    ]);
    const other = testProjection();
    for (let i = 0; i < 4; i += 1) await other.append(500);
    return projection;
  };
  /**
   * Measures through a watched store until `isDone`, or until the watcher stops it.
   * @returns how often the store was read
   */
  const measure = async (
    watched: readonly Projection[],
    isDone: (lag: LagMonitor) => boolean,
    read: Read,
  ): Promise<number> => {
    const stopping = new AbortController();
    let reads = 0;
    const connection = {
      read: (request: never) => {
        reads += 1;
        return read(() => installation.connection.read(request), stopping.signal);
      },
    };
    const lag = new LagMonitor(dependencies({ connection: connection as never }), watched);
    const running = lag.run(stopping.signal);
    await eventually(() => isDone(lag));
    stopping.abort();
    await running;
    return reads;
  };
  const isKnown =
    ({ name }: Projection) =>
    (lag: LagMonitor): boolean =>
      lag.lags.has(name);

  it('is looked for from where it was looked before, also by another process', async () => {
    const projection = await rare();
    expect(await measure([projection], isKnown(projection), (real) => real())).toBeGreaterThan(4);
    expect(await measure([projection], isKnown(projection), (real) => real())).toBeLessThan(4);
  });

  it('is looked for from the checkpoint where what was seen is gone from the store', async () => {
    const projection = await rare();
    await pool.query('UPDATE models.generations SET considered = 999999999 WHERE projection = $1', [projection.name]);
    const next = await projection.append(1);
    let position = 0n;
    await measure([projection], isKnown(projection), (real) => real());
    await measure(
      [projection],
      (lag) => {
        const found = lag.lags.get(projection.name);
        position = found?.position ?? 0n;
        return found?.oldestAt instanceof Date;
      },
      (real) => real(),
    );
    expect(position).toBeLessThan(next);
  });

  it('goes on from where a failure interrupted it', async () => {
    const projection = await rare();
    let reads = 0;
    const failing: Read = (real) => {
      reads += 1;
      return reads === 4 ? Promise.reject(new Error('away for a moment')) : real();
    };
    expect(await measure([projection], isKnown(projection), failing)).toBeLessThan(8);
  });

  it('keeps no other from being measured, and ends when it is told to', async () => {
    const [projection, other] = [await rare(), await rare()];
    let first = true;
    await measure(
      [projection, other],
      ({ lags }) => lags.size > 0,
      (real, signal) => {
        if (!first) return real();
        first = false;
        return new Promise((resolve) => signal.addEventListener('abort', () => resolve(real()), { once: true }));
      },
    );
    const stopped = await rare();
    let reads = 0;
    await measure(
      [stopped],
      () => reads > 0,
      async (real, signal) => {
        reads += 1;
        const page = await real();
        if (!signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
        return page;
      },
    );
    expect(reads).toBe(1);
  });
});
