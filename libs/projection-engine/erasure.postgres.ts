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
 */
export const carryOutErasures = async (
  db: Queryable,
  rules: SubjectRules,
  generation: Generation,
  batch: readonly StoredEvent[],
  /** Whose personal values the handlers were given. */
  subjects: () => readonly string[],
): Promise<void> => {
  const erased = batch.map((event) => rules.erasedBy(event)).filter((subject) => subject !== undefined);
  if (generation.state === 'live') {
    if (erased.length === 0) return;
    for (const each of await lockGenerations(db, generation.projection)) await purge(db, each, erased);
  } else if (generation.tables.some(({ personal }) => personal)) {
    const gone = [...erased, ...(await destroyedAmong(db, subjects()))];
    if (gone.length > 0) await purge(db, generation, gone);
  }
};
