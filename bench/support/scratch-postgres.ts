import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { startEmbeddedPostgres } from '#libs/embedded-postgres/embedded-postgres.js';
import type { EmbeddedPostgres } from '#libs/embedded-postgres/embedded-postgres.js';
import { silentLogger } from '#libs/platform/logger.js';
import { ROLES, provisionDatabase } from '#libs/platform/postgres/provision.js';
import type { Role } from '#libs/platform/postgres/provision.js';

export interface ScratchPostgres {
  /** The superuser's connection URL. */
  readonly adminUrl: string;
  readonly port: number;
  /** Of the server process, whose children serve the connections. */
  pid(): Promise<number>;
  /** Makes a provisioned database; answers the connection URL of each role. */
  createDatabase(name: string): Promise<Readonly<Record<Role, string>>>;
  /** SIGKILL to the server; its data stays as a crash leaves it. */
  kill(): Promise<void>;
  /** Starts it again on the same port, after {@link kill}. */
  restart(): Promise<void>;
  /** Stops the server and removes its data. */
  discard(): Promise<void>;
}

const postmasterPid = async (adminUrl: string): Promise<number> => {
  const client = new pg.Client({ connectionString: adminUrl });
  await client.connect();
  const { rows } = await client.query<{ data_directory: string }>('SHOW data_directory');
  await client.end();
  return Number(readFileSync(join(rows[0]?.data_directory ?? '', 'postmaster.pid'), 'utf8').split('\n')[0]);
};

/** A durable PostgreSQL server (fsync on) with data of its own, for a measurement or a fault suite. */
export const startScratchPostgres = async (): Promise<ScratchPostgres> => {
  const dataDirectory = mkdtempSync(join(tmpdir(), 'ligature-bench-postgres-'));
  chmodSync(dataDirectory, 0o711);
  const start = (port: number): Promise<EmbeddedPostgres> =>
    startEmbeddedPostgres({ dataDirectory, port, logger: silentLogger });
  let server = await start(0);
  const { adminUrl, port } = server;
  return {
    adminUrl,
    port,
    pid: () => postmasterPid(adminUrl),
    createDatabase: (database) =>
      provisionDatabase({
        adminUrl,
        database,
        passwords: Object.fromEntries(ROLES.map((role) => [role, 'bench'])) as Record<Role, string>,
      }),
    kill: async () => {
      process.kill(await postmasterPid(adminUrl), 'SIGKILL');
      await server.ended;
    },
    restart: async () => {
      server = await start(port);
    },
    discard: async () => {
      await server.stop();
      rmSync(dataDirectory, { recursive: true, force: true });
    },
  };
};
