import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { migrate } from '#libs/platform/postgres/migrations.js';
import { createPool } from '#libs/platform/postgres/pool.js';
import type { Pool } from '#libs/platform/postgres/pool.js';
import { createIndexKeys } from '#libs/privacy/index-key.js';
import { createTestDatabase } from '#test-support/database.js';
import type { TestDatabase } from '#test-support/database.js';
import { LIMITS, postgresThrottles, throttleMigrations } from './throttles.js';

let database: TestDatabase;
let pools: Pool[];
const keys = createIndexKeys(randomBytes(32));
beforeAll(async () => {
  database = await createTestDatabase();
  pools = [1, 2].map((n) => createPool(database.urls.ligature_identity, { applicationName: `test ${n}` }));
  for (const pool of pools.slice(0, 1)) await migrate(pool, 'provider', throttleMigrations);
});
afterAll(async () => {
  for (const pool of pools) await pool.end();
  await database.drop();
});

describe('throttles', () => {
  const limit = 'sign_in_per_account';
  const { points } = LIMITS[limit];

  it('all instances count together, exactly, also fifty at once', async () => {
    const instances = pools.map((pool) => postgresThrottles(pool, keys));
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, i) => instances[i % 2]!.hit(limit, 'default', 'ann')),
    );
    expect(answers.filter(({ kind }) => kind === 'allowed')).toHaveLength(points);
    const [throttled] = answers.filter((answer) => answer.kind === 'throttled');
    expect(throttled?.retryAfterS).toBeGreaterThan(0);
    expect(throttled?.retryAfterS).toBeLessThanOrEqual(LIMITS[limit].perS);
  });

  it('L28: each limit, organization and key is counted by itself, and a reset forgets one', async () => {
    const [throttles] = pools.map((pool) => postgresThrottles(pool, keys));
    if (!throttles) throw new Error('no pool');
    const exhaust = async (organization: string, key: string): Promise<void> => {
      for (let i = 0; i < points; i += 1) await throttles.hit(limit, organization, key);
    };
    await exhaust('default', 'bea');
    expect((await throttles.hit(limit, 'default', 'bea')).kind).toBe('throttled');
    expect((await throttles.hit(limit, 'other', 'bea')).kind).toBe('allowed');
    expect((await throttles.hit(limit, 'default', 'cat')).kind).toBe('allowed');
    expect((await throttles.hit('sign_in_per_address', 'default', 'bea')).kind).toBe('allowed');
    await throttles.reset(limit, 'default', 'bea');
    expect((await throttles.hit(limit, 'default', 'bea')).kind).toBe('allowed');
  });

  it('nothing that is counted can be read from the table', async () => {
    const [pool] = pools;
    if (!pool) throw new Error('no pool');
    await postgresThrottles(pool, keys).hit('sign_in_per_address', 'default', '192.0.2.77');
    const { rows } = await pool.query<{ key: string }>('SELECT key FROM provider.throttles');
    expect(rows.length).toBeGreaterThan(0);
    expect(rows.filter(({ key }) => /192\.0\.2\.77|ann|bea/.test(key))).toEqual([]);
  });

  it('a database that does not answer throttles nobody silently: it is an error', async () => {
    const away = createPool('postgresql://nobody:x@127.0.0.1:1/none', { applicationName: 'test' });
    await expect(postgresThrottles(away, keys).hit(limit, 'default', 'ann')).rejects.toThrow();
    await away.end();
  });
});
