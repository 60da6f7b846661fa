import { classify } from '#libs/event-store/store-errors.js';
import { checkCheckpoint, NotTheStoreWeKnewError } from '#libs/event-store/store-identity.js';
import type { StoreConnection } from '#libs/event-store/store-connection.js';
import type { Logger } from '#libs/platform/logger.js';
import type { Pool } from '#libs/platform/postgres/pool.js';
import { allGenerations } from './generations.postgres.js';
import { nextReplay } from './replays.postgres.js';

const RELATION_MISSING = '42P01';

/**
 * The start-up check: the store must hold the event that each live generation has processed last, except where a replay
 * has been asked for. Nothing is written. A store that cannot answer now is checked later: the resume protocol checks
 * before every subscription.
 * @throws {NotTheStoreWeKnewError}
 */
export const checkStoreIdentity = async (pool: Pool, connection: StoreConnection, logger: Logger): Promise<void> => {
  const generations = await allGenerations(pool).catch((error: Error & { code?: string }) => {
    // No projector has run on this database yet.
    if (error.code === RELATION_MISSING) return [];
    throw error;
  });
  for (const { projection, state, checkpoint } of generations) {
    if (state !== 'live' || !checkpoint || (await nextReplay(pool, projection))) continue;
    try {
      await checkCheckpoint(connection, projection, checkpoint);
    } catch (error) {
      const kind = classify(error);
      if (error instanceof NotTheStoreWeKnewError || (kind !== 'away' && kind !== 'unknown_outcome')) throw error;
      logger.warn(
        { projection, reason: (error as Error).message },
        'the event store cannot be compared with the read models yet',
      );
      return;
    }
  }
};
