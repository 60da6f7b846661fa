import type { Pool } from '#libs/platform/postgres/pool.js';

/** The tables that hold a text, in every schema, whatever the columns' types; also as hex or base64. */
export const tablesWith = async (pool: Pool, text: string): Promise<string[]> => {
  const { rows } = await pool.query<{ name: string }>(
    `SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')`,
  );
  const found: string[] = [];
  const needles = [text, Buffer.from(text).toString('hex'), Buffer.from(text).toString('base64').slice(0, -4)];
  for (const { name } of rows) {
    const { rowCount } = await pool.query(`SELECT 1 FROM ${name} AS t WHERE t::text ILIKE ANY($1) LIMIT 1`, [
      needles.map((needle) => `%${needle}%`),
    ]);
    if (rowCount) found.push(name);
  }
  return found;
};
