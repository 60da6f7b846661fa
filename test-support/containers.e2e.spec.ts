import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parse } from 'yaml';
import { startEmbeddedPostgres } from '#libs/embedded-postgres/embedded-postgres.js';
import type { EmbeddedPostgres } from '#libs/embedded-postgres/embedded-postgres.js';
import { silentLogger } from '#libs/platform/logger.js';
import { startTestEventStore } from './event-store.js';
import { freePorts } from './ports.js';

interface Service {
  readonly command?: readonly string[];
  readonly entrypoint?: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly secrets?: readonly string[];
}

const ENTRYPOINT = 'docker/entrypoint.sh';

const temporary: string[] = [];
const temporaryDirectory = (): string => {
  const directory = mkdtempSync(join(tmpdir(), 'ligature-containers-'));
  temporary.push(directory);
  return directory;
};
afterAll(() => temporary.forEach((directory) => rmSync(directory, { recursive: true, force: true })));

describe('docker/entrypoint.sh', () => {
  const run = (environment: Record<string, string>) =>
    spawnSync('sh', [ENTRYPOINT, process.execPath, '-p', 'JSON.stringify([process.env.ONE, process.env.ONE_FILE])'], {
      encoding: 'utf8',
      env: { PATH: process.env.PATH, ...environment },
    });

  it('turns files into variables, whatever is in them', () => {
    const file = join(temporaryDirectory(), 'one');
    writeFileSync(file, `a'b"c $HOME \`id\`\n`);
    expect(JSON.parse(run({ ONE_FILE: file }).stdout)).toEqual([`a'b"c $HOME \`id\``, null]);
  });

  it('says which file is missing', () => {
    expect(run({ ONE_FILE: '/nowhere/one' })).toMatchObject({
      status: 2,
      stderr: 'ONE_FILE names /nowhere/one, which cannot be read.\n',
    });
  });
});

/**
 * No container runs here: each service's own command and environment do, on this machine's files, PostgreSQL and event
 * store.
 */
describe('docker/compose.yaml', () => {
  const { services, secrets: secretsOf } = parse(readFileSync('docker/compose.yaml', 'utf8'), { merge: true }) as {
    services: Record<string, Service>;
    secrets: Record<string, unknown>;
  };
  const lab = Object.fromEntries(
    readFileSync('docker/lab.env', 'utf8')
      .split('\n')
      .filter((line) => /^[A-Z]/.test(line))
      .map((line): [string, string] => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  );
  let directory: string;
  let postgres: EmbeddedPostgres;
  let eventStore: Awaited<ReturnType<typeof startTestEventStore>>;
  const children: ChildProcess[] = [];

  beforeAll(async () => {
    directory = temporaryDirectory();
    chmodSync(directory, 0o711);
    postgres = await startEmbeddedPostgres({
      dataDirectory: join(directory, 'postgres'),
      port: 0,
      logger: silentLogger,
      durable: false,
    });
    eventStore = await startTestEventStore();
    // It writes beside itself.
    cpSync('docker/make-secrets.sh', join(directory, 'make-secrets.sh'));
    makeSecrets(eventStore.url);
  });
  afterAll(async () => {
    for (const child of children) {
      child.kill('SIGTERM');
      if (child.exitCode === null) await once(child, 'close');
    }
    await eventStore.stop();
    await postgres.stop();
  });

  const makeSecrets = (...args: string[]) =>
    spawnSync('sh', [join(directory, 'make-secrets.sh'), ...args], { encoding: 'utf8' });
  const contentOf = (secret: string): string => readFileSync(join(directory, 'secrets', secret), 'utf8');

  /** What Compose would hand to the service's process, with this test's servers in place of the containers. */
  const environmentOf = (name: string, extra: Record<string, string> = {}): NodeJS.ProcessEnv => {
    const { environment, secrets = [] } = services[name]!;
    const superuserPassword = new URL(postgres.adminUrl).password;
    const resolve = (value: string): string =>
      value
        .replace(/\$\{([A-Z_]+)(?::[-?]([^}]*))?\}/g, (_, variable: string, fallback = '') => lab[variable] ?? fallback)
        .replace('@postgres:5432', `@127.0.0.1:${postgres.port}`)
        .replace(/^\/run\/secrets\/(.*)$/, (_, secret: string) => {
          if (!secrets.includes(secret)) throw new Error(`${name} is not given the secret ${secret}`);
          return join(directory, 'secrets', secret);
        });
    const resolved = Object.fromEntries(
      Object.entries(environment).map(([variable, value]) => [variable, resolve(value)]),
    );
    if (secrets.includes('postgres_password')) {
      chmodSync(join(directory, 'secrets/postgres_password'), 0o600);
      writeFileSync(join(directory, 'secrets/postgres_password'), superuserPassword);
    }
    // A URL that comes as a secret names the database's container.
    const urlSecret = 'process_manager_database_url';
    if (secrets.includes(urlSecret)) {
      resolved.PROCESS_MANAGER_DATABASE_URL = contentOf(urlSecret)
        .trim()
        .replace('@postgres:5432', `@127.0.0.1:${postgres.port}`);
      delete resolved.PROCESS_MANAGER_DATABASE_URL_FILE;
    }
    return { PATH: process.env.PATH, ...resolved, ...extra };
  };
  const commandOf = (name: string): readonly string[] => {
    const { entrypoint = ['ligature-entrypoint'], command = [] } = services[name]!;
    return [...entrypoint.slice(1), ...command].flatMap((word) =>
      word === 'ligature' ? [process.execPath, 'bin/ligature.js'] : word === 'node' ? [process.execPath] : [word],
    );
  };
  const run = (name: string, ...args: string[]) =>
    spawnSync('sh', [ENTRYPOINT, ...commandOf(name), ...args], { encoding: 'utf8', env: environmentOf(name) });
  const healthOf = async (port: number): Promise<number> =>
    fetch(`http://127.0.0.1:${port}/health/ready`).then(
      ({ status }) => status,
      () => 0,
    );

  it('makes secrets that nobody else can list, each its own, and never again', () => {
    const made = readdirSync(join(directory, 'secrets')).sort();
    expect(made).toEqual(Object.keys(secretsOf).sort());
    expect(statSync(join(directory, 'secrets')).mode & 0o777).toBe(0o700);
    const contents = made.map(contentOf);
    expect(new Set(contents).size).toBe(made.length);
    makeSecrets('esdb://another:2113');
    expect(made.map(contentOf)).toEqual(contents);
  });

  it('makes none without an event store', () => {
    const elsewhere = temporaryDirectory();
    cpSync('docker/make-secrets.sh', join(elsewhere, 'make-secrets.sh'));
    expect(spawnSync('sh', [join(elsewhere, 'make-secrets.sh')], { encoding: 'utf8' })).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('Name the event store'),
    });
  });

  it('provisions, again without harm; identity and projector become ready; the command line works', async () => {
    for (let time = 1; time <= 2; time += 1) {
      const { stdout, stderr } = run('provision');
      expect([stdout, stderr]).toEqual([expect.stringContaining('The database "ligature" is ready'), '']);
    }
    const [identityPort, identityManagement, projectorManagement] = await freePorts(3);
    const ports: Readonly<Record<string, Record<string, string>>> = {
      identity: {
        IDENTITY_HOST: '127.0.0.1',
        IDENTITY_PORT: String(identityPort),
        IDENTITY_MANAGEMENT_PORT: String(identityManagement),
      },
      projector: { PROJECTOR_MANAGEMENT_PORT: String(projectorManagement) },
    };
    let output = '';
    for (const name of ['identity', 'projector']) {
      const child = spawn('sh', [ENTRYPOINT, ...commandOf(name)], {
        env: environmentOf(name, ports[name]),
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      for (const stream of [child.stdout, child.stderr])
        stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
      children.push(child);
    }
    const deadline = Date.now() + 20_000;
    while ((await healthOf(identityManagement!)) !== 200 || (await healthOf(projectorManagement!)) !== 200) {
      if (Date.now() > deadline) throw new Error(`not ready: ${output}`);
      await delay(50);
    }
    const discovery = await fetch(`http://127.0.0.1:${identityPort}/.well-known/openid-configuration`);
    expect(await discovery.json()).toMatchObject({ issuer: lab.LIGATURE_ISSUER });
    const status = run('cli', 'projections', 'status');
    expect([status.status, status.stdout]).toEqual([0, expect.stringMatching(/users .* live/)]);
  });

  it('refuses to provision with a password that is missing or short', () => {
    const environment = environmentOf('provision', { LIGATURE_CLI_PASSWORD: 'short' });
    delete environment.LIGATURE_CLI_PASSWORD_FILE;
    delete environment.LIGATURE_IDENTITY_PASSWORD_FILE;
    const { status, stderr } = spawnSync('sh', [ENTRYPOINT, ...commandOf('provision')], {
      encoding: 'utf8',
      env: environment,
    });
    expect(status).toBe(2);
    expect(stderr).toMatch(/LIGATURE_IDENTITY_PASSWORD: is not set[\s\S]*LIGATURE_CLI_PASSWORD: must have at least 16/);
  });
});
