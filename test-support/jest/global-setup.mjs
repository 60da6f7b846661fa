// One throw-away PostgreSQL server per Jest run, on a free port. Tests take a database of their own from it
// (`test-support/database.ts`).
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const PREFIX = 'ligature-test-postgres-';

const isAlive = (pid) => {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
};

/** Servers of runs that were killed before their tear-down. */
const discardOrphans = async (stop) => {
  for (const name of readdirSync(tmpdir()).filter((entry) => entry.startsWith(PREFIX))) {
    const dataDirectory = join(tmpdir(), name);
    try {
      if (isAlive(Number(readFileSync(join(dataDirectory, 'owner'), 'utf8')))) continue;
      await stop(dataDirectory);
      rmSync(dataDirectory, { recursive: true, force: true });
    } catch {
      // Another user's, or another run is at it: not ours to tidy.
    }
  }
};

export default async function globalSetup() {
  const dist = new URL('../../dist/libs/', import.meta.url);
  if (!existsSync(new URL('embedded-postgres/embedded-postgres.js', dist)))
    throw new Error('Nothing is built yet. Run the tests with "npm test", or "npm run build" first.');
  const { startEmbeddedPostgres, stopEmbeddedPostgres } = await import(
    new URL('embedded-postgres/embedded-postgres.js', dist).href
  );
  const { silentLogger } = await import(new URL('platform/logger.js', dist).href);
  await discardOrphans((dataDirectory) => stopEmbeddedPostgres({ dataDirectory, port: 0, logger: silentLogger }));
  const dataDirectory = mkdtempSync(join(tmpdir(), PREFIX));
  chmodSync(dataDirectory, 0o711);
  writeFileSync(join(dataDirectory, 'owner'), String(process.pid));
  const server = await startEmbeddedPostgres({ dataDirectory, port: 0, logger: silentLogger, durable: false });
  process.env.LIGATURE_TEST_POSTGRES_URL = server.adminUrl;
  globalThis.ligatureTestPostgres = { server, dataDirectory };
}
