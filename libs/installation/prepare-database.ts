import { migrate } from '#libs/platform/postgres/migrations.js';
import { createPool } from '#libs/platform/postgres/pool.js';
import { provisionDatabase } from '#libs/platform/postgres/provision.js';
import type { Provisioning, Role } from '#libs/platform/postgres/provision.js';
import { processManagerMigrations } from '#libs/process-managers/checkpoints.postgres.js';
import { subjectKeyMigrations } from '#libs/privacy/subject-keys.postgres.js';

/**
 * Makes a database ready for every process of ours to start in any order: roles, schemas and grants, and the tables of
 * keys and of process managers, which several processes use from their first moment on. All other tables are made by
 * the one process that owns them. Idempotent.
 * @returns the connection URL of each role
 */
export const prepareDatabase = async (provisioning: Provisioning): Promise<Readonly<Record<Role, string>>> => {
  const urls = await provisionDatabase(provisioning);
  const pool = createPool(urls.ligature_identity, { applicationName: 'ligature provisioning', max: 1 });
  try {
    await migrate(pool, 'keys', subjectKeyMigrations);
    await migrate(pool, 'provider', processManagerMigrations);
  } finally {
    await pool.end();
  }
  return urls;
};
