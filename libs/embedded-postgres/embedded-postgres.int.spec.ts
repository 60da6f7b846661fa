import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '#libs/platform/logger.js';
import { createPool } from '#libs/platform/postgres/pool.js';
import { startEmbeddedPostgres } from './embedded-postgres.js';
import type { EmbeddedPostgres } from './embedded-postgres.js';

const query = async (url: string, sql: string): Promise<Record<string, unknown>[]> => {
  const pool = createPool(url, { applicationName: 'test', max: 1 });
  try {
    return (await pool.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await pool.end();
  }
};

describe('startEmbeddedPostgres', () => {
  let dataDirectory: string;
  let servers: EmbeddedPostgres[];
  const start = async (port = 0): Promise<EmbeddedPostgres> => {
    const server = await startEmbeddedPostgres({ dataDirectory, port, logger: silentLogger });
    servers.push(server);
    return server;
  };
  const postmasterPid = (): number =>
    Number(readFileSync(join(dataDirectory, 'server/data/postmaster.pid'), 'utf8').split('\n')[0]);

  beforeEach(() => {
    dataDirectory = mkdtempSync(join(tmpdir(), 'ligature-embedded-postgres-'));
    servers = [];
  });
  afterEach(async () => {
    for (const server of servers) await server.stop();
    rmSync(dataDirectory, { recursive: true, force: true });
  });

  it('is durable, UTF-8, in the C locale, on loopback only, and asks for the password', async () => {
    const { adminUrl, port } = await start();
    const [settings] = await query(
      adminUrl,
      `SELECT current_setting('fsync') AS fsync, current_setting('server_encoding') AS encoding, current_setting('listen_addresses') AS addresses,
              current_setting('unix_socket_directories') AS sockets, (SELECT datcollate FROM pg_database WHERE datname = 'postgres') AS locale`,
    );
    expect(settings).toEqual({ fsync: 'on', encoding: 'UTF8', addresses: '127.0.0.1', sockets: '', locale: 'C' });
    await expect(query(`postgresql://postgres:wrong@127.0.0.1:${port}/postgres`, 'SELECT 1')).rejects.toThrow(
      'password authentication failed',
    );
    expect(statSync(join(dataDirectory, 'server/password')).mode & 0o777).toBe(0o600);
  });

  it('keeps data and password over a stop and a start', async () => {
    const first = await start();
    await query(first.adminUrl, 'CREATE TABLE kept AS SELECT 42 AS answer');
    await first.stop();
    await first.ended;
    const second = await start(first.port);
    expect(second.adminUrl).toBe(first.adminUrl);
    expect(await query(second.adminUrl, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }]);
  });

  it('uses a live server again that its killed parent left behind', async () => {
    const first = await start();
    const pid = postmasterPid();
    const again = await start(first.port);
    expect(postmasterPid()).toBe(pid);
    expect(again.port).toBe(first.port);
    await again.stop();
    await again.ended;
    expect(existsSync(join(dataDirectory, 'server/data/postmaster.pid'))).toBe(false);
  });

  it('starts after the server itself was killed, with what was committed', async () => {
    const first = await start();
    await query(first.adminUrl, 'CREATE TABLE kept AS SELECT 42 AS answer');
    process.kill(postmasterPid(), 'SIGKILL');
    await first.ended;
    const second = await start();
    expect(await query(second.adminUrl, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }]);
  });

  it('is not held up by a lock file whose pid is another program by now', async () => {
    const first = await start();
    const lock = join(dataDirectory, 'server/data/postmaster.pid');
    const content = readFileSync(lock, 'utf8');
    await first.stop();
    const other = spawn(process.execPath, ['-e', 'setInterval(() => undefined, 1000)']);
    try {
      writeFileSync(lock, content.replace(/^\d+/, String(other.pid)));
      const second = await start();
      expect(await query(second.adminUrl, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    } finally {
      other.kill();
      await once(other, 'exit');
    }
  });

  it('works under a private directory, whoever starts it, and keeps the data there', async () => {
    const parent = dataDirectory;
    chmodSync(parent, 0o700);
    dataDirectory = join(parent, 'data');
    try {
      const first = await start();
      await query(first.adminUrl, 'CREATE TABLE kept AS SELECT 42 AS answer');
      await first.stop();
      const second = await start();
      expect(await query(second.adminUrl, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }]);
      await second.stop();
    } finally {
      // Started by root, it lives elsewhere, where its own user can reach it.
      const marker = join(dataDirectory, 'elsewhere');
      if (existsSync(marker)) rmSync(readFileSync(marker, 'utf8').trim(), { recursive: true });
      dataDirectory = parent;
      servers = [];
    }
  });

  it('says which port is taken', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    try {
      await expect(start(port)).rejects.toMatchObject({
        code: 'port_taken',
        message: expect.stringContaining(`Port ${port}`),
      });
    } finally {
      other.close();
    }
  });

  it('shows the last lines of the log when the server does not start', async () => {
    const first = await start();
    await first.stop();
    writeFileSync(join(dataDirectory, 'server/data/postgresql.conf'), 'no_such_setting = 1\n');
    await expect(start()).rejects.toMatchObject({
      code: 'start_failed',
      message: expect.stringMatching(/did not start[\s\S]*unrecognized configuration parameter "no_such_setting"/),
    });
  });
});
