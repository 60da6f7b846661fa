import { inTransaction } from './pool.js';
import type { Pool } from './pool.js';

/** One step of a schema's history. Steps are only ever added, never changed. */
export interface Migration {
  readonly name: string;
  readonly sql: string;
}

/**
 * Brings a schema up to date: runs the migrations it has not had, in order, in one transaction, under a lock, so that
 * several instances may start at once. The schema itself exists already and belongs to the pool's role
 * (`provision.ts`).
 */
export const migrate = (pool: Pool, schema: string, migrations: readonly Migration[]): Promise<void> =>
  inTransaction(pool, async (connection) => {
    await connection.query(`SELECT pg_advisory_xact_lock(hashtext('ligature migrations ' || $1))`, [schema]);
    await connection.query(
      `CREATE TABLE IF NOT EXISTS ${schema}.migrations (name text PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())`,
    );
    const { rows } = await connection.query<{ name: string }>(`SELECT name FROM ${schema}.migrations`);
    const applied = new Set(rows.map((row) => row.name));
    for (const { name, sql } of migrations) {
      if (applied.has(name)) continue;
      await connection.query(sql);
      await connection.query(`INSERT INTO ${schema}.migrations (name) VALUES ($1)`, [name]);
    }
  });
