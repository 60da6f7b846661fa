import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { userActivityStream, userStream } from '#libs/users/streams.js';
import type { HistoryEntry } from '#libs/audit/entry.js';
import { auditAccessStream } from '#libs/audit-access/record-access.js';
import { appendUnconditionally } from '#libs/event-store/command-execution.js';
import type { DomainEvent } from '#libs/event-store/event-definition.js';
import { newUuid } from '#libs/platform/ids.js';
import { migrate } from '#libs/platform/postgres/migrations.js';
import { createPool } from '#libs/platform/postgres/pool.js';
import {
  createGeneration,
  generationSchema,
  projectionEngineMigrations,
} from '#libs/projection-engine/generations.postgres.js';
import { historyIndexProjection } from '#projections/history-index/history-index.projection.js';
import { appendFromBefore } from '#test-support/log-from-before.js';
import { startTestInstallation, testContext } from '#test-support/installation.js';
import type { TestInstallation } from '#test-support/installation.js';
import { until } from '#test-support/until.js';
import { historyCommand } from './commands/history.js';
import { failureOf } from './exit-codes.js';

let installation: TestInstallation;
let folder: string;
const userId = newUuid();
const SIGNED_OUT = 300;
const positions: bigint[] = [];

const append = async (stream: 'account' | 'activity', ...events: readonly DomainEvent[]): Promise<void> => {
  const name = stream === 'account' ? userStream(userId) : userActivityStream(userId);
  const request = { stream: name, events, context: testContext(), subject: userId };
  positions.push((await appendUnconditionally(installation.store, request)).position);
};
const ended = (sessionId: string): DomainEvent => ({ type: 'SessionEnded', data: { sessionId, reason: 'signed_out' } });

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'ligature-history-'));
  installation = await startTestInstallation();
  await installation.configure('organizations:\n  - { id: default, displayName: Default }');
  const data = { organizationId: 'default', displayName: 'Ann\u001b[31m\nBea' };
  const event = { type: 'UserRegistered', data };
  positions.push(await appendFromBefore(installation, { stream: userStream(userId), event, subject: userId }));
  await append('account', {
    type: 'UsernameChanged',
    data: { claimId: newUuid(), usernameKey: newUuid(), username: 'ann' },
  });
  await append('activity', ...Array.from({ length: SIGNED_OUT }, (_, i) => ended(`s${i}`)));

  const pool = createPool(installation.eventStore.database.urls.ligature_projector, { applicationName: 'test' });
  await migrate(pool, 'models', projectionEngineMigrations);
  const schema = generationSchema(await createGeneration(pool, historyIndexProjection, 'live'));
  const streams = [userStream(userId), userActivityStream(userId)];
  for (const stream of streams)
    await historyIndexProjection.handle(await installation.store.read(stream), pool, schema);
  await pool.end();
}, 60_000);
afterAll(async () => {
  await installation.stop();
  rmSync(folder, { recursive: true, force: true });
});

const environment = () => ({
  PATH: process.env.PATH,
  DATABASE_URL: installation.eventStore.database.urls.ligature_cli,
  EVENTSTORE_URL: installation.eventStore.url,
  LIGATURE_MASTER_KEY: installation.masterKey.toString('base64'),
});
/** In a process of its own, so that the event store of this one can answer it. */
const run = (
  ...args: string[]
): Promise<{ readonly status: number | null; readonly stdout: string; readonly stderr: string }> =>
  new Promise((resolve) => {
    const cli = spawn(process.execPath, ['dist/apps/cli/main.js', 'history', ...args], { env: environment() });
    let [stdout, stderr] = ['', ''];
    cli.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
    cli.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    cli.on('close', (status) => resolve({ status, stdout, stderr }));
  });

describe('ligature history user', () => {
  it('lists the history by filters, and notes who read it', async () => {
    const { status, stdout } = await run(
      'user',
      userId,
      '--types',
      'UserRegistered,UsernameChanged',
      '--order',
      'desc',
    );
    expect(status).toBe(0);
    expect(stdout.trimEnd().split('\n')).toEqual([
      expect.stringMatching(/^ +\d+ {2}\S+Z {2}The username became ann$/),
      expect.stringMatching(/^ +\d+ {2}\S+Z {2}The account was created by hand$/),
    ]);
    const accessed = (await installation.store.read(auditAccessStream('default'))).at(-1);
    expect([accessed?.event.data, accessed?.metadata.actor.type]).toEqual([
      { access: 'history', userId, query: { types: 'UserRegistered,UsernameChanged', order: 'desc' } },
      'admin',
    ]);
  });

  it('prints JSON: an array', async () => {
    const { stdout } = await run('user', userId, '--json', '--after', `pos:${(positions.at(1) ?? 0n).toString()}`);
    expect((JSON.parse(stdout) as HistoryEntry[]).map(({ type }) => type)).toEqual(
      Array.from({ length: SIGNED_OUT }, () => 'SessionEnded'),
    );
  });

  it('shows the account as of a moment, on lines that no name can break; and what is different at another', async () => {
    const then = await run('user', userId, '--as-of', `pos:${positions[0]}`);
    expect([then.status, then.stdout]).toEqual([
      0,
      expect.stringMatching(/display name +Ann\ufffd\[31m Bea\n[^]*username +–\n/),
    ]);
    const { stdout } = await run(
      'user',
      userId,
      '--as-of',
      `pos:${positions[0]}`,
      '--compare-with',
      new Date().toISOString(),
      '--json',
    );
    expect(JSON.parse(stdout)).toMatchObject({
      userId,
      differences: [
        { part: 'username', before: null, after: 'ann' },
        { part: 'usernameGivenBy', before: null, after: { by: 'self' } },
      ],
    });
  });

  it('follows what comes, one object a line, until it is stopped', async () => {
    const cli = spawn(
      process.execPath,
      ['dist/apps/cli/main.js', 'history', 'user', userId, '--follow', '--json', '--types', 'UserDeactivated'],
      {
        env: environment(),
      },
    );
    let stdout = '';
    cli.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
    const exited = new Promise<number | null>((resolve) => cli.on('close', resolve));
    await until(
      async () =>
        (await installation.store.read(auditAccessStream('default'))).some(
          ({ event }) => (event.data as { access: string }).access === 'follow',
        ) || undefined,
    );
    await append('account', { type: 'UserDeactivated', data: {} });
    await until(() => Promise.resolve(stdout.endsWith('\n') || undefined));
    expect(JSON.parse(stdout)).toMatchObject({ type: 'UserDeactivated', userId });
    cli.kill('SIGINT');
    expect(await exited).toBe(0);
  });

  it.each<[string[], string]>([
    [['user', '00000000-0000-7000-8000-000000000000'], 'There is no user'],
    [['user', userId, '--from', 'yesterday'], '--from: must be a time in ISO 8601'],
    [
      ['user', userId, '--from', '2026-03-04T00:00:00Z', '--to', '2026-03-03T00:00:00Z'],
      '--from: must not be later than to',
    ],
    [['user', userId, '--as-of', 'noon'], '--as-of: must be a time in ISO 8601'],
    [['user', userId, '--as-of', '2999-01-01T00:00:00Z'], '--as-of lies in the future'],
    [['user', userId, '--as-of', 'pos:128', '--compare-with', 'pos:64'], '--as-of is later than --compare-with'],
    [['user', userId, '--compare-with', 'pos:64'], '--compare-with needs --as-of'],
    [['export'], '--user or --organization'],
    [['export', '--organization', 'nonesuch'], 'There is no organization "nonesuch"'],
    [['export', '--user', userId, '--format', 'xml'], '--format: '],
    [['export', '--user', userId, '--resume'], '--resume needs --out'],
  ])('wrong use is told, and nothing is printed: %j', async (args, sentence) => {
    const before = process.env;
    process.env = { ...before, ...environment() };
    const failed = await historyCommand()
      .exitOverride()
      .parseAsync(args, { from: 'user' })
      .catch((error: unknown) => failureOf(error));
    process.env = before;
    expect(failed).toEqual({ exitCode: 2, sentence: expect.stringContaining(sentence) });
  });

  it('wrong use exits with 2', async () => {
    const { status, stdout, stderr } = await run('user', 'nobody');
    expect([status, stdout, stderr]).toEqual([2, '', expect.stringContaining('"nobody" is not a user id')]);
  });

  it('a store that does not answer exits with 3', () => {
    const { status } = spawnSync(process.execPath, ['dist/apps/cli/main.js', 'history', 'user', userId], {
      env: { ...environment(), EVENTSTORE_URL: 'esdb://127.0.0.1:1?tls=false' },
    });
    expect(status).toBe(3);
  });
});

describe('ligature history export', () => {
  it.each([
    ['--user', userId],
    ['--organization', 'default'],
  ])('%s: into a file, and goes on where it was interrupted: no gap, no duplicate', async (option, id) => {
    const out = join(folder, `export${option}.ndjson`);
    const whole = await run('export', option, id, '--types', 'SessionEnded', '--out', out, '--json');
    expect(JSON.parse(whole.stdout)).toEqual({ out, format: 'ndjson', entries: SIGNED_OUT, resumedBehind: null });
    const content = readFileSync(out, 'utf8');
    const sessions = content
      .split('\n')
      .flatMap((line) => (line ? (JSON.parse(line) as { payload: { sessionId: string } }).payload.sessionId : []));
    expect(sessions).toEqual(Array.from({ length: SIGNED_OUT }, (_, i) => `s${i}`));
    truncateSync(out, Math.floor(content.length / 3));
    const rest = await run('export', option, id, '--types', 'SessionEnded', '--out', out, '--resume');
    expect(rest.stdout).toMatch(/^\d+ entries written to \S+, behind pos:\d+\.\n$/);
    expect(readFileSync(out, 'utf8')).toBe(content);
    const again = await run('export', option, id, '--types', 'SessionEnded', '--out', out, '--resume', '--json');
    expect([JSON.parse(again.stdout), readFileSync(out, 'utf8')]).toEqual([
      expect.objectContaining({ entries: 0 }),
      content,
    ]);
  });

  it('to standard output, as CSV', async () => {
    const { status, stdout } = await run('export', '--user', userId, '--format', 'csv', '--types', 'UsernameChanged');
    expect([status, stdout.trimEnd().split('\n')]).toEqual([
      0,
      [expect.stringMatching(/^"position"/), expect.stringContaining('became ann')],
    ]);
  });
});
