import { setTimeout as delay } from 'node:timers/promises';
import type { Pool } from '#libs/platform/postgres/pool.js';
import { allGenerations, liveGeneration } from './generations.postgres.js';
import type { Generation } from './generations.postgres.js';

/** The read model did not reach a position in time: answered as 503 with Retry-After, never as "not found". */
export class ReadModelBehindError extends Error {
  readonly code = 'read_model_behind';
  constructor(projection: string) {
    super(`The read model ${projection} has not caught up yet; try again in a moment`);
  }
}

const hasReached = ({ checkpoint, considered }: Generation, position: bigint): boolean =>
  (checkpoint?.position ?? -1n) >= position || considered >= position;

/** Whether rows of a generation may be personal; one of long ago does not say. */
const mayShowPeople = ({ tables }: Generation): boolean =>
  tables.length === 0 || tables.some(({ personal }) => personal !== undefined);

const RELATION_MISSING = '42P01';

/**
 * Which read models may still show a person whose `UserErased` has this position: those whose live generation has not
 * applied it. The transaction that does empties their columns in every generation (decision 0120), whether or not the
 * person's stream is parked. Waits for them. @param timeoutMs upper bound; 0: does not wait
 */
export const readModelsBehind = async (pool: Pool, position: bigint, timeoutMs = 2_000): Promise<readonly string[]> => {
  for (const deadline = Date.now() + timeoutMs; ;) {
    const generations = await allGenerations(pool).catch((error: unknown) => {
      // No projector has run on this database yet: nothing shows anybody.
      if ((error as { code?: string }).code === RELATION_MISSING) return [];
      throw error;
    });
    const showing = new Set(generations.filter(mayShowPeople).map(({ projection }) => projection));
    const reached = generations.filter((each) => each.state === 'live' && hasReached(each, position));
    const behind = [...showing].filter((name) => !reached.some(({ projection }) => projection === name));
    if (behind.length === 0 || Date.now() >= deadline) return behind;
    await delay(10);
  }
};

/**
 * Read your own writes: waits until the live generation of a projection has seen a commit position, of an event that it
 * reads or of any other. How far the log holds nothing for a read model whose streams are quiet is noted by the
 * projector's `LagMonitor`: where none runs, waiting for such a position ends in the error.
 * @param timeoutMs upper bound; @throws {ReadModelBehindError} past it
 */
export const waitForPosition = async (
  pool: Pool,
  projection: string,
  position: bigint,
  timeoutMs = 2_000,
): Promise<void> => {
  for (const deadline = Date.now() + timeoutMs; ;) {
    const live = await liveGeneration(pool, projection);
    if (live && hasReached(live, position)) return;
    if (Date.now() >= deadline) throw new ReadModelBehindError(projection);
    await delay(10);
  }
};
