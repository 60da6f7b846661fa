import { describe, expect, it } from '@jest/globals';
import { unobserved } from '#libs/event-store/store-metrics.js';
import { silentLogger } from '#libs/platform/logger.js';
import { startTestInstallation } from '#test-support/installation.js';
import { readIdentityConfiguration } from './configuration.js';
import { connectDependencies } from './dependencies.js';

describe('cleaning up', () => {
  it('goes on with the next table where one cannot be cleaned, and says so', async () => {
    const installation = await startTestInstallation();
    const { pool, eventStore, masterKey, indexSecret } = installation;
    const dependencies = await connectDependencies(
      readIdentityConfiguration({
        EVENTSTORE_URL: eventStore.url,
        LIGATURE_MASTER_KEY: masterKey.toString('base64'),
        DATABASE_URL: eventStore.database.urls.ligature_identity,
        LIGATURE_ISSUER: 'http://localhost:1',
        LIGATURE_ENV: 'development',
        LIGATURE_INDEX_SECRET: indexSecret.toString('base64'),
        LIGATURE_COOKIE_SECRET: Buffer.alloc(32, 7).toString('base64'),
      }),
      silentLogger,
      unobserved,
      undefined,
    );
    try {
      await pool.query('ALTER TABLE provider.flows RENAME TO flows_away');
      await pool.query(
        `INSERT INTO provider.attempt_windows (key, since, count, throttled_before) VALUES ('k', now() - interval '1 year', 1, false)`,
      );
      await expect(dependencies.removeExpired()).rejects.toThrow('flows');
      expect((await pool.query('SELECT FROM provider.attempt_windows')).rowCount).toBe(0);
    } finally {
      await dependencies.close();
      await installation.stop();
    }
  }, 60_000);
});
