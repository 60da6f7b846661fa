import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { userStream } from '#libs/accounts/streams.js';
import { appendUnconditionally } from '#libs/event-store/command-execution.js';
import type { DomainEvent } from '#libs/event-store/event-definition.js';
import { newUuid } from '#libs/platform/ids.js';
import { silentLogger } from '#libs/platform/logger.js';
import { createPool } from '#libs/platform/postgres/pool.js';
import type { Pool } from '#libs/platform/postgres/pool.js';
import type { Running } from '#libs/platform/process.js';
import { liveGeneration } from '#libs/projection-engine/generations.postgres.js';
import { isDenied } from '#libs/projection-engine/parked.postgres.js';
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
    const { urls } = installation.eventStore.database;
    pool = createPool(urls.ligature_projector, { applicationName: 'test' });
    projector = await startProjector(
      {
        EVENTSTORE_URL: installation.eventStore.url,
        LIGATURE_MASTER_KEY: installation.masterKey.toString('base64'),
        DATABASE_URL: urls.ligature_projector,
        PROCESS_MANAGER_DATABASE_URL: urls.ligature_process_manager,
        PROJECTOR_MANAGEMENT_PORT: String(port),
      },
      silentLogger,
    );
  }, 60_000);
  afterAll(async () => {
    await projector.stop();
    await pool.end();
    await installation.stop();
  });

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
  const get = async (path: string): Promise<{ readonly status: number; readonly text: string; readonly csp: string | null }> => {
    const response = await fetch(`${management}${path}`);
    return { status: response.status, text: await response.text(), csp: response.headers.get('content-security-policy') };
  };
  /** The built command line. */
  const ligature = async (...args: string[]): Promise<{ readonly code: number; readonly out: string; readonly err: string }> =>
    promisify(execFile)(process.execPath, ['dist/apps/cli/main.js', 'projections', ...args], {
      env: { PATH: process.env.PATH, DATABASE_URL: installation.eventStore.database.urls.ligature_cli },
    }).then(
      ({ stdout, stderr }) => ({ code: 0, out: stdout, err: stderr }),
      ({ code, stdout, stderr }: { code: number; stdout: string; stderr: string }) => ({ code, out: stdout, err: stderr }),
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
    expect([verified.code, JSON.parse(verified.out)]).toEqual([0, expect.objectContaining({ identical: true, differences: [] })]);
    expect((await ligature('rollback', 'users')).code).toBe(0);
    expect(await liveGeneration(pool, 'users')).toMatchObject({ generation: 1 });

    await pool.query(`UPDATE models.users SET status = 'by hand'`);
    const found = await ligature('verify', 'users');
    expect([found.code, found.out]).toEqual([1, expect.stringMatching(/users {"user_id":".*"}: changed \(status\)/)]);
    const kept = await ligature('replay', 'users', '--json');
    expect([kept.code, kept.out]).toEqual([1, expect.stringContaining('the live generation was kept')]);
    expect((await ligature('replay', 'users', '--accept-differences')).code).toBe(0);
    expect((await ligature('verify', 'users')).code).toBe(0);

    const [first, second] = await Promise.all([ligature('replay', 'users'), ligature('replay', 'users')]);
    expect([first.code, second.code].sort()).toEqual([0, 1]);
    expect(first.err + second.err).toMatch(/A replay of users is under way: asked for by .+@.+ at /);

    for (const args of [
      ['verify', 'nobody'],
      ['replay', 'users', '--all'],
    ]) {
      const wrong = await ligature(...args);
      expect([wrong.code, wrong.err]).toEqual([2, expect.stringContaining('There are: users, links')]);
    }
  }, 120_000);

  it('a parked stream is in the health, the metrics, the page and the command line; its subject is denied until it is taken up', async () => {
    const userId = newUuid();
    // The person's key is lost, without an erasure that explains it: nobody can read the event.
    const { position } = await append(userId, registered).then((at) => ({ position: at }));
    await waitForPosition(pool, 'users', position, 10_000);
    const { rows } = await installation.pool.query<Record<string, unknown>>('SELECT * FROM keys.subject_keys WHERE subject = $1', [userId]);
    const key = rows[0] ?? {};
    // The projector forgets a key within seconds; until it has, the event can be read.
    await installation.pool.query('DELETE FROM keys.subject_keys WHERE subject = $1', [userId]);
    await until(async () => {
      await append(userId, { type: 'ProfileUpdated', data: { displayName: 'Ann Two' } });
      return (await isDenied(pool, userId)) ? true : undefined;
    }, 20_000);
    const listed = await ligature('parked', 'list', '--json');
    const parked = (JSON.parse(listed.out) as { projection: string; stream: string; deniedSubject: string; cause: string }[]).filter(
      ({ projection }) => projection === 'users',
    );
    expect(parked).toMatchObject([{ stream: `user-${userId}`, deniedSubject: userId }]);
    const health = await get('/health/ready');
    expect([health.status, JSON.parse(health.text)]).toEqual([
      200,
      expect.objectContaining({
        details: expect.objectContaining({
          projections: expect.objectContaining({ users: expect.objectContaining({ parkedStreams: 1 }) as unknown }) as unknown,
        }) as unknown,
      }),
    ]);
    expect((await get('/metrics')).text).toMatch(
      /ligature_projection_parked_streams\{projection="users"\} 1\n[^]*ligature_projection_denied_subjects\{projection="users"\} 1/,
    );
    const page = await get('/');
    expect([page.status, page.text, page.csp]).toEqual([
      200,
      expect.stringContaining(`user-${userId}`),
      expect.stringContaining("default-src 'none'"),
    ]);

    const refused = await ligature('parked', 'skip', 'users', `user-${userId}`);
    expect([refused.code, refused.err]).toEqual([2, expect.stringContaining('Say --yes')]);
    expect((await ligature('parked', 'retry', 'users', 'user-nobody')).err).toContain(`users user-${userId}`);
    expect((await ligature('parked', 'retry', 'users', `user-${userId}`)).code).toBe(1);
    expect(await isDenied(pool, userId)).toBe(true);
    await installation.pool.query(
      'INSERT INTO keys.subject_keys (subject, key_id, wrapped, master_key_id, created_at) VALUES ($1, $2, $3, $4, $5)',
      [userId, key.key_id, key.wrapped, key.master_key_id, key.created_at],
    );
    for (const { projection } of JSON.parse((await ligature('parked', 'list', '--json')).out) as { projection: string }[])
      expect(await ligature('parked', 'retry', projection, `user-${userId}`)).toMatchObject({ code: 0 });
    expect(await isDenied(pool, userId)).toBe(false);
    expect((await ligature('verify', '--all')).code).toBe(0);
  }, 120_000);

  it('lag is in the status, and readiness fails above a threshold', async () => {
    await waitForPosition(pool, 'users', await append(newUuid(), registered), 10_000);
    const status = await until(async () => {
      const all = JSON.parse((await ligature('status', '--json')).out) as { name: string; state: string; lagSeconds: number | null }[];
      return all.some(({ name, state, lagSeconds }) => name === 'users' && state === 'live' && lagSeconds === 0) ? all : undefined;
    });
    expect(status.length).toBeGreaterThanOrEqual(2);
    expect((await get('/metrics')).text).toContain('ligature_projection_lag_seconds{projection="users"} 0');
  }, 60_000);
});
