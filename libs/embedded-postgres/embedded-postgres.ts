import { spawn } from 'node:child_process';
import type { ChildProcess, SpawnOptions } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import {
  chownSync,
  closeSync,
  existsSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { createPool } from '#libs/platform/postgres/pool.js';
import type { Logger } from '#libs/platform/logger.js';
import { locateBinaries } from './binaries.js';
import type { Binaries } from './binaries.js';
import { EmbeddedPostgresError } from './embedded-postgres-error.js';
import { prepareLocations, SHARED_DIRECTORY } from './locations.js';
import type { Locations } from './locations.js';
import { findPostmaster, isRunning } from './postmaster.js';

export interface EmbeddedPostgresOptions {
  /** Where the server's folder is made on the first start. It is used again, data kept, on every later one. */
  readonly dataDirectory: string;
  /** The TCP port on 127.0.0.1; 0 takes a free one. */
  readonly port: number;
  readonly logger: Logger;
  /**
   * False makes commits faster and lets a power failure destroy the data: for throw-away servers of tests only. True
   * unless told.
   */
  readonly durable?: boolean;
}

export interface EmbeddedPostgres {
  /** The superuser's connection URL. */
  readonly adminUrl: string;
  readonly port: number;
  /** Settles when the server has ended, for whatever reason. */
  readonly ended: Promise<void>;
  /** The last lines that the server logged. */
  lastLogLines(): string;
  /**
   * Fast shutdown: open transactions are rolled back, connections closed, data flushed. Immediate: no flush; the next
   * start recovers, and nothing that was committed is lost.
   */
  stop(mode?: 'fast' | 'immediate'): Promise<void>;
}

const HOST = '127.0.0.1';
const START_TIMEOUT_MS = 60_000;
const LOG_LINES_SHOWN = 10;

interface Launch {
  readonly locations: Locations;
  readonly binaries: Binaries;
  readonly options: EmbeddedPostgresOptions;
}

/**
 * Runs as the server's user, in a session of its own (Ctrl-C on our terminal is ours to handle), knowing nothing of our
 * environment.
 */
const spawnOptions = ({ user }: Locations): SpawnOptions => ({
  ...(user && { uid: user.uid, gid: user.gid }),
  cwd: process.platform === 'win32' ? undefined : '/',
  detached: process.platform !== 'win32',
  windowsHide: true,
  env: {
    LC_ALL: 'C',
    TZ: 'UTC',
    PATH: process.env.PATH,
    ...(process.env.SystemRoot && { SystemRoot: process.env.SystemRoot }),
  },
});

const lastLines = (text: string): string => text.trimEnd().split('\n').slice(-LOG_LINES_SHOWN).join('\n');

const readLog = ({ logFile }: Locations): string => (existsSync(logFile) ? readFileSync(logFile, 'utf8') : '');

const startFailed = (reason: string, output: string): EmbeddedPostgresError =>
  new EmbeddedPostgresError(
    'start_failed',
    `The embedded PostgreSQL did not start: ${reason}. It said:\n${lastLines(output)}`,
  );

/** Runs one of the programs to its end. @returns its exit code and output */
const run = async (
  launch: Launch,
  program: string,
  args: readonly string[],
): Promise<{ code: number | null; output: string }> => {
  const child = spawn(program, args, { ...spawnOptions(launch.locations), stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, output };
};

/**
 * Makes the cluster, complete or not at all: scram passwords, UTF-8, and the C locale so that order depends on no
 * system library.
 */
const initialize = async (launch: Launch): Promise<void> => {
  const { data, passwordFile, user } = launch.locations;
  if (existsSync(data)) return;
  const incomplete = `${data}.incomplete`;
  rmSync(incomplete, { recursive: true, force: true });
  rmSync(passwordFile, { force: true });
  writeFileSync(passwordFile, randomBytes(24).toString('base64url'), { mode: 0o600 });
  if (user) chownSync(passwordFile, user.uid, user.gid);
  const settings = [
    '--username=postgres',
    '--auth=scram-sha-256',
    '--encoding=UTF8',
    '--locale-provider=libc',
    '--locale=C',
  ];
  const sync = launch.options.durable === false ? ['--no-sync'] : [];
  const args = ['-D', incomplete, `--pwfile=${passwordFile}`, ...settings, ...sync];
  const { code, output } = await run(launch, launch.binaries.initdb, args);
  if (code !== 0) throw startFailed(`initdb ended with exit code ${code}`, output);
  renameSync(incomplete, data);
};

const isPortFree = async (port: number): Promise<boolean> => {
  const probe = createServer();
  try {
    probe.listen(port, HOST);
    await once(probe, 'listening');
    return true;
  } catch {
    return false;
  } finally {
    probe.close();
  }
};

const freePort = async (): Promise<number> => {
  const probe = createServer();
  probe.listen(0, HOST);
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  return port;
};

const urlOf = ({ passwordFile }: Locations, port: number): string =>
  `postgresql://postgres:${encodeURIComponent(readFileSync(passwordFile, 'utf8').trim())}@${HOST}:${port}/postgres`;

/** Whether the server on this port answers, takes our password, and is the one of this data directory. */
const answers = async ({ locations }: Launch, port: number): Promise<boolean> => {
  const pool = createPool(urlOf(locations, port), { applicationName: 'ligature launcher', max: 1 });
  try {
    const { rows } = await pool.query<{ data_directory: string }>('SHOW data_directory');
    return realpathSync(rows[0]?.data_directory ?? '') === realpathSync(locations.data);
  } catch {
    return false;
  } finally {
    await pool.end();
  }
};

const shutDown = async (launch: Launch, mode = 'fast'): Promise<void> => {
  const { data } = launch.locations;
  const running = findPostmaster(data);
  if (!running) return;
  const { output } = await run(launch, launch.binaries.pgCtl, ['stop', '-D', data, '-m', mode, '-w', '-t', '60']);
  if (isRunning(data, running.pid))
    throw new Error(`PostgreSQL (pid ${running.pid}) did not stop: ${lastLines(output)}`);
};

const hasEnded = async (data: string, pid: number): Promise<void> => {
  while (isRunning(data, pid)) await delay(500, undefined, { ref: false });
};

/** A live server that a killed parent left behind; one that listens on another port than asked for is stopped. */
const adopt = async (launch: Launch): Promise<EmbeddedPostgres | undefined> => {
  const { locations, options } = launch;
  const left = findPostmaster(locations.data);
  if (!left) return undefined;
  const deadline = Date.now() + START_TIMEOUT_MS;
  while (isRunning(locations.data, left.pid) && Date.now() < deadline) {
    const { port } = findPostmaster(locations.data) ?? left;
    if (options.port !== 0 && port !== options.port) return void (await shutDown(launch));
    if (await answers(launch, port)) {
      options.logger.info({ pid: left.pid, port }, 'PostgreSQL still runs; using it');
      const stop: EmbeddedPostgres['stop'] = (mode) => shutDown(launch, mode);
      const ended = hasEnded(locations.data, left.pid);
      return { adminUrl: urlOf(locations, port), port, ended, lastLogLines: () => lastLines(readLog(locations)), stop };
    }
    await delay(100);
  }
  return undefined;
};

const serverArguments = ({ locations, options }: Launch, port: number): string[] => {
  const settings = {
    max_connections: '200',
    log_timezone: 'UTC',
    timezone: 'UTC',
    logging_collector: 'off',
    // Of a disk without moving parts, and of what is in memory; with the default of 4 a few hundred rows of a table are
    // found by scanning all of it.
    random_page_cost: '1.1',
  };
  const careless = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' };
  const all = Object.entries({ ...settings, ...(options.durable === false ? careless : {}) });
  return [
    '-D',
    locations.data,
    '-h',
    HOST,
    '-p',
    String(port),
    '-k',
    '',
    ...all.flatMap(([name, value]) => ['-c', `${name}=${value}`]),
  ];
};

const spawnServer = (launch: Launch, port: number): ChildProcess => {
  const { logFile } = launch.locations;
  if (existsSync(logFile)) renameSync(logFile, `${logFile}.before`);
  // A file, not a pipe: the server must be able to go on writing when we are killed.
  const log = openSync(logFile, 'a', 0o600);
  const { postgres } = launch.binaries;
  const child = spawn(postgres, serverArguments(launch, port), {
    ...spawnOptions(launch.locations),
    stdio: ['ignore', log, log],
  });
  closeSync(log);
  child.unref();
  return child;
};

type Attempt = { readonly server: EmbeddedPostgres } | { readonly failure: string };

const attempt = async (launch: Launch, port: number): Promise<Attempt> => {
  const { locations } = launch;
  const child = spawnServer(launch, port);
  let failure: string | undefined;
  const ended = new Promise<void>((resolve) => {
    child.once('error', (error) => resolve(void (failure = error.message)));
    child.once('exit', (code, signal) => resolve(void (failure ??= `it ended with ${signal ?? `exit code ${code}`}`)));
  });
  const deadline = Date.now() + START_TIMEOUT_MS;
  while (failure === undefined && Date.now() < deadline) {
    if (existsSync(`${locations.data}/postmaster.pid`) && (await answers(launch, port))) {
      const stop: EmbeddedPostgres['stop'] = (mode) => shutDown(launch, mode).then(() => ended);
      return {
        server: {
          adminUrl: urlOf(locations, port),
          port,
          ended,
          lastLogLines: () => lastLines(readLog(locations)),
          stop,
        },
      };
    }
    await Promise.race([ended, delay(25)]);
  }
  if (failure === undefined) child.kill('SIGKILL');
  return { failure: failure ?? `it did not accept connections within ${START_TIMEOUT_MS / 1000} s` };
};

/**
 * Backends of a killed postmaster need a moment to notice; until then PostgreSQL refuses to start a new one beside
 * them.
 */
const isStillGoingDown = (log: string): boolean => log.includes('pre-existing shared memory block');
const lostThePort = (log: string): boolean => log.includes('Address already in use');

const prepare = (options: EmbeddedPostgresOptions): Launch => {
  const locations = prepareLocations(options.dataDirectory);
  return { locations, binaries: locateBinaries(locations.user, SHARED_DIRECTORY), options };
};

/** Stops the server of a directory, if one runs, whoever started it. */
export const stopEmbeddedPostgres = (options: EmbeddedPostgresOptions): Promise<void> => shutDown(prepare(options));

/**
 * Starts PostgreSQL from the binaries that npm brought, on loopback only, and waits until it accepts connections. The
 * first start makes the cluster; a server that outlived its killed parent is used again.
 * @throws EmbeddedPostgresError with a sentence for the person at the terminal
 */
export const startEmbeddedPostgres = async (options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> => {
  const launch = prepare(options);
  const { locations } = launch;
  await initialize(launch);
  const adopted = await adopt(launch);
  if (adopted) return adopted;
  const deadline = Date.now() + START_TIMEOUT_MS;
  for (;;) {
    if (options.port !== 0 && !(await isPortFree(options.port)))
      throw new EmbeddedPostgresError(
        'port_taken',
        `Port ${options.port} of ${HOST}, where PostgreSQL should listen, is taken by another program.`,
      );
    const result = await attempt(launch, options.port === 0 ? await freePort() : options.port);
    if ('server' in result) {
      options.logger.info({ port: result.server.port, data: locations.data }, 'PostgreSQL accepts connections');
      return result.server;
    }
    const log = readLog(locations);
    const retry = isStillGoingDown(log) || (options.port === 0 && lostThePort(log));
    if (!retry || Date.now() > deadline) throw startFailed(result.failure, log);
    await delay(200);
  }
};
