import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { createTestDatabase } from '#test-support/database.js';
import type { TestDatabase } from '#test-support/database.js';
import { withRequestAddress } from '../request-address.js';
import { createPool } from './pool.js';
import type { Pool } from './pool.js';
import { RowBound } from './row-bound.js';

describe('D2: rows that strangers make', () => {
  let database: TestDatabase;
  let pool: Pool;
  let bound: RowBound;
  beforeAll(async () => {
    database = await createTestDatabase();
    pool = createPool(database.adminUrl, { applicationName: 'test' });
    await pool.query('CREATE TABLE flows (id integer, address text, expires_at timestamptz NOT NULL)');
  });
  beforeEach(async () => {
    await pool.query('TRUNCATE flows');
    bound = new RowBound(pool, 'flows', { perAddress: 8, total: 40 });
  });
  afterAll(async () => {
    await pool.end();
    await database.drop();
  });

  const make = (address: string, id: number): Promise<void> =>
    withRequestAddress(address, async () => {
      await pool.query(`INSERT INTO flows VALUES ($1::int, $2, now() + make_interval(secs => $1::int))`, [id, address]);
      await bound.added();
    });
  const idsOf = async (address: string): Promise<readonly number[]> =>
    (await pool.query<{ id: number }>('SELECT id FROM flows WHERE address = $1 ORDER BY id', [address])).rows.map(
      ({ id }) => id,
    );

  it('are bounded for each network, the oldest go first, and others keep theirs', async () => {
    await make('192.0.2.1', 0);
    for (let id = 1; id <= 30; id += 1) await make('2001:db8::/64', id);
    const left = await idsOf('2001:db8::/64');
    expect(left.length).toBeLessThanOrEqual(8 + 2);
    expect(left.at(-1)).toBe(30);
    expect(left[0]).toBeGreaterThan(20);
    expect(await idsOf('192.0.2.1')).toEqual([0]);
  });

  it('are bounded in total, however many networks make them', async () => {
    for (let id = 1; id <= 120; id += 1) await make(`192.0.2.${id}`, id);
    const { rows } = await pool.query<{ count: number; oldest: number }>(
      'SELECT count(*)::int AS count, min(id) AS oldest FROM flows',
    );
    expect(rows[0]?.count).toBeLessThanOrEqual(40 + 10);
    expect(rows[0]?.oldest).toBeGreaterThan(60);
  });
});
