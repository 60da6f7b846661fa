import type { Queryable } from '#libs/platform/postgres/pool.js';
import { generationSchema } from './generations.postgres.js';
import type { Generation } from './generations.postgres.js';
import type { Projection } from './projection.js';

/** A row that is not what the events say. Columns are named, values are not: they may be personal. */
export interface RowDifference {
  readonly table: string;
  /** Values of the primary key. */
  readonly key: Readonly<Record<string, unknown>>;
  readonly kind: 'missing' | 'not_from_events' | 'changed';
  /** Columns that differ, of a changed row. */
  readonly columns: readonly string[];
}

const MOST_LISTED = 1_000;

interface Row {
  readonly key: Record<string, unknown>;
  readonly live: Record<string, unknown> | null;
  readonly folded: Record<string, unknown> | null;
}

const primaryKeyOf = async (db: Queryable, table: string): Promise<readonly string[]> => {
  const { rows } = await db.query<{ column: string }>(
    `SELECT a.attname AS column FROM pg_index AS i JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = ANY(i.indkey)
     WHERE i.indrelid = $1::regclass AND i.indisprimary ORDER BY array_position(i.indkey, a.attnum)`,
    [table],
  );
  return rows.map(({ column }) => column);
};

/**
 * Compares the live rows with freshly folded ones. Rows of people whose key is destroyed are passed over: until
 * `UserErased` has been applied, the two may differ in what could still be read.
 */
export const rowDifferences = async (
  db: Queryable,
  projection: Projection,
  live: Generation,
  folded: Generation,
): Promise<readonly RowDifference[]> => {
  const differences: RowDifference[] = [];
  for (const { name: table, personal } of projection.tables) {
    const key = await primaryKeyOf(db, `${generationSchema(folded)}.${table}`);
    const keyObject = `jsonb_build_object(${key.map((column) => `'${column}', ${column}`).join(', ')})`;
    const of = (generation: Generation): string =>
      `SELECT ${keyObject} AS key, to_jsonb(t) AS row FROM ${generationSchema(generation)}.${table} AS t` +
      (personal
        ? ` WHERE NOT EXISTS (SELECT FROM keys.subject_keys AS k WHERE k.subject = t.${personal.subject}::text AND k.destroyed_at IS NOT NULL)`
        : '');
    const { rows } = await db.query<Row>(
      `SELECT coalesce(l.key, f.key) AS key, l.row AS live, f.row AS folded FROM (${of(live)}) AS l FULL JOIN (${of(folded)}) AS f ON l.key = f.key
       WHERE l.row IS DISTINCT FROM f.row ORDER BY 1 LIMIT ${MOST_LISTED}`,
    );
    for (const row of rows) differences.push({ table, key: row.key, ...whatDiffers(row) });
  }
  return differences;
};

const whatDiffers = ({ live, folded }: Row): Pick<RowDifference, 'kind' | 'columns'> => {
  if (!live) return { kind: 'missing', columns: [] };
  if (!folded) return { kind: 'not_from_events', columns: [] };
  return {
    kind: 'changed',
    columns: Object.keys(folded).filter((column) => JSON.stringify(live[column]) !== JSON.stringify(folded[column])),
  };
};
