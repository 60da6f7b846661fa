import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import type { Server } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { stopEmbeddedPostgres } from '#libs/embedded-postgres/embedded-postgres.js';
import { silentLogger } from '#libs/platform/logger.js';
import { isProcessAlive } from '#libs/platform/process-identity.js';
import { PORTS } from '#test-support/npm-start.js';
import { freePorts } from '#test-support/ports.js';

const MAIN = 'dist/test-support/supervisor/main.js';

const until = async (condition: () => boolean, what: () => string): Promise<void> => {
  const deadline = Date.now() + 25_000;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`Waited in vain: ${what()}`);
    await delay(20);
  }
};

class Run {
  output = '';
  readonly exited: Promise<number | null>;
  readonly child: ChildProcess;

  constructor(environment: NodeJS.ProcessEnv) {
    this.child = spawn(process.execPath, [MAIN], {
      env: { ...process.env, ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [this.child.stdout, this.child.stderr])
      stream?.on('data', (chunk: Buffer) => (this.output += chunk.toString()));
    this.exited = once(this.child, 'close').then(([code]) => code as number | null);
  }

  get lines(): string[] {
    return this.output.trimEnd().split('\n');
  }

  says(text: string): Promise<void> {
    return until(
      () => this.output.includes(text),
      () => `"${text}" in\n${this.output}`,
    );
  }
}

describe('the supervisor', () => {
  let directory: string;
  let environment: NodeJS.ProcessEnv;
  let runs: Run[];
  let others: Server[];
  /** Another program on a port. */
  const take = async (port: string | undefined): Promise<void> => {
    const other = createServer().listen(Number(port), '127.0.0.1');
    others.push(other);
    await once(other, 'listening');
  };
  const start = (extra: NodeJS.ProcessEnv = {}): Run => {
    const run = new Run({ ...environment, ...extra });
    runs.push(run);
    return run;
  };
  const journal = (): string[][] =>
    existsSync(join(directory, 'journal'))
      ? readFileSync(join(directory, 'journal'), 'utf8')
          .trimEnd()
          .split('\n')
          .map((line) => line.split(' '))
      : [];
  const events = (): string[] => journal().map(([name, event]) => `${name} ${event}`);
  const pidsOf = (name: string): number[] =>
    journal().flatMap(([who, event, pid]) => (who === name && event === 'started' ? [Number(pid)] : []));
  const postmasterPid = (): number =>
    Number(readFileSync(join(directory, 'data/postgres/server/data/postmaster.pid'), 'utf8').split('\n')[0]);

  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), 'ligature-supervisor-'));
    // As root, PostgreSQL runs as another user, who must be able to come by.
    chmodSync(directory, 0o711);
    const ports = await freePorts(PORTS.length);
    environment = {
      ...Object.fromEntries(PORTS.map((variable, index) => [variable, String(ports[index])])),
      LIGATURE_DATA_DIR: join(directory, 'data'),
      JOURNAL: join(directory, 'journal'),
    };
    runs = [];
    others = [];
  });
  afterEach(async () => {
    for (const other of others) other.close();
    for (const { child, exited } of runs) {
      child.kill('SIGKILL');
      await exited;
    }
    for (const pid of [...pidsOf('first'), ...pidsOf('second')].filter(isProcessAlive)) process.kill(pid, 'SIGKILL');
    if (existsSync(join(directory, 'data/postgres')))
      await stopEmbeddedPostgres({ dataDirectory: join(directory, 'data/postgres'), port: 0, logger: silentLogger });
    rmSync(directory, { recursive: true, force: true });
  });

  it('starts each process when the one before is ready, says where to click, and stops them in the reverse order', async () => {
    const run = start();
    await run.says('Ligature is ready');
    expect(events()).toEqual(['first started', 'first ready', 'task ran', 'second started', 'second ready']);
    expect(run.lines.at(-1)).toBe(`Ligature is ready: http://localhost:${environment.IDENTITY_PORT}`);
    expect(run.output).toContain(`http://127.0.0.1:${environment.DEMO_APP_PORT}`);
    expect(run.output).toMatch(/^first {7}\| \d\d:\d\d:\d\d at your service secretsSeen=0$/m);
    expect(run.output).toMatch(/^task {8}\| the task speaks$/m);
    run.child.kill('SIGTERM');
    // npm passes on a signal that the terminal has sent already: a second one at once is the same request.
    run.child.kill('SIGINT');
    expect(await run.exited).toBe(0);
    expect(events().slice(5)).toEqual(['second stopping', 'first stopping']);
    expect(existsSync(join(directory, 'data/postgres/server/data/postmaster.pid'))).toBe(false);
  });

  it('keeps its secrets to itself, and the same over a restart', async () => {
    const run = start();
    await run.says('Ligature is ready');
    const kept = (name: string) => readFileSync(join(directory, 'data', name), 'utf8');
    const [secrets, cli] = [kept('secrets.json'), kept('ligature.env')];
    for (const name of ['secrets.json', 'ligature.env'])
      expect(statSync(join(directory, 'data', name)).mode & 0o777).toBe(0o600);
    expect(Buffer.from(JSON.parse(secrets).LIGATURE_INDEX_SECRET, 'base64')).toHaveLength(32);
    expect(cli).toMatch(/^DATABASE_URL=postgresql:\/\/ligature_cli:/m);
    expect(cli).not.toContain(JSON.parse(secrets).LIGATURE_COOKIE_SECRET);
    run.child.kill('SIGTERM');
    await run.exited;
    const again = start();
    await again.says('Ligature is ready');
    expect([kept('secrets.json'), kept('ligature.env')]).toEqual([secrets, cli]);
  });

  it('stops everything and says why when a process dies', async () => {
    const run = start();
    await run.says('Ligature is ready');
    process.kill(pidsOf('second')[0]!, 'SIGKILL');
    expect(await run.exited).toBe(1);
    expect(run.output).toMatch(
      /second ended with signal SIGKILL\. The last it said:\n {4}\d\d:\d\d:\d\d at your service/,
    );
    expect(events()).toContain('first stopping');
  });

  it('stops everything and shows its log when PostgreSQL dies', async () => {
    const run = start();
    await run.says('Ligature is ready');
    process.kill(postmasterPid(), 'SIGQUIT');
    expect(await run.exited).toBe(1);
    expect(run.output).toMatch(
      /PostgreSQL ended\. The last it said:\n( {4}.*\n)* {4}.*received immediate shutdown request/,
    );
    expect(events().slice(-2)).toEqual(['second stopping', 'first stopping']);
  });

  it('starts nothing after a task that fails', async () => {
    const run = start({ TASK_EXIT_CODE: '3' });
    expect(await run.exited).toBe(1);
    expect(run.output).toMatch(/task ended with exit code 3\. The last it said:\n {4}the task speaks/);
    expect(events()).toEqual(['first started', 'first ready', 'task ran', 'first stopping']);
  });

  it('names a taken port and its variable before anything starts', async () => {
    await take(environment.DEMO_APP_PORT);
    const run = start();
    expect(await run.exited).toBe(1);
    expect(run.output).toContain(
      `Port ${environment.DEMO_APP_PORT} is taken by another program. Stop it, or choose another port: DEMO_APP_PORT=`,
    );
    expect(events()).toEqual([]);
    expect(existsSync(join(directory, 'data/postgres'))).toBe(false);
  });

  it("names PostgreSQL's port, too, and one that was given to two processes", async () => {
    await take(environment.POSTGRES_PORT);
    const run = start();
    expect(await run.exited).toBe(1);
    expect(run.output).toContain('POSTGRES_PORT=');
    const twice = start({ DEMO_APP_PORT: environment.IDENTITY_PORT });
    expect(await twice.exited).toBe(1);
    expect(twice.output).toContain(`IDENTITY_PORT and DEMO_APP_PORT are both ${environment.IDENTITY_PORT}`);
    const nonsense = start({ IDENTITY_PORT: 'http', DEMO_APP_PORT: '99999' });
    expect(await nonsense.exited).toBe(1);
    expect(nonsense.output).toMatch(/IDENTITY_PORT[\s\S]*DEMO_APP_PORT/);
  });

  it('does not run twice on the same data', async () => {
    const run = start();
    await run.says('Ligature is ready');
    const second = start();
    expect(await second.exited).toBe(1);
    expect(second.output).toContain(`Ligature runs already on ${join(directory, 'data')} (process ${run.child.pid})`);
    const socket = connect(Number(environment.EVENT_STORE_MANAGEMENT_PORT), '127.0.0.1');
    await once(socket, 'connect');
    socket.destroy();
  });

  it('killed, its services end by themselves; started again, it uses the PostgreSQL that still runs', async () => {
    const run = start();
    await run.says('Ligature is ready');
    const postmaster = postmasterPid();
    run.child.kill('SIGKILL');
    await run.exited;
    const again = start();
    await again.says('Ligature is ready');
    expect([...pidsOf('first'), ...pidsOf('second')].map(isProcessAlive)).toEqual([false, true, false, true]);
    expect(postmasterPid()).toBe(postmaster);
  });

  it('starts again after every process was killed', async () => {
    const run = start();
    await run.says('Ligature is ready');
    for (const pid of [run.child.pid!, ...pidsOf('first'), ...pidsOf('second'), postmasterPid()])
      process.kill(pid, 'SIGKILL');
    await run.exited;
    await start().says('Ligature is ready');
  });

  it('kills what does not stop at a second request', async () => {
    const run = start({ STUBBORN: 'first' });
    await run.says('Ligature is ready');
    run.child.kill('SIGINT');
    await until(
      () => events().includes('first stopping'),
      () => run.output,
    );
    const stubborn = pidsOf('first')[0]!;
    // A process that is about to exit has no handlers any more: nobody insists once it is done.
    const insist = setInterval(() => isProcessAlive(stubborn) && run.child.kill('SIGINT'), 100);
    expect(await run.exited).toBe(1);
    clearInterval(insist);
    expect(isProcessAlive(stubborn)).toBe(false);
    expect(existsSync(join(directory, 'data/postgres/server/data/postmaster.pid'))).toBe(false);
  });
});
