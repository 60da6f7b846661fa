import { randomBytes } from 'node:crypto';
import type { RecordedEvent } from '#libs/event-store/recorded-event.js';
import type { Pool } from '#libs/platform/postgres/pool.js';
import { createGeneration, generationSchema } from '#libs/projection-engine/generations.postgres.js';
import type { Projection } from '#libs/projection-engine/projection.js';

/** The rows of a projection's first table after these batches, in a generation of their own that is gone afterwards. */
export const rowsAfterBatches = async (
  pool: Pool,
  projection: Projection,
  batches: readonly (readonly RecordedEvent[])[],
): Promise<Record<string, unknown>[]> => {
  const own = { ...projection, name: `${projection.name}-${randomBytes(4).toString('hex')}` };
  const schema = generationSchema(await createGeneration(pool, own, 'building'));
  for (const batch of batches) await projection.handle(batch, pool, schema);
  const { rows } = await pool.query<Record<string, unknown>>(
    `SELECT * FROM ${schema}.${projection.tables[0]?.name} ORDER BY 1, 2`,
  );
  await pool.query(`DROP SCHEMA ${schema} CASCADE`);
  return rows;
};
