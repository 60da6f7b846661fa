import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { appendUnconditionally } from '#libs/event-store/command-execution.js';
import type { StreamName } from '#libs/event-store/stream-name.js';
import { providerMigrations } from '#libs/installation/provider-migrations.js';
import { systemClock } from '#libs/platform/clock.js';
import { newUuid } from '#libs/platform/ids.js';
import { silentLogger } from '#libs/platform/logger.js';
import { migrate } from '#libs/platform/postgres/migrations.js';
import { startTestInstallation, testContext } from '#test-support/installation.js';
import type { TestInstallation } from '#test-support/installation.js';
import { until } from '#test-support/until.js';
import { loadCheckpoint } from './checkpoints.postgres.js';
import { ProviderNotices } from './provider-notices.js';

describe('a notice to everybody who signs in through a provider', () => {
  let installation: TestInstallation;
  beforeAll(async () => {
    installation = await startTestInstallation();
    await migrate(installation.pool, 'provider', providerMigrations);
  }, 60_000);
  afterAll(() => installation.stop());

  it('is interrupted by a stop, however many they are, and gone on with later', async () => {
    const { pool, store } = installation;
    await appendUnconditionally(store, {
      stream: 'identityProvider-acme' as StreamName,
      events: [{ type: 'IdentityProviderDeactivated', data: {} }],
      context: testContext(),
      subject: 'installation',
    });
    let asked = 0;
    let isOver = false;
    const notices = new ProviderNotices({
      core: installation,
      pool,
      clock: systemClock,
      logger: silentLogger,
      linkedUsers: async function* () {
        while (!isOver) {
          asked += 1;
          yield await Promise.resolve([newUuid()]);
        }
      },
    });
    const stopping = new AbortController();
    let ended = false;
    const running = notices.run(stopping.signal).then(() => {
      ended = true;
    });
    await until(() => Promise.resolve(asked > 3 || undefined));
    stopping.abort();
    try {
      await until(() => Promise.resolve(ended || undefined), 3_000);
      expect(await loadCheckpoint(pool, 'provider-notices')).toBeNull();
    } finally {
      isOver = true;
      await running;
    }
  });

  it('is remembered without looking through all that are', async () => {
    const { pool } = installation;
    await pool.query(
      `INSERT INTO provider.notices (id, user_id, stream, revision, receiver, noted_at)
       SELECT gen_random_uuid(), gen_random_uuid(), 'identityProvider-acme', 0, 'after', now() FROM generate_series(1, 10000)`,
    );
    await pool.query('ANALYZE provider.notices');
    const { rows } = await pool.query<{ 'QUERY PLAN': string }>(
      `EXPLAIN DELETE FROM provider.notices WHERE noted_at < now() - interval '2 days'`,
    );
    expect(rows.map((row) => row['QUERY PLAN']).join('\n')).toContain('Index Scan');
  });
});
