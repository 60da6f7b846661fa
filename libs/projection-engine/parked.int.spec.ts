import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { appendUnconditionally } from '#libs/event-store/command-execution.js';
import type { StreamName } from '#libs/event-store/stream-name.js';
import { idOf } from '#libs/event-store/stream-name.js';
import { newUuid } from '#libs/platform/ids.js';
import { silentLogger } from '#libs/platform/logger.js';
import { migrate } from '#libs/platform/postgres/migrations.js';
import { createPool } from '#libs/platform/postgres/pool.js';
import type { Pool } from '#libs/platform/postgres/pool.js';
import { startTestInstallation, testContext } from '#test-support/installation.js';
import type { TestInstallation } from '#test-support/installation.js';
import { until } from '#test-support/until.js';
import {
  generationSchema,
  liveGeneration,
  projectionEngineMigrations,
  retiredGeneration,
} from './generations.postgres.js';
import { isDenied, parkedStreams, requestForParked } from './parked.postgres.js';
import type { ParkedStream } from './parked.postgres.js';
import type { ProjectionDependencies } from './projection-dependencies.js';
import type { Projection } from './projection.js';
import { Projector } from './projector.js';
import { Replayer } from './replayer.js';
import { findReplay, requestReplay } from './replays.postgres.js';
import { waitForPosition } from './wait-for-position.js';

let installation: TestInstallation;
let pool: Pool;
let dependencies: ProjectionDependencies;

beforeAll(async () => {
  installation = await startTestInstallation();
  pool = createPool(installation.eventStore.database.urls.ligature_projector, { applicationName: 'test', max: 20 });
  await migrate(pool, 'models', projectionEngineMigrations);
  dependencies = {
    ...installation,
    pool,
    logger: silentLogger,
    subjects: {
      erasedBy: ({ type, stream }) => (type === 'UserErased' ? idOf(stream) : undefined),
      deniedBy: ({ stream, type }) =>
        stream.startsWith('user-') || type === 'SessionEnded' ? idOf(stream) : undefined,
      organizationOf: ({ metadata }) => (metadata.organizationId as string | undefined) ?? null,
    },
    build: 'test',
  };
});
afterAll(async () => {
  await pool.end();
  await installation.stop();
});

let projections = 0;

/** Keeps the order in which it handled each stream's events; `poison` decides what it cannot handle. */
const ledger = (poison: (stream: string, revision: bigint) => boolean): Projection => {
  projections += 1;
  const table = `ledger_${projections}`;
  return {
    name: `ledger-${projections}`,
    version: 1,
    streamPrefixes: ['user-', 'userActivity-'],
    tables: [
      {
        name: table,
        columns:
          'stream text, revision bigint, type text NOT NULL, name text, subject text, PRIMARY KEY (stream, revision)',
        personal: { subject: 'subject', columns: ['name'] },
      },
    ],
    handle: async (batch, db, schema) => {
      for (const { stream, revision, event } of batch) {
        if (poison(stream, revision)) throw new Error('cannot be handled');
        const { rowCount } = await db.query(`SELECT FROM ${schema}.${table} WHERE stream = $1`, [stream]);
        if (rowCount !== Number(revision))
          throw Object.assign(new Error('out of order'), { severity: 'ERROR', code: 'XX000' });
        const name = (event.data as { displayName?: string }).displayName ?? null;
        await db.query(`INSERT INTO ${schema}.${table} VALUES ($1, $2, $3, $4, $5)`, [
          stream,
          revision,
          event.type,
          name,
          idOf(stream),
        ]);
      }
    },
  };
};

const append = async (
  stream: StreamName,
  ...types: readonly ('UserRegistered' | 'UserDeactivated' | 'UserErased' | 'SessionEnded')[]
) => {
  const dataOf = {
    UserRegistered: { organizationId: 'default', displayName: `Name of ${idOf(stream)}` },
    UserDeactivated: {},
    UserErased: {},
    SessionEnded: { sessionId: 's', reason: 'signed_out' },
  };
  const { position } = await appendUnconditionally(installation.store, {
    stream,
    events: types.map((type) => ({ type, data: dataOf[type] })),
    context: testContext(),
    subject: idOf(stream),
  });
  return position;
};

const running = async (projection: Projection, work: () => Promise<void>): Promise<void> => {
  const stopping = new AbortController();
  const both = [new Projector(dependencies, projection), new Replayer(dependencies, [projection], 'test')];
  const run = Promise.all(both.map((each) => each.run(stopping.signal)));
  try {
    await work();
  } finally {
    stopping.abort();
    await run;
  }
};

const parkedOf = async ({ name }: Projection): Promise<readonly ParkedStream[]> =>
  (await parkedStreams(pool)).filter(({ projection }) => projection === name);
const isParked = (projection: Projection): Promise<ParkedStream> => until(async () => (await parkedOf(projection))[0]);
const isCleared = (projection: Projection): Promise<true> =>
  until(async () => ((await parkedOf(projection)).length === 0 ? true : undefined));
const handled = async (projection: Projection, stream: string): Promise<number[]> => {
  const { rows } = await pool.query<{ revision: string }>(
    `SELECT revision FROM models.${projection.tables[0]?.name} WHERE stream = $1 ORDER BY revision`,
    [stream],
  );
  return rows.map(({ revision }) => Number(revision));
};

describe('a poison event', () => {
  it('parks its stream only: the rest goes on, its later events wait; retried after a fix, they are applied in order', async () => {
    let isFixed = false;
    const ann = newUuid();
    const bea = newUuid();
    const projection = ledger((stream, revision) => !isFixed && stream === `user-${ann}` && revision === 1n);
    await running(projection, async () => {
      await append(`user-${ann}`, 'UserRegistered', 'UserDeactivated', 'UserDeactivated');
      await append(`user-${bea}`, 'UserRegistered');
      const parked = await isParked(projection);
      expect(parked).toMatchObject({
        stream: `user-${ann}`,
        revision: 1n,
        eventType: 'UserDeactivated',
        cause: 'cannot be handled',
      });
      await waitForPosition(pool, projection.name, await append(`user-${ann}`, 'UserDeactivated'), 10_000);
      await waitForPosition(pool, projection.name, await append(`user-${bea}`, 'UserDeactivated'), 10_000);
      expect([await handled(projection, `user-${ann}`), await handled(projection, `user-${bea}`)]).toEqual([
        [0],
        [0, 1],
      ]);
      expect((await isParked(projection)).waiting).toBe(2);

      expect(await requestForParked(pool, await isParked(projection), 'retry')).toBe(true);
      await until(async () => ((await parkedOf(projection))[0]?.request === null ? true : undefined));
      expect(await handled(projection, `user-${ann}`)).toEqual([0]);

      isFixed = true;
      expect(await requestForParked(pool, await isParked(projection), 'retry')).toBe(true);
      await isCleared(projection);
      expect(await handled(projection, `user-${ann}`)).toEqual([0, 1, 2, 3]);
      await waitForPosition(pool, projection.name, await append(`user-${ann}`, 'UserDeactivated'), 10_000);
      expect(await handled(projection, `user-${ann}`)).toEqual([0, 1, 2, 3, 4]);
    });
  });

  it('of a user- stream puts its subject on the deny list, in the same transaction, until it is cleared', async () => {
    let isFixed = false;
    const ann = newUuid();
    const projection = ledger((stream) => !isFixed && stream === `user-${ann}`);
    await running(projection, async () => {
      await append(`user-${ann}`, 'UserRegistered');
      await isParked(projection);
      expect([await isDenied(pool, ann), await isDenied(pool, newUuid())]).toEqual([true, false]);
      isFixed = true;
      await requestForParked(pool, await isParked(projection), 'retry');
      await isCleared(projection);
      expect(await isDenied(pool, ann)).toBe(false);
    });
  });

  it('elsewhere denies nobody, until an event that takes rights away waits behind it', async () => {
    const ann = newUuid();
    const stream: StreamName = `userActivity-${ann}`;
    const projection = ledger((of, revision) => of === stream && revision === 0n);
    await running(projection, async () => {
      await append(stream, 'UserRegistered');
      expect(await isParked(projection)).toMatchObject({ deniedSubject: null });
      expect(await isDenied(pool, ann)).toBe(false);
      await waitForPosition(pool, projection.name, await append(stream, 'SessionEnded'), 10_000);
      expect(await isDenied(pool, ann)).toBe(true);
    });
  });

  it('that is skipped is passed over, what waits behind it is applied, and a rebuild passes it over too (invariant 8)', async () => {
    const ann = newUuid();
    const stream: StreamName = `userActivity-${ann}`;
    const base = ledger((of, revision) => of === stream && revision === 1n);
    const table = base.tables[0]?.name ?? '';
    const projection: Projection = {
      ...base,
      handle: async (batch, db, schema) => {
        if (batch.some((event) => event.stream === stream && event.revision === 1n))
          throw new Error('cannot be handled');
        for (const { stream: of, revision, event } of batch)
          await db.query(`INSERT INTO ${schema}.${table} VALUES ($1, $2, $3)`, [of, revision, event.type]);
      },
    };
    await running(projection, async () => {
      await append(stream, 'SessionEnded', 'SessionEnded', 'SessionEnded');
      await requestForParked(pool, await isParked(projection), 'skip');
      await isCleared(projection);
      expect(await handled(projection, stream)).toEqual([0, 2]);
      const { id } = await requestReplay(pool, projection.name);
      const replay = await until(async () => {
        const asked = await findReplay(pool, id);
        return asked?.report ? asked : undefined;
      });
      expect(replay).toMatchObject({ state: 'done', report: { identical: true } });
    });
  });

  it('invariant 10: does not keep an erasure from being carried out', async () => {
    const ann = newUuid();
    const projection = ledger((stream, revision) => stream === `user-${ann}` && revision === 1n);
    await running(projection, async () => {
      await append(`user-${ann}`, 'UserRegistered', 'UserDeactivated');
      await isParked(projection);
      const names = async (): Promise<unknown[]> =>
        (
          await pool.query<{ name: string | null }>(
            `SELECT name FROM models.${projection.tables[0]?.name} WHERE subject = $1`,
            [ann],
          )
        ).rows.map(({ name }) => name);
      expect(await names()).toEqual([`Name of ${ann}`]);
      await waitForPosition(pool, projection.name, await append(`user-${ann}`, 'UserErased'), 10_000);
      expect(await names()).toEqual([null]);
    });
  });

  it('is parked alike in a generation that is built, so that the two are equal; a fixed version has nothing parked', async () => {
    const ann = newUuid();
    const poison = ledger((stream, revision) => stream === `user-${ann}` && revision === 1n);
    await running(poison, async () => {
      await append(`user-${ann}`, 'UserRegistered', 'UserDeactivated');
      await isParked(poison);
      const { id } = await requestReplay(pool, poison.name);
      await until(async () => ((await findReplay(pool, id))?.state === 'done' ? true : undefined));
      expect(await isParked(poison)).toMatchObject({ revision: 1n });
      expect(await isDenied(pool, ann)).toBe(true);
    });
    const fixed = { ...ledger(() => false), name: poison.name, version: 2 };
    await running(fixed, async () => {
      await until(async () => ((await liveGeneration(pool, fixed.name))?.version === 2 ? true : undefined));
      expect(await parkedOf(fixed)).toEqual([]);
      expect(await isDenied(pool, ann)).toBe(false);
      expect(await handled(fixed, `user-${ann}`)).toEqual([0, 1]);
    });
    const kept = await retiredGeneration(pool, fixed.name);
    expect(kept && generationSchema(kept)).toBe(`${poison.name.replace('-', '_')}_g2`);
  });
});

describe('a parked stream', () => {
  it('that was deleted in the store stays where it is, however often it is asked for, and stops no other', async () => {
    const [ann, bea] = [newUuid(), newUuid()];
    const projection = ledger((stream) => stream === `user-${ann}`);
    await running(projection, async () => {
      await append(`user-${ann}`, 'UserRegistered');
      await isParked(projection);
      await installation.connection.client.tombstoneStream(`user-${ann}`);
      expect(await requestForParked(pool, await isParked(projection), 'retry')).toBe(true);
      await until(async () => ((await parkedOf(projection))[0]?.request === null ? true : undefined));
      expect(await isParked(projection)).toMatchObject({
        revision: 0n,
        cause: expect.stringContaining('deleted'),
        deniedSubject: ann,
      });
      await waitForPosition(pool, projection.name, await append(`user-${bea}`, 'UserRegistered'), 10_000);
      expect(await handled(projection, `user-${bea}`)).toEqual([0]);
    });
  });
});
