import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { userStream } from '#libs/users/streams.js';
import { appendUnconditionally } from '#libs/event-store/command-execution.js';
import { eventsBetween } from '#libs/event-store/read-log.js';
import type { DomainEvent } from '#libs/event-store/event-definition.js';
import { newUuid } from '#libs/platform/ids.js';
import { silentLogger } from '#libs/platform/logger.js';
import { migrate } from '#libs/platform/postgres/migrations.js';
import { createPool, inTransaction } from '#libs/platform/postgres/pool.js';
import type { Pool } from '#libs/platform/postgres/pool.js';
import { GenerationWriter } from '#libs/projection-engine/generation-writer.js';
import {
  buildingGeneration,
  checksums,
  createGeneration,
  generationSchema,
  liveGeneration,
  moveCheckpoint,
  projectionEngineMigrations,
  retiredGeneration,
} from '#libs/projection-engine/generations.postgres.js';
import type { Generation } from '#libs/projection-engine/generations.postgres.js';
import { LagMonitor } from '#libs/projection-engine/lag.js';
import type { Projection } from '#libs/projection-engine/projection.js';
import { dueIn, parkedIn } from '#libs/projection-engine/parked.postgres.js';
import type { ProjectionDependencies } from '#libs/projection-engine/projection-dependencies.js';
import { Projector } from '#libs/projection-engine/projector.js';
import { Replayer } from '#libs/projection-engine/replayer.js';
import { findReplay, requestReplay } from '#libs/projection-engine/replays.postgres.js';
import type { ReplayKind } from '#libs/projection-engine/replays.postgres.js';
import { readModelsBehind, waitForPosition } from '#libs/projection-engine/wait-for-position.js';
import { startTestInstallation, testContext } from '#test-support/installation.js';
import type { TestInstallation } from '#test-support/installation.js';
import { tablesWith } from '#test-support/search-database.js';
import { until } from '#test-support/until.js';
import { allProjections } from './all-projections.js';
import { subjectRules } from './subject-rules.js';
import { usersProjection } from './users/users.projection.js';

let installation: TestInstallation;
let pool: Pool;
let admin: Pool;

beforeAll(async () => {
  installation = await startTestInstallation();
  pool = createPool(installation.eventStore.database.urls.ligature_projector, { applicationName: 'test' });
  admin = createPool(installation.eventStore.database.adminUrl, { applicationName: 'test' });
  await migrate(pool, 'models', projectionEngineMigrations);
});
afterAll(async () => {
  await admin.end();
  await pool.end();
  await installation.stop();
});

const append = async (userId: string, events: readonly DomainEvent[]): Promise<bigint> => {
  const { position } = await appendUnconditionally(installation.store, {
    stream: userStream(userId),
    events,
    context: testContext(),
    subject: userId,
  });
  return position;
};

/** A person whose every personal value contains a text. */
const register = (userId: string, text: string): Promise<bigint> =>
  append(userId, [
    { type: 'UserRegistered', data: { organizationId: 'default', displayName: text } },
    { type: 'ProfileUpdated', data: { displayName: text, givenName: text, familyName: text } },
    { type: 'UsernameChanged', data: { claimId: newUuid(), usernameKey: 'key', username: text } },
    {
      type: 'EmailVerified',
      data: { emailId: newUuid(), claimId: newUuid(), emailKey: 'key', address: text, proof: { method: 'mail_loop' } },
    },
    {
      type: 'ExternalIdentityLinked',
      data: {
        claimId: newUuid(),
        providerId: 'acme',
        identityKey: 'key',
        issuer: 'https://acme.example',
        subject: text,
        nameAtProvider: text,
        provenance: { origin: 'self_service', proof: 'assertion', policyRevision: 'p', assertionId: 'a' },
      },
    },
  ]);

/** As `finishErasure` does it. @returns the position of `UserErased` */
const erase = async (userId: string): Promise<bigint> => {
  await append(userId, [{ type: 'ErasureStarted', data: {} }]);
  await installation.keys.destroy(userId);
  return append(userId, [{ type: 'UserErased', data: {} }]);
};

const dependencies = (): ProjectionDependencies => ({
  ...installation,
  pool,
  logger: silentLogger,
  subjects: subjectRules,
  build: 'test',
});

const feed = async (projection: Projection, generation: Generation, limit: bigint): Promise<void> => {
  const { connection } = installation;
  const writer = await GenerationWriter.open(dependencies(), projection, generation);
  const events = await eventsBetween(
    connection,
    generation.checkpoint?.position ?? null,
    limit,
    projection.streamPrefixes,
  );
  await writer.write(events ?? [], limit, new AbortController().signal);
};

const live = async (projection: Projection): Promise<Generation> =>
  (await liveGeneration(pool, projection.name)) ?? createGeneration(pool, projection, 'live');

/** Whatever these tests do, they work on a projection of their own. */
const own = (projection: Projection): Projection => ({
  ...projection,
  name: `${projection.name}-${newUuid().slice(-6)}`,
  tables: projection.tables,
});

const retire = (generation: Generation): Promise<unknown> =>
  pool.query(`UPDATE models.generations SET state = 'retired' WHERE projection = $1 AND generation = $2`, [
    generation.projection,
    generation.generation,
  ]);

const withPersonalColumns = allProjections
  .filter(({ tables }) => tables.some(({ personal }) => personal))
  .map((projection) => [projection.name, projection] as const);

describe('invariant 10: an erasure that the live generation applies', () => {
  it.each(withPersonalColumns)(
    '%s: is carried out in the retired generation and in an abandoned building one too, of whatever version',
    async (_name, projection) => {
      const userId = newUuid();
      const text = `secret-${newUuid()}`;
      const registered = await register(userId, text);
      const mine = own(projection);
      const retired = await createGeneration(pool, { ...mine, version: 0 }, 'building');
      await feed(mine, retired, registered);
      await retire(retired);
      const abandoned = await createGeneration(pool, { ...mine, version: 99 }, 'building');
      await feed(mine, abandoned, registered);
      await feed(mine, await live(mine), registered);
      expect((await tablesWith(admin, text)).length).toBeGreaterThanOrEqual(3);

      await feed(mine, await live(mine), await erase(userId));
      expect(await tablesWith(admin, text)).toEqual([]);
    },
  );

  it('waits for a batch that is being stored in the building one', async () => {
    const userId = newUuid();
    const text = `secret-${newUuid()}`;
    const users = own(usersProjection);
    await feed(users, await live(users), await register(userId, text));
    const building = await createGeneration(pool, users, 'building');
    let commit = (): void => undefined;
    let stored = (): void => undefined;
    const isStored = new Promise<void>((resolve) => (stored = resolve));
    const batch = inTransaction(pool, async (db) => {
      await db.query(
        `INSERT INTO ${generationSchema(building)}.users (user_id, organization_id, status, username, email_verified, created_at)
         VALUES ($1, 'default', 'active', $2, true, now())`,
        [userId, text],
      );
      await moveCheckpoint(db, building, null, { position: 1n, eventId: newUuid() }, 1n, 1);
      stored();
      await new Promise<void>((resolve) => (commit = resolve));
    });
    await isStored;
    const erased = feed(users, await live(users), await erase(userId));
    try {
      await until(async () => {
        const { rowCount } = await admin.query(
          `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
        );
        return rowCount ? true : undefined;
      });
    } finally {
      commit();
    }
    await Promise.all([batch, erased]);
    expect(await tablesWith(admin, text)).toEqual([]);
  });

  it('a batch that was decoded before the key was destroyed, and is stored after the purge, leaves nothing', async () => {
    const userId = newUuid();
    const text = `secret-${newUuid()}`;
    const users = own(usersProjection);
    const registered = await register(userId, text);
    await feed(users, await live(users), registered);
    const building = await createGeneration(pool, users, 'building');
    let go = (): void => undefined;
    let decoded = (): void => undefined;
    const isDecoded = new Promise<void>((resolve) => (decoded = resolve));
    const slow: Projection = {
      ...users,
      handle: async (batch, db, schema) => {
        if (batch.some(({ stream }) => stream === userStream(userId))) {
          decoded();
          await new Promise<void>((resolve) => (go = resolve));
        }
        await users.handle(batch, db, schema);
      },
    };
    const feeding = feed(slow, building, registered);
    await isDecoded;
    await feed(users, await live(users), await erase(userId));
    go();
    await feeding;
    expect(await tablesWith(admin, text)).toEqual([]);
  });
});

describe('invariant 10: after an erasure', () => {
  /** A projector, and whoever does what operators ask for, until `work` is done. */
  const running = async (
    projection: Projection,
    work: (carryOut: (kind: ReplayKind) => Promise<Generation | undefined>) => Promise<void>,
  ): Promise<void> => {
    const stopping = new AbortController();
    const runners = [
      new Projector(dependencies(), projection),
      new Replayer(dependencies(), [projection], 'the test'),
      new LagMonitor(dependencies(), [projection]),
    ];
    const run = Promise.all(runners.map((runner) => runner.run(stopping.signal)));
    try {
      await work(async (kind) => {
        const { id } = await requestReplay(pool, projection.name, { kind });
        const { state } = await until(async () => {
          const asked = await findReplay(pool, id);
          return asked?.report ? asked : undefined;
        }, 20_000);
        expect(state).toBe('done');
        return liveGeneration(pool, projection.name);
      });
    } finally {
      stopping.abort();
      await run;
    }
  };

  it.each(withPersonalColumns)(
    '%s: neither a rollback nor a replay brings anything personal back',
    async (_name, projection) => {
      const userId = newUuid();
      const text = `secret-${newUuid()}`;
      const mine = own(projection);
      const tablesOf = (generation: number): string[] =>
        mine.tables
          .filter(({ personal }) => personal)
          .map(({ name }) => `${generationSchema({ projection: mine.name, generation })}.${name}`);
      await running(mine, async (carryOut) => {
        await waitForPosition(pool, mine.name, await register(userId, text), 10_000);
        await carryOut('replay');
        // The generation before has not had this one: a rollback reads it, and what it reads is sealed for ever.
        await append(userId, [
          { type: 'ProfileUpdated', data: { displayName: text, givenName: text, familyName: text } },
        ]);
        expect(await tablesWith(admin, text)).toEqual(expect.arrayContaining([...tablesOf(1), ...tablesOf(2)]));

        await waitForPosition(pool, mine.name, await erase(userId), 10_000);
        expect(await tablesWith(admin, text)).toEqual([]);
        for (const generation of [1, 2]) {
          expect(await carryOut('rollback')).toMatchObject({ generation });
          expect(await tablesWith(admin, text)).toEqual([]);
        }
        expect(await carryOut('replay')).toMatchObject({ generation: 3 });
        expect(await carryOut('rollback')).toMatchObject({ generation: 2 });
        expect(await tablesWith(admin, text)).toEqual([]);
      });
    },
  );
});

describe('T2: an erasure beside a parked stream', () => {
  /** The users projection, which cannot apply some types of a person's events. */
  const poisoned = (userId: string, types: ReadonlySet<string>): Projection => {
    const users = own(usersProjection);
    return {
      ...users,
      handle: async (batch, db, schema) => {
        await users.handle(batch, db, schema);
        if (batch.some(({ stream, event }) => stream === userStream(userId) && types.has(event.type)))
          throw new TypeError('not to be applied');
      },
    };
  };

  it('leaves nothing of the person in any generation, and lets the stream go on', async () => {
    const [userId, text] = [newUuid(), `secret-${newUuid()}`];
    const types = new Set<string>();
    const users = poisoned(userId, types);
    const registered = await register(userId, text);
    const retired = await createGeneration(pool, users, 'building');
    await feed(users, retired, registered);
    await retire(retired);
    const abandoned = await createGeneration(pool, { ...users, version: 99 }, 'building');
    await feed(users, abandoned, registered);
    types.add('EmailVerified');
    await feed(users, await live(users), registered);
    expect(await parkedIn(pool, await live(users))).toMatchObject([{ stream: userStream(userId) }]);
    expect((await tablesWith(admin, text)).length).toBe(3);

    await feed(users, await live(users), await erase(userId));
    expect(await tablesWith(admin, text)).toEqual([]);
    // It is due: what could not be stored is gone.
    const [due] = await dueIn(pool, await live(users), 10);
    expect(due).toMatchObject({ stream: userStream(userId), tries: 0 });
    types.clear();
    await takeUp(users);
    expect(await parkedIn(pool, await live(users))).toEqual([]);
    expect(await tablesWith(admin, text)).toEqual([]);
  });

  it('is not undone by what is taken up afterwards, with a key that this process had not forgotten yet', async () => {
    const [userId, text] = [newUuid(), `secret-${newUuid()}`];
    const types = new Set(['UserRegistered']);
    const users = poisoned(userId, types);
    await feed(users, await live(users), await register(userId, text));
    // Another process destroys the key: this one's copy lives for some seconds.
    await append(userId, [{ type: 'ErasureStarted', data: {} }]);
    await admin.query('UPDATE keys.subject_keys SET wrapped = NULL, destroyed_at = now() WHERE subject = $1', [userId]);
    await feed(users, await live(users), await append(userId, [{ type: 'UserErased', data: {} }]));

    types.clear();
    types.add('EmailVerified');
    await takeUp(users);
    expect(await parkedIn(pool, await live(users))).toMatchObject([{ eventType: 'EmailVerified' }]);
    expect(await tablesWith(admin, text)).toEqual([]);
  });

  const takeUp = async (users: Projection): Promise<void> => {
    const writer = await GenerationWriter.open(dependencies(), users, await live(users));
    await writer.takeUpParked(new AbortController().signal);
  };
});

describe('T2: an erasure while no process feeds the live generation any more', () => {
  it('is carried out when the one of the newer release takes its place, and kept open until then', async () => {
    const [userId, text] = [newUuid(), `secret-${newUuid()}`];
    const old = own(usersProjection);
    await feed(old, await live(old), await register(userId, text));
    const erased = await erase(userId);
    expect(await readModelsBehind(pool, erased, 0)).toContain(old.name);
    const next = { ...old, version: old.version + 1 };
    const stopping = new AbortController();
    const runners = [new Projector(dependencies(), next), new Replayer(dependencies(), [next], 'the test')];
    const run = Promise.all(runners.map((runner) => runner.run(stopping.signal)));
    try {
      await until(async () => (await liveGeneration(pool, next.name))?.version === next.version && true, 20_000);
    } finally {
      stopping.abort();
      await run;
    }
    expect(await retiredGeneration(pool, next.name)).toMatchObject({ version: old.version });
    expect(await readModelsBehind(pool, erased, 0)).not.toContain(old.name);
    expect(await tablesWith(admin, text)).toEqual([]);
  });
});

describe('invariant 8: while an erasure is under way', () => {
  it('a generation that was rebuilt without the key equals the live one that still has the values, and after it too', async () => {
    const userId = newUuid();
    const users = own(usersProjection);
    const registered = await register(userId, `secret-${newUuid()}`);
    await feed(users, await live(users), registered);
    await installation.keys.destroy(userId);
    const building = await createGeneration(pool, users, 'building');
    await feed(users, building, registered);
    expect(await checksums(pool, users, building)).toEqual(await checksums(pool, users, await live(users)));

    const erased = await append(userId, [{ type: 'UserErased', data: {} }]);
    await feed(users, await live(users), erased);
    const rebuilt = { ...building, ...(await reload(building)) };
    await feed(users, rebuilt, erased);
    const rowsOf = async (generation: Generation): Promise<unknown[]> =>
      (await pool.query<object>(`SELECT * FROM ${generationSchema(generation)}.users ORDER BY user_id`)).rows;
    expect(await rowsOf(building)).toEqual(await rowsOf(await live(users)));
  });
});

const reload = async ({ projection }: Generation): Promise<Generation> => {
  const building = await buildingGeneration(pool, projection);
  if (!building) throw new Error('gone');
  return building;
};
