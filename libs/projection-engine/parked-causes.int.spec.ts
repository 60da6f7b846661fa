import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { appendUnconditionally } from '#libs/event-store/command-execution.js';
import { idOf } from '#libs/event-store/stream-name.js';
import { newUuid } from '#libs/platform/ids.js';
import { silentLogger } from '#libs/platform/logger.js';
import { migrate } from '#libs/platform/postgres/migrations.js';
import { createPool } from '#libs/platform/postgres/pool.js';
import type { Pool } from '#libs/platform/postgres/pool.js';
import { startTestInstallation, testContext } from '#test-support/installation.js';
import type { TestInstallation } from '#test-support/installation.js';
import { until } from '#test-support/until.js';
import { projectionEngineMigrations } from './generations.postgres.js';
import { LOOKED_INTO_FIRST, MOST_CAUSES } from './parked-causes.js';
import { isDenied, parkedCauses, parkedStreams } from './parked.postgres.js';
import type { ParkedCause } from './parked.postgres.js';
import type { ProjectionDependencies } from './projection-dependencies.js';
import type { Projection } from './projection.js';
import { Projector } from './projector.js';
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
      deniedBy: ({ stream }) => idOf(stream),
      organizationOf: ({ metadata }) => metadata.organizationId as string,
    },
    build: 'this',
  };
});
afterAll(async () => {
  await pool.end();
  await installation.stop();
});

let projections = 0;

interface People extends Projection {
  /** Of the streams that it reads, and no other read model. */
  readonly category: string;
}

/** Names of people, of whom some cannot be stored: `poison 0` breaks one constraint, `poison 1` another one. */
const people = (accepts: (name: string) => boolean = () => true): People => {
  projections += 1;
  const table = `people_${projections}`;
  const constraints = Array.from(
    { length: MOST_CAUSES },
    (_, n) => `CONSTRAINT no_poison_${n} CHECK (name <> 'poison ${n}')`,
  );
  const category = `people${String.fromCharCode(64 + projections)}`;
  return {
    category,
    name: `people-${projections}`,
    version: 1,
    streamPrefixes: [`${category}-`],
    tables: [{ name: table, columns: `user_id uuid PRIMARY KEY, name text, ${constraints.join(', ')}` }],
    handle: async (batch, db, schema) => {
      for (const { stream, event } of batch) {
        const { displayName = '' } = event.data as { displayName?: string };
        if (!accepts(displayName)) throw new TypeError(`not a function: ${displayName}`);
        await db.query(`INSERT INTO ${schema}.${table} VALUES ($1, $2) ON CONFLICT (user_id) DO UPDATE SET name = $2`, [
          idOf(stream),
          displayName,
        ]);
      }
    },
  };
};

const register = async (
  { category }: People,
  name: string,
  organizationId = 'acme',
  userId = newUuid(),
): Promise<bigint> => {
  const { position } = await appendUnconditionally(installation.store, {
    stream: `${category}-${userId}`,
    events: [{ type: 'UserRegistered', data: { organizationId, displayName: name } }],
    context: { ...testContext(), organizationId },
    subject: userId,
  });
  return position;
};
const registerMany = async (projection: People, names: readonly string[]): Promise<void> => {
  for (const name of names) await register(projection, name);
};
const times = (count: number, name: (n: number) => string): string[] =>
  Array.from({ length: count }, (_, n) => name(n));

const running = async (
  projection: Projection,
  work: (projector: Projector) => Promise<void>,
  over: Partial<ProjectionDependencies> = {},
): Promise<void> => {
  const stopping = new AbortController();
  const projector = new Projector({ ...dependencies, ...over }, projection);
  const run = projector.run(stopping.signal);
  try {
    await work(projector);
  } finally {
    stopping.abort();
    await run;
  }
};

const causesOf = async ({ name }: Projection): Promise<readonly ParkedCause[]> =>
  (await parkedCauses(pool)).filter(({ projection }) => projection === name);
const namesIn = async ({ tables }: Projection): Promise<readonly string[]> => {
  const { rows } = await pool.query<{ name: string }>(`SELECT name FROM models.${tables[0]?.name}`);
  return rows.map(({ name }) => name);
};
const isParked = (projection: Projection): Promise<ParkedCause> => until(async () => (await causesOf(projection))[0]);
const isCleared = (projection: Projection): Promise<true> =>
  until(async () => (await causesOf(projection)).length === 0 && true, 20_000);

describe('T2: many streams that fail alike', () => {
  it('of strangers in one organization stop nobody: others’ changes are seen, in every organization, and only they are denied', async () => {
    const projection = people();
    await running(projection, async (projector) => {
      const stranger = newUuid();
      await register(projection, 'poison 0', 'acme', stranger);
      await registerMany(
        projection,
        times(149, () => 'poison 0'),
      );
      const [ann, bea] = [newUuid(), newUuid()];
      await register(projection, 'Ann', 'acme', ann);
      // Were each tried again for a second first, this would take more than two minutes.
      await waitForPosition(pool, projection.name, await register(projection, 'Bea', 'globex', bea), 60_000);
      expect(await namesIn(projection)).toEqual(expect.arrayContaining(['Ann', 'Bea']));
      expect(await causesOf(projection)).toEqual([
        expect.objectContaining({
          organizationId: 'acme',
          failure: 'UserRegistered 23514 no_poison_0',
          streams: 150,
          deniedSubjects: 150,
          tries: 0,
        }),
      ]);
      expect([projector.state, projector.lastError]).toEqual(['running', undefined]);
      expect([await isDenied(pool, stranger), await isDenied(pool, ann), await isDenied(pool, bea)]).toEqual([
        true,
        false,
        false,
      ]);
    });
  }, 90_000);

  it('are the handlers’ fault when they refuse what was applied before: then the read model stops, and parks nothing more', async () => {
    const good = people();
    const before = times(10, (n) => `before ${n}`);
    await running(good, async () => {
      await registerMany(good, before);
      await waitForPosition(pool, good.name, await register(good, 'the last one before'), 10_000);
    });
    const broken: People = { ...good, handle: () => Promise.reject(new TypeError('is not a function')) };
    await running(
      broken,
      async (projector) => {
        await registerMany(
          good,
          times(LOOKED_INTO_FIRST + 10, (n) => `after ${n}`),
        );
        await until(() => Promise.resolve(projector.state === 'failing'), 30_000);
        expect(projector.lastError).toMatch(/events that it had taken are refused now \(UserRegistered TypeError\)/);
        expect(await isParked(broken)).toMatchObject({ streams: LOOKED_INTO_FIRST - 1 });
      },
      { build: 'broken' },
    );
    // The next release can apply them: nobody has to do anything.
    await running(
      good,
      async (projector) => {
        await waitForPosition(pool, good.name, await register(good, 'the last one'), 30_000);
        await isCleared(good);
        expect((await namesIn(good)).filter((name) => name.startsWith('after'))).toHaveLength(LOOKED_INTO_FIRST + 10);
        expect(projector.state).toBe('running');
      },
      { build: 'mended' },
    );
  }, 120_000);
});

describe('T2: streams that fail in many different ways', () => {
  const poison = times(MOST_CAUSES, (n) => `poison ${n}`);

  it('in the only organization stop the read model', async () => {
    const projection = people();
    await running(projection, async (projector) => {
      await registerMany(projection, poison);
      await until(() => Promise.resolve(projector.state === 'failing'), 60_000);
      expect(projector.lastError).toContain('events fail in many different ways');
      expect(await causesOf(projection)).toHaveLength(MOST_CAUSES - 1);
    });
  }, 120_000);

  it('in one organization of two stop nobody', async () => {
    const projection = people();
    await running(projection, async (projector) => {
      await register(projection, 'Bea', 'globex');
      await registerMany(projection, poison);
      await waitForPosition(pool, projection.name, await register(projection, 'Cyd', 'globex'), 60_000);
      expect(await namesIn(projection)).toContain('Cyd');
      expect(await causesOf(projection)).toHaveLength(MOST_CAUSES);
      expect(projector.state).toBe('running');
    });
  }, 120_000);
});

describe('T2: a parked stream', () => {
  it('is tried again by itself, less and less often, and goes on when its cause is gone: its person is denied no more', async () => {
    let isMended = false;
    const [ann, name] = [newUuid(), `Ann ${newUuid()}`];
    const projection = people((each) => isMended || each !== name);
    const asked: number[] = [];
    const retryAfterMs = (tries: number): number => {
      asked.push(tries);
      return 1;
    };
    await running(
      projection,
      async () => {
        await register(projection, name, 'acme', ann);
        await until(async () => ((await isParked(projection)).tries >= 2 ? true : undefined));
        expect(await isDenied(pool, ann)).toBe(true);
        isMended = true;
        await until(async () => ((await isDenied(pool, ann)) ? undefined : true));
        expect((await parkedStreams(pool)).filter(({ stream }) => stream === `${projection.category}-${ann}`)).toEqual(
          [],
        );
        expect(await namesIn(projection)).toContain(name);
        expect(asked.slice(0, 3)).toEqual([0, 1, 2]);
      },
      { retryAfterMs },
    );
  });

  it('is tried again at once by another build, and not by the same one', async () => {
    let isMended = false;
    const [name, looks] = [`Ann ${newUuid()}`, [] as string[]];
    const projection = people((each) => {
      if (each === name) looks.push(each);
      return isMended || each !== name;
    });
    await running(projection, async () => {
      await register(projection, name);
      await until(async () => ((await namedCause(projection)) ? true : undefined));
    });
    isMended = true;
    const before = looks.length;
    await running(projection, async () => {
      await waitForPosition(pool, projection.name, await register(projection, 'Bea'), 10_000);
      expect([looks.length, (await namedCause(projection))?.tries]).toEqual([before, 0]);
    });
    await running(
      projection,
      async () => {
        await until(async () => ((await namedCause(projection)) ? undefined : true));
        expect(await namesIn(projection)).toContain(name);
      },
      { build: 'another' },
    );
  });

  const namedCause = async (projection: Projection): Promise<ParkedCause | undefined> =>
    (await causesOf(projection)).find(({ failure }) => failure.endsWith('TypeError'));

  it('costs nothing where there is none: the database is not asked', async () => {
    const projection = people();
    const statements: string[] = [];
    const counting = new Proxy(pool, {
      get: (target, property) => {
        if (property !== 'query') return Reflect.get(target, property) as unknown;
        return (text: unknown, ...rest: unknown[]) => {
          statements.push(typeof text === 'string' ? text : '');
          return (target.query as (...all: unknown[]) => unknown).call(target, text, ...rest);
        };
      },
    });
    await running(
      projection,
      async (projector) => {
        await until(() => Promise.resolve(projector.state === 'running'));
        const looksAtGenerations = (): number =>
          statements.filter((text) => text.includes('models.generations')).length;
        await until(() => Promise.resolve(looksAtGenerations() > 0));
        // What is asked when it begins is over with the first look of the loop that attends to operators.
        await until(() => Promise.resolve(looksAtGenerations() >= 4));
        const from = statements.length;
        const seen = looksAtGenerations();
        await until(() => Promise.resolve(looksAtGenerations() >= seen + 4));
        expect(statements.slice(from).filter((text) => text.includes('parked_streams'))).toEqual([]);
      },
      { pool: counting },
    );
  });
});
