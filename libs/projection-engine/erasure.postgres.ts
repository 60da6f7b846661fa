import type { StoredEvent } from '#libs/event-store/codec.js';
import type { Queryable } from '#libs/platform/postgres/pool.js';
import { destroyedAmong } from '#libs/privacy/subject-keys.postgres.js';
import { generationSchema, lockGenerations } from './generations.postgres.js';
import type { Generation } from './generations.postgres.js';
import type { SubjectRules } from './subject-rules.js';

/** Empties the personal columns of these people's rows in one generation. */
const purge = async (db: Queryable, generation: Generation, subjects: readonly string[]): Promise<void> => {
  for (const { name, personal } of generation.tables) {
    if (!personal) continue;
    const emptied = personal.columns.map((column) => `${column} = NULL`).join(', ');
    await db.query(
      `UPDATE ${generationSchema(generation)}.${name} SET ${emptied} WHERE ${personal.subject} = ANY($1)`,
      [subjects],
    );
  }
};

/**
 * The last step of a batch's transaction, after the checkpoint was moved: what it erases is gone from every generation
 * of the projection (invariant 10), whatever version and state they are of.
 *
 * Only the live generation purges the others. One that is being built may hold a batch, decoded before the key was
 * destroyed, that is stored after that purge: it looks at the tombstones itself. Either the purge waits for that batch
 * (for the row that says where the generation stands), or that batch waits for the purge, and then sees the tombstone.
 * So does an event of a parked stream, which is applied after later ones, an erasure perhaps among them.
 */
export const carryOutErasures = async (
  db: Queryable,
  rules: SubjectRules,
  generation: Generation,
  batch: readonly StoredEvent[],
  /** Whose personal values the handlers were given. */
  subjects: () => readonly string[],
  /** Whether these events may be applied after the erasure of whom they are about. */
  { isLate = generation.state !== 'live' }: { readonly isLate?: boolean } = {},
): Promise<void> => {
  const erased = batch.map((event) => rules.erasedBy(event)).filter((subject) => subject !== undefined);
  if (generation.state === 'live' && erased.length > 0)
    for (const each of await lockGenerations(db, generation.projection)) await purge(db, each, erased);
  if (!isLate || !generation.tables.some(({ personal }) => personal)) return;
  const gone = [...erased, ...(await destroyedAmong(db, subjects()))];
  if (gone.length > 0) await purge(db, generation, gone);
};

/**
 * Empties the personal columns of everybody whose key is destroyed: of a generation that was left behind, so that its
 * own events never told it.
 */
export const purgeDestroyed = async (db: Queryable, generation: Generation): Promise<void> => {
  for (const { name, personal } of generation.tables) {
    if (!personal) continue;
    const emptied = personal.columns.map((column) => `${column} = NULL`).join(', ');
    await db.query(
      `UPDATE ${generationSchema(generation)}.${name} AS t SET ${emptied} FROM keys.subject_keys AS k
       WHERE k.subject = t.${personal.subject}::text AND k.destroyed_at IS NOT NULL`,
    );
  }
};
