import { START } from '@eventstore/db-client';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { appendUnconditionally } from '#libs/event-store/command-execution.js';
import type { StoreConnection } from '#libs/event-store/store-connection.js';
import type { StreamName } from '#libs/event-store/stream-name.js';
import { newUuid } from '#libs/platform/ids.js';
import { silentLogger } from '#libs/platform/logger.js';
import { migrate } from '#libs/platform/postgres/migrations.js';
import { createPool, inTransaction } from '#libs/platform/postgres/pool.js';
import type { Pool } from '#libs/platform/postgres/pool.js';
import { startTestInstallation, testContext } from '#test-support/installation.js';
import type { TestInstallation } from '#test-support/installation.js';
import { until } from '#test-support/until.js';
import { buildingGeneration, liveGeneration, lockLive, projectionEngineMigrations } from './generations.postgres.js';
import { LagMonitor, lagOf } from './lag.js';
import type { ProjectionDependencies } from './projection-dependencies.js';
import type { Projection } from './projection.js';
import { Projector } from './projector.js';
import { Replayer } from './replayer.js';
import { findReplay, ReplayUnderWayError, requestReplay } from './replays.postgres.js';
import type { Replay } from './replays.postgres.js';
import { waitForPosition } from './wait-for-position.js';

let installation: TestInstallation;
let pool: Pool;
let dependencies: ProjectionDependencies;

beforeAll(async () => {
  installation = await startTestInstallation();
  pool = createPool(installation.eventStore.database.urls.ligature_projector, { applicationName: 'test', max: 30 });
  await migrate(pool, 'models', projectionEngineMigrations);
  const subjects = { erasedBy: () => undefined, deniedBy: () => undefined, organizationOf: () => null };
  dependencies = { ...installation, pool, logger: silentLogger, subjects, build: 'test' };
});
afterAll(async () => {
  await pool.end();
  await installation.stop();
});

let projections = 0;

/** One row for each event, and what its handlers write beside: `mark` tells versions and mistakes apart. */
const numbered = (
  over: Partial<Projection> & { readonly mark?: () => string } = {},
): Projection & { readonly category: string } => {
  projections += 1;
  const table = `numbered_${projections}`;
  const category = `numbered${String.fromCharCode(96 + projections)}`;
  const { mark = () => 'm', ...rest } = over;
  return {
    category,
    name: `numbered-${projections}`,
    version: 1,
    streamPrefixes: [`${category}-`],
    tables: [
      { name: table, columns: 'stream text, revision bigint, mark text NOT NULL, PRIMARY KEY (stream, revision)' },
    ],
    handle: async (batch, db, schema) => {
      await db.query(`INSERT INTO ${schema}.${table} SELECT *, $3 FROM unnest($1::text[], $2::bigint[])`, [
        batch.map(({ stream }) => stream),
        batch.map(({ revision }) => revision),
        mark(),
      ]);
    },
    ...rest,
  };
};

const append = async (category: string, count = 1): Promise<bigint> => {
  const { position } = await appendUnconditionally(installation.store, {
    stream: `${category}-1` as StreamName,
    events: Array.from({ length: count }, () => ({ type: 'ClaimAbandoned', data: { claimId: newUuid() } })),
    context: testContext(),
    subject: 'installation',
  });
  return position;
};

interface Runner {
  run(signal: AbortSignal): Promise<void>;
}

const running = async (runners: readonly Runner[], work: () => Promise<void>): Promise<void> => {
  const stopping = new AbortController();
  const run = Promise.all(runners.map((each) => each.run(stopping.signal)));
  try {
    await work();
  } finally {
    stopping.abort();
    await run;
  }
};
const everything = (...all: readonly Projection[]): Runner[] => [
  ...all.map((projection) => new Projector(dependencies, projection)),
  new Replayer(dependencies, all, 'the test'),
  new LagMonitor(dependencies, all),
];

const finished = (asked: Replay): Promise<Replay> =>
  until(async () => {
    const replay = await findReplay(pool, asked.id);
    return replay?.report ? replay : undefined;
  }, 20_000);
const marks = async ({ tables }: Projection): Promise<string[]> => {
  const { rows } = await pool.query<{ mark: string }>(
    `SELECT mark FROM models.${tables[0]?.name} ORDER BY stream, revision`,
  );
  return rows.map(({ mark }) => mark);
};

describe('a read model whose events are rare', () => {
  it('begins at once, however much of the log came after the last of them, and its progress is that of the log', async () => {
    const [rare, busy] = [numbered(), numbered()];
    await running(everything(rare, busy), async () => {
      await waitForPosition(pool, rare.name, await append(rare.category), 10_000);
      let end = 0n;
      for (let n = 0; n < 5; n += 1) end = await append(busy.category, 500);
      await waitForPosition(pool, busy.name, end, 10_000);
      const replay = await finished(await requestReplay(pool, rare.name));
      expect([replay.state, replay.target]).toEqual(['done', end]);
    });
  });
});

describe('versions', () => {
  it('an older projector leaves a newer read model alone, loudly, and never builds it anew; the newer one goes on', async () => {
    const old = numbered();
    const next: Projection = { ...old, version: 2 };
    const oldProjector = new Projector(dependencies, old);
    await running(everything(next), async () => {
      await waitForPosition(pool, old.name, await append(old.category, 3), 10_000);
      await running([oldProjector, new Replayer(dependencies, [old], 'the older one')], async () => {
        await until(() => Promise.resolve(oldProjector.state === 'outdated' ? true : undefined));
        await waitForPosition(pool, old.name, await append(old.category), 10_000);
        const replay = await finished(await requestReplay(pool, old.name));
        expect([replay.runner, replay.state]).toEqual(['the test', 'done']);
        expect(await liveGeneration(pool, old.name)).toMatchObject({ version: 2, generation: 2 });
      });
    });
  });

  it('the older one goes on feeding the live generation until the newer one has built its own', async () => {
    const old = numbered({ mark: () => 'old' });
    let isHeld = true;
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    const next: Projection = {
      ...numbered({ mark: () => 'new' }),
      ...{ name: old.name, version: 2, streamPrefixes: old.streamPrefixes, tables: old.tables },
      handle: async (batch, db, schema) => {
        if (isHeld) await held;
        await db.query(
          `INSERT INTO ${schema}.${old.tables[0]?.name} SELECT *, 'new' FROM unnest($1::text[], $2::bigint[])`,
          [batch.map(({ stream }) => stream), batch.map(({ revision }) => revision)],
        );
      },
    };
    await running(everything(old), async () => {
      await waitForPosition(pool, old.name, await append(old.category, 2), 10_000);
      await running(everything(next), async () => {
        await until(() => buildingGeneration(pool, old.name));
        await waitForPosition(pool, old.name, await append(old.category), 10_000);
        expect(await marks(old)).toEqual(['old', 'old', 'old']);
        isHeld = false;
        release();
        await until(async () => ((await liveGeneration(pool, old.name))?.version === 2 ? true : undefined));
        await waitForPosition(pool, old.name, await append(old.category), 10_000);
        expect(await marks(old)).toEqual(['new', 'new', 'new', 'new']);
      });
    });
  });

  it('a version that reads fewer streams is built on a quiet log too', async () => {
    const old = numbered();
    const other = numbered();
    const wide: Projection = { ...old, streamPrefixes: [`${old.category}-`, `${other.category}-`] };
    await running(everything(wide), async () => {
      await append(old.category, 2);
      // The live generation ends at an event that the next version does not read, and nothing follows.
      await waitForPosition(pool, old.name, await append(other.category), 10_000);
    });
    const narrow: Projection = { ...old, version: 2 };
    await running(everything(narrow), async () => {
      await until(async () => ((await liveGeneration(pool, old.name))?.version === 2 ? true : undefined));
      expect(await marks(old)).toEqual(['m', 'm']);
    });
  });
});

describe('waiting for a position', () => {
  it('of an event that the projection does not read ends soon, on a quiet log', async () => {
    const projection = numbered();
    const other = numbered();
    await running(everything(projection), async () => {
      await append(projection.category);
      await waitForPosition(pool, projection.name, await append(other.category), 10_000);
    });
  });
});

describe('several projections', () => {
  it('are replayed in one pass over the log', async () => {
    const all = [numbered(), numbered(), numbered()];
    const { connection } = installation;
    /** From where the log was subscribed to. */
    const passes: unknown[] = [];
    const subscribeToAll: StoreConnection['client']['subscribeToAll'] = (options, ...rest) => {
      passes.push(options?.fromPosition);
      return connection.client.subscribeToAll(options, ...rest);
    };
    const observed = {
      observer: connection.observer,
      read: connection.read.bind(connection),
      reading: { client: { subscribeToAll }, replaced: new AbortController().signal },
    } as unknown as StoreConnection;
    await running(
      all.map((projection) => new Projector(dependencies, projection)),
      async () => {
        for (const { category, name } of all) await waitForPosition(pool, name, await append(category, 3), 10_000);
        const asked = await inTransaction(pool, async (db) => {
          const replays: Replay[] = [];
          for (const { name } of all) replays.push(await requestReplay(db, name));
          return replays;
        });
        await running([new Replayer({ ...dependencies, connection: observed }, all, 'the test')], async () => {
          for (const replay of asked)
            expect(await finished(replay)).toMatchObject({ state: 'done', report: { identical: true } });
        });
      },
    );
    expect(passes).toEqual([START]);
  });
});

describe('a replay', () => {
  it('computes its checksums while the live generation goes on', async () => {
    const base = numbered();
    const table = `numbered_${projections}_g2.numbered_${projections}`;
    const blocker = await pool.connect();
    let blocking: Promise<unknown> | undefined;
    const projection: Projection = {
      ...base,
      handle: async (batch, db, schema) => {
        await base.handle(batch, db, schema);
        if (!schema.endsWith('_g2') || blocking) return;
        // The table is taken as soon as this batch is stored: before anybody can compute its checksum.
        await blocker.query('BEGIN');
        blocking = blocker.query(`LOCK TABLE ${table} IN ACCESS EXCLUSIVE MODE`);
        await until(async () => {
          const { rowCount } = await pool.query(`SELECT FROM pg_locks WHERE NOT granted AND relation = $1::regclass`, [
            table,
          ]);
          return rowCount ? true : undefined;
        });
      },
    };
    await running(everything(projection), async () => {
      await waitForPosition(pool, projection.name, await append(base.category, 5), 10_000);
      const asked = await requestReplay(pool, projection.name);
      await until(() => Promise.resolve(blocking));
      await until(async () => {
        const { rowCount } = await pool.query(`SELECT FROM pg_locks WHERE NOT granted AND relation = $1::regclass`, [
          table,
        ]);
        return rowCount ? true : undefined;
      });
      await waitForPosition(pool, projection.name, await append(base.category), 10_000);
      expect(await marks(projection)).toHaveLength(6);
      expect(await findReplay(pool, asked.id)).toMatchObject({ state: 'running' });
      await blocker.query('COMMIT');
      expect(await finished(asked)).toMatchObject({ state: 'done', report: { identical: true } });
    });
    blocker.release();
  });

  it('asked for twice: the second one learns who runs the first', async () => {
    const projection = numbered();
    await requestReplay(pool, projection.name, { requestedBy: 'ann@control-room' });
    await expect(requestReplay(pool, projection.name)).rejects.toThrow(ReplayUnderWayError);
    await expect(inTransaction(pool, (db) => requestReplay(db, projection.name))).rejects.toThrow(ReplayUnderWayError);
    await expect(requestReplay(pool, projection.name)).rejects.toThrow(
      /asked for by ann@control-room .* not begun yet/,
    );
  });

  it('that fails for a full database leaves the live generation untouched, says so, and goes on where it was', async () => {
    let isFull = false;
    const base = numbered();
    const projection: Projection = {
      ...base,
      handle: async (batch, db, schema) => {
        await base.handle(batch, db, schema);
        if (isFull && schema.endsWith('_g2'))
          throw Object.assign(new Error('No space left'), { severity: 'ERROR', code: '53100' });
      },
    };
    await running(everything(projection), async () => {
      await waitForPosition(pool, projection.name, await append(base.category, 5), 10_000);
      isFull = true;
      const asked = await requestReplay(pool, projection.name);
      const stuck = await until(async () => {
        const replay = await findReplay(pool, asked.id);
        return replay?.problem ? replay : undefined;
      });
      expect(stuck).toMatchObject({ state: 'running', problem: 'PostgreSQL refused it (53100)' });
      await waitForPosition(pool, projection.name, await append(base.category), 10_000);
      expect([await marks(projection), await liveGeneration(pool, projection.name)]).toMatchObject([
        { length: 6 },
        { generation: 1 },
      ]);
      isFull = false;
      expect(await finished(asked)).toMatchObject({
        state: 'done',
        generation: 2,
        problem: null,
        report: { identical: true },
      });
    });
  });
});

describe('rollback', () => {
  it('catches the generation before up, then switches; and forth again', async () => {
    const projection = numbered();
    await running(everything(projection), async () => {
      await waitForPosition(pool, projection.name, await append(projection.category, 3), 10_000);
      await finished(await requestReplay(pool, projection.name));
      await waitForPosition(pool, projection.name, await append(projection.category, 2), 10_000);
      for (const generation of [1, 2]) {
        expect(await finished(await requestReplay(pool, projection.name, { kind: 'rollback' }))).toMatchObject({
          state: 'done',
        });
        expect(await liveGeneration(pool, projection.name)).toMatchObject({ generation });
        expect(await marks(projection)).toHaveLength(generation + 4);
        await waitForPosition(pool, projection.name, await append(projection.category), 10_000);
      }
    });
  });

  it('to a generation of another version is a projector of that version’s; without one before, it is refused', async () => {
    const old = numbered();
    const next: Projection = { ...old, version: 2 };
    await running(everything(old), async () => {
      await waitForPosition(pool, old.name, await append(old.category, 3), 10_000);
      expect(await finished(await requestReplay(pool, old.name, { kind: 'rollback' }))).toMatchObject({
        state: 'failed',
        report: { message: 'There is no generation before the live one.' },
      });
    });
    await running(everything(next), async () => {
      await until(async () => ((await liveGeneration(pool, old.name))?.version === 2 ? true : undefined));
      await waitForPosition(pool, old.name, await append(old.category), 10_000);
      const refused = await finished(await requestReplay(pool, old.name, { kind: 'rollback' }));
      expect([refused.state, refused.report?.message]).toEqual(['failed', expect.stringContaining('is of version 1')]);
    });
    await running(everything(old), async () => {
      expect(await finished(await requestReplay(pool, old.name, { kind: 'rollback' }))).toMatchObject({
        state: 'done',
      });
      await waitForPosition(pool, old.name, await append(old.category), 10_000);
      expect(await liveGeneration(pool, old.name)).toMatchObject({ version: 1 });
      expect(await marks(old)).toHaveLength(5);
    });
  });
});

describe('verify', () => {
  it('says that rows are what the events say, and lists those that are not, by key and column, without values', async () => {
    const projection = numbered();
    const table = `numbered_${projections}`;
    await running(everything(projection), async () => {
      await waitForPosition(pool, projection.name, await append(projection.category, 50), 10_000);
      const verified = await finished(await requestReplay(pool, projection.name, { kind: 'verify' }));
      expect(verified).toMatchObject({ state: 'done', report: { differences: [] } });
      const stream = `${projection.category}-1`;
      await pool.query(`UPDATE models.${table} SET mark = 'by hand' WHERE revision = 17`);
      await pool.query(`DELETE FROM models.${table} WHERE revision = 3`);
      await pool.query(`INSERT INTO models.${table} VALUES ($1, 1000, 'm')`, [stream]);
      const found = await finished(await requestReplay(pool, projection.name, { kind: 'verify' }));
      expect(found.state).toBe('failed');
      expect(found.report?.differences).toEqual([
        { table, key: { stream, revision: 3 }, kind: 'missing', columns: [] },
        { table, key: { stream, revision: 17 }, kind: 'changed', columns: ['mark'] },
        { table, key: { stream, revision: 1000 }, kind: 'not_from_events', columns: [] },
      ]);
      expect(JSON.stringify(found.report)).not.toContain('by hand');
      expect([await buildingGeneration(pool, projection.name), await liveGeneration(pool, projection.name)]).toEqual([
        undefined,
        expect.objectContaining({ generation: 1 }),
      ]);
    });
  });
});

describe('lag', () => {
  it('is the age of the oldest event that is not projected and the positions to the log’s end; nothing for others’ events', async () => {
    const projection = numbered();
    const other = numbered();
    const lag = new LagMonitor(dependencies, [projection]);
    const measured = (isWanted: (seconds: number, positions: number) => boolean): Promise<true> =>
      until(() => {
        const found = lag.lags.get(projection.name);
        const { seconds, positions } = found
          ? lagOf(found, new Date(Date.now() + 60_000))
          : { seconds: -1, positions: -1 };
        return Promise.resolve(isWanted(seconds, positions) ? true : undefined);
      });
    await running([lag], async () => {
      await running([new Projector(dependencies, projection)], async () => {
        await append(projection.category, 2);
        await measured((seconds, positions) => seconds === 0 && positions === 0);
        // Somebody holds the live generation: nothing of it moves.
        await inTransaction(pool, async (db) => {
          await lockLive(db, projection.name);
          await append(projection.category, 600);
          await append(other.category, 10);
          await measured((seconds, positions) => seconds >= 59 && positions >= 600);
        });
        await append(other.category);
        await measured((seconds, positions) => seconds === 0 && positions === 0);
      });
    });
  });
});
