import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createTestDatabase } from '#test-support/database.js';
import type { TestDatabase } from '#test-support/database.js';
import { startTcpProxy } from '#test-support/tcp-proxy.js';
import type { TcpProxy } from '#test-support/tcp-proxy.js';
import { createPool, inTransaction } from './pool.js';
import { isDatabaseUnreachable } from './unreachable.js';

let database: TestDatabase;
let proxy: TcpProxy;
let url: string;
beforeAll(async () => {
  database = await createTestDatabase();
  const { hostname, port } = new URL(database.urls.ligature_identity);
  proxy = await startTcpProxy({ host: hostname, port: Number(port) });
  const through = new URL(database.urls.ligature_identity);
  through.host = `127.0.0.1:${proxy.port}`;
  url = through.href;
});
afterAll(async () => {
  await proxy.close();
  await database.drop();
});

describe('a pool', () => {
  it('a server that is gone without a word is waited for no longer than a statement may take, and its connection is not used again', async () => {
    const pool = createPool(url, { applicationName: 'test', max: 1, statementTimeoutMs: 100 });
    try {
      await pool.query('SELECT 1');
      proxy.hang();
      const failed = (query: Promise<unknown>): Promise<unknown> =>
        query.then(
          () => undefined,
          (error: unknown) => error,
        );
      expect(isDatabaseUnreachable(await failed(pool.query('SELECT 1')))).toBe(true);
      proxy.heal();
      const { rows } = await inTransaction(pool, (db) => db.query('SELECT 2 AS two'));
      expect(rows).toEqual([{ two: 2 }]);
      expect(pool.totalCount).toBe(1);
    } finally {
      proxy.heal();
      await pool.end();
    }
  });
});
