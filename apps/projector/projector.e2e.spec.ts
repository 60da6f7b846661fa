import { jsonEvent } from '@eventstore/db-client';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { userStream } from '#libs/users/streams.js';
import { appendUnconditionally } from '#libs/event-store/command-execution.js';
import type { DomainEvent } from '#libs/event-store/event-definition.js';
import { newUuid } from '#libs/platform/ids.js';
import { silentLogger } from '#libs/platform/logger.js';
import { createPool, inTransaction } from '#libs/platform/postgres/pool.js';
import type { Pool } from '#libs/platform/postgres/pool.js';
import { providerMigrations } from '#libs/installation/provider-migrations.js';
import { openIdProviderMigrations } from '#libs/openid-provider/migrations.js';
import { migrate } from '#libs/platform/postgres/migrations.js';
import type { Running } from '#libs/platform/process.js';
import { liveGeneration, lockLive } from '#libs/projection-engine/generations.postgres.js';
import { isDenied } from '#libs/projection-engine/parked.postgres.js';
import { requestReplay } from '#libs/projection-engine/replays.postgres.js';
import { waitForPosition } from '#libs/projection-engine/wait-for-position.js';
import { startTestInstallation, testContext } from '#test-support/installation.js';
import type { TestInstallation } from '#test-support/installation.js';
import { freePorts } from '#test-support/ports.js';
import { until } from '#test-support/until.js';
import { startProjector } from './projector.js';

describe('an operator and the projector', () => {
  let installation: TestInstallation;
  let projector: Running;
  let pool: Pool;
  let management = '';

  beforeAll(async () => {
    installation = await startTestInstallation();
    const [port = 0] = await freePorts(1);
    management = `http://127.0.0.1:${port}`;
    pool = createPool(installation.eventStore.database.urls.ligature_projector, { applicationName: 'test' });
    // As the identity server makes it, for the process managers.
    await migrate(installation.pool, 'provider', [...openIdProviderMigrations, ...providerMigrations]);
    projector = await start(port);
  }, 60_000);
  afterAll(async () => {
    await projector.stop();
    await pool.end();
    await installation.stop();
  });

  const start = (port: number, over: NodeJS.ProcessEnv = {}): Promise<Running> => {
    const { urls } = installation.eventStore.database;
    return startProjector(
      {
        EVENTSTORE_URL: installation.eventStore.url,
        LIGATURE_MASTER_KEY: installation.masterKey.toString('base64'),
        DATABASE_URL: urls.ligature_projector,
        PROCESS_MANAGER_DATABASE_URL: urls.ligature_process_manager,
        PROJECTOR_MANAGEMENT_PORT: String(port),
        ...over,
      },
      silentLogger,
    );
  };
  const append = async (userId: string, ...events: DomainEvent[]): Promise<bigint> => {
    const { position } = await appendUnconditionally(installation.store, {
      stream: userStream(userId),
      events,
      context: testContext(),
      subject: userId,
    });
    return position;
  };
  const registered: DomainEvent = { type: 'UserRegistered', data: { organizationId: 'default', displayName: 'Ann' } };
  const get = async (
    path: string,
    from = management,
  ): Promise<{ readonly status: number; readonly text: string; readonly csp: string | null }> => {
    const response = await fetch(`${from}${path}`);
    return {
      status: response.status,
      text: await response.text(),
      csp: response.headers.get('content-security-policy'),
    };
  };
  interface Ended {
    readonly code: number;
    readonly out: string;
    readonly err: string;
  }
  /** The built command line, on read models. */
  const ligature = (...args: string[]): Promise<Ended> => commandLine('projections', ...args);
  const commandLine = async (...args: string[]): Promise<Ended> =>
    promisify(execFile)(process.execPath, ['dist/apps/cli/main.js', ...args], {
      env: {
        PATH: process.env.PATH,
        DATABASE_URL: installation.eventStore.database.urls.ligature_cli,
        EVENTSTORE_URL: installation.eventStore.url,
        LIGATURE_MASTER_KEY: installation.masterKey.toString('base64'),
      },
    }).then(
      ({ stdout, stderr }) => ({ code: 0, out: stdout, err: stderr }),
      ({ code, stdout, stderr }: { code: number; stdout: string; stderr: string }) => ({
        code,
        out: stdout,
        err: stderr,
      }),
    );

  it('replays, verifies and rolls back by the command line; a second request learns who runs the first; unknown names list the known ones', async () => {
    await waitForPosition(pool, 'users', await append(newUuid(), registered), 10_000);
    const replayed = await ligature('replay', '--all');
    expect([replayed.code, replayed.out]).toEqual([
      0,
      expect.stringMatching(/users: Generation 2 is live.*identical[^]*links: Generation 2 is live/),
    ]);
    expect(replayed.err).toContain('users: ');
    const verified = await ligature('verify', 'users', '--json');
    expect([verified.code, JSON.parse(verified.out)]).toEqual([
      0,
      expect.objectContaining({ identical: true, differences: [] }),
    ]);
    expect((await ligature('rollback', 'users')).code).toBe(0);
    expect(await liveGeneration(pool, 'users')).toMatchObject({ generation: 1 });

    await pool.query(`UPDATE models.users SET status = 'by hand'`);
    const found = await ligature('verify', 'users');
    expect([found.code, found.out]).toEqual([1, expect.stringMatching(/users {"user_id":".*"}: changed \(status\)/)]);
    const kept = await ligature('replay', 'users', '--json');
    expect([kept.code, kept.out]).toEqual([1, expect.stringContaining('the live generation was kept')]);
    expect((await ligature('replay', 'users', '--accept-differences')).code).toBe(0);

    // A request that no process of this version takes stays open.
    const open = await requestReplay(pool, 'users', { version: 99, requestedBy: 'ann@control-room' });
    for (const args of [
      ['verify', 'users'],
      ['replay', '--all'],
    ]) {
      const second = await ligature(...args);
      expect([second.code, second.err]).toEqual([
        1,
        expect.stringContaining('A replay of users is under way: asked for by ann@control-room at '),
      ]);
    }
    await pool.query('DELETE FROM models.replays WHERE id = $1', [open.id]);

    for (const args of [
      ['verify', 'nobody'],
      ['replay', 'users', '--all'],
    ]) {
      const wrong = await ligature(...args);
      expect([wrong.code, wrong.err]).toEqual([2, expect.stringContaining('There are: users, links')]);
    }
  }, 240_000);

  it('a parked stream is in the health, the metrics, the page and the command line; its subject is denied until it is taken up', async () => {
    const userId = newUuid();
    await append(userId, registered);
    // As a newer release would have written it.
    const { metadata } = (await installation.store.readStored(userStream(userId)))[0] ?? {};
    const unreadable = jsonEvent({
      id: newUuid(),
      type: 'ProfileUpdated',
      data: {},
      metadata: { ...metadata, schemaVersion: 99 },
    });
    await installation.connection.append((client) =>
      client.appendToStream(userStream(userId), unreadable, { expectedRevision: 0n }),
    );
    await until(async () => ((await isDenied(pool, userId)) ? true : undefined), 20_000);
    const listed = await ligature('parked', 'list', '--json');
    const parked = JSON.parse(listed.out) as {
      projection: string;
      stream: string;
      deniedSubject: string;
      cause: string;
    }[];
    expect(parked).toContainEqual(
      expect.objectContaining({
        projection: 'users',
        stream: `user-${userId}`,
        deniedSubject: userId,
        organizationId: 'default',
        failure: 'ProfileUpdated event_format_invalid',
        tries: 0,
        nextTryAt: expect.stringMatching(/^20/),
        cause: 'ProfileUpdated: schema version 99 is newer than this process knows',
      }),
    );
    const { ok, details } = await until(async () => {
      const ready = JSON.parse((await get('/health/ready')).text) as {
        ok: boolean;
        details: {
          degraded: boolean;
          projections: Record<string, unknown>;
          processManager: { parkedCauses: readonly unknown[] };
        };
      };
      return ready.details.processManager.parkedCauses.length > 0 ? ready : undefined;
    });
    expect([ok, details.degraded]).toEqual([true, true]);
    expect(details.projections.users).toMatchObject({ state: 'running', parkedStreams: 1, parkedCauses: 1 });
    const failure = 'ProfileUpdated event_format_invalid';
    expect(details.processManager).toMatchObject({
      state: 'running',
      parkedCauses: [{ failure, streams: 1, example: { stream: `user-${userId}`, eventType: 'ProfileUpdated' } }],
    });
    const metrics = await until(async () => {
      const { text } = await get('/metrics');
      return text.includes('ligature_projection_parked_streams{projection="users"} 1') ? text : undefined;
    });
    expect(metrics).toContain('ligature_projection_denied_subjects{projection="users"} 1');
    expect(metrics).toContain('ligature_process_manager_parked_streams 1');
    expect(metrics).toContain('ligature_projection_parked_causes{projection="users"} 1');
    expect(metrics).toContain(`ligature_projection_parked_by_cause{projection="users",failure="${failure}"} 1`);
    expect(metrics).toMatch(/ligature_projection_parked_next_try_seconds\{projection="users"\} [1-9]/);
    const page = await get('/');
    expect([page.status, page.text, page.csp]).toEqual([
      200,
      expect.stringContaining(`user-${userId}`),
      expect.stringContaining("default-src 'none'"),
    ]);

    expect(await ligature('parked', 'retry', 'users', `user-${userId}`)).toMatchObject({ code: 1 });
    const again = await ligature('parked', 'list', '--json');
    expect(JSON.parse(again.out)).toContainEqual(
      expect.objectContaining({ projection: 'users', failure, organizationId: 'default', tries: 1 }),
    );
    const table = await ligature('parked', 'list');
    expect(table.out).toMatch(/TRIES +NEXT TRY +ORGANIZATION +CAUSE\n/);
    const refused = await ligature('parked', 'skip', 'users', `user-${userId}`);
    expect([refused.code, refused.err]).toEqual([2, expect.stringContaining('Say --yes')]);
    expect((await ligature('parked', 'retry', 'users', 'user-nobody')).err).toContain(`users user-${userId}`);
    expect(await isDenied(pool, userId)).toBe(true);
    for (const { projection } of parked)
      expect(await ligature('parked', 'skip', projection, `user-${userId}`, '--yes')).toMatchObject({ code: 0 });
    expect(await isDenied(pool, userId)).toBe(false);
    expect((await ligature('verify', '--all')).code).toBe(0);
  }, 240_000);

  it('T2: users erase says that it is not done while a read model may show the person, and what it waits for', async () => {
    const userId = newUuid();
    await waitForPosition(pool, 'users', await append(userId, registered), 10_000);
    const erase = (wait: string): Promise<Ended> => commandLine('users', 'erase', userId, '--yes', '--wait', wait);
    // Somebody holds the live generation: nobody can feed it.
    await inTransaction(pool, async (db) => {
      await lockLive(db, 'users');
      await erase('0');
      await until(async () => (await installation.store.read(userStream(userId))).at(-1)?.event.type === 'UserErased');
      const early = await erase('1');
      expect([early.code, early.out]).toEqual([1, expect.stringContaining('It is not done: it waits for users.')]);
    });
    const done = await erase('20');
    expect([done.code, done.out]).toEqual([0, `User ${userId} is erased.\n`]);
    expect((await erase('soon')).code).toBe(2);
  }, 120_000);

  it('lag is in the status and the metrics', async () => {
    await waitForPosition(pool, 'users', await append(newUuid(), registered), 10_000);
    const status = await until(async () => {
      const all = JSON.parse((await ligature('status', '--json')).out) as {
        name: string;
        state: string;
        lagSeconds: number | null;
      }[];
      return all.some(({ name, state, lagSeconds }) => name === 'users' && state === 'live' && lagSeconds === 0)
        ? all
        : undefined;
    });
    expect(status.length).toBeGreaterThanOrEqual(2);
    expect((await get('/metrics')).text).toContain('ligature_projection_lag_seconds{projection="users"} 0');
  }, 60_000);

  it('readiness fails while a read model is further behind than the threshold, says which, and comes back with it', async () => {
    const [port = 0] = await freePorts(1);
    const strict = await start(port, { LIGATURE_MAX_LAG_SECONDS: '0.001' });
    interface Ready {
      readonly status: number;
      readonly projections: Readonly<Record<string, { readonly state: string; readonly lagSeconds?: number }>>;
      readonly processManager: { readonly state: string };
      readonly providerNotices: { readonly state: string };
    }
    const ready = async (): Promise<Ready> => {
      const { status, text } = await get('/health/ready', `http://127.0.0.1:${port}`);
      return { status, ...(JSON.parse(text) as { details: Omit<Ready, 'status'> }).details };
    };
    /** Until readiness answers so, with exactly these read models behind. */
    const becomes = (wanted: number, ...behind: readonly string[]): Promise<Ready> =>
      until(async () => {
        const answer = await ready();
        const found = Object.entries(answer.projections).filter(([, { lagSeconds = Infinity }]) => lagSeconds > 0.001);
        return answer.status === wanted && found.map(([name]) => name).join() === behind.join() ? answer : undefined;
      }, 20_000);
    try {
      await becomes(200);
      // Somebody holds the live generation: nobody can feed it.
      await inTransaction(pool, async (db) => {
        await lockLive(db, 'users');
        await append(newUuid(), registered);
        const { projections, processManager, providerNotices } = await becomes(503, 'users');
        // It is the lag that readiness fails for.
        expect(
          [...Object.values(projections), processManager, providerNotices].map(({ state }) => state),
        ).not.toContain('failing');
      });
      await becomes(200);
    } finally {
      await strict.stop();
    }
  }, 60_000);
});
