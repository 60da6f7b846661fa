import { setTimeout as delay } from 'node:timers/promises';
import type { Pool } from '#libs/platform/postgres/pool.js';
import { liveGeneration } from './generations.postgres.js';

/** The read model did not reach a position in time: answered as 503 with Retry-After, never as "not found". */
export class ReadModelBehindError extends Error {
  readonly code = 'read_model_behind';
  constructor(projection: string) {
    super(`The read model ${projection} has not caught up yet; try again in a moment`);
  }
}

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
    if (live && ((live.checkpoint?.position ?? -1n) >= position || live.considered >= position)) return;
    if (Date.now() >= deadline) throw new ReadModelBehindError(projection);
    await delay(10);
  }
};
