import { setTimeout as delay } from 'node:timers/promises';
import { eventsBetween } from '#libs/event-store/read-log.js';
import type { Connection } from '#libs/platform/postgres/pool.js';
import { inTransaction } from '#libs/platform/postgres/pool.js';
import { feedBuilding } from './feed.js';
import { GenerationWriter } from './generation-writer.js';
import { buildingGeneration, CheckpointLostError, lockLive } from './generations.postgres.js';
import type { Generation } from './generations.postgres.js';
import type { ProjectionDependencies } from './projection-dependencies.js';
import type { Projection } from './projection.js';

const AGAIN_MS = 25;
/**
 * Readers of a view and whoever feeds the live generation are waited for this long, and then left alone for a moment.
 */
const LOCK_TIMEOUT_MS = 300;
const LOCK_NOT_AVAILABLE = '55P03';

/** Where the two generations stand when they have met. */
export interface Meeting {
  /** A transaction that holds the live generation: its checkpoint does not move while this lasts. */
  readonly db: Connection;
  readonly live: Generation;
  readonly built: Generation;
}

/**
 * Brings the building generation to exactly where the live one stands, holds the live one there, and does something
 * that must be quick: whoever feeds the live one waits for it. The long way is gone before, without holding anything.
 * A live one of another version may stay behind: perhaps no process feeds it any more, and nothing is compared.
 * @returns what `work` returns; nothing when `signal` was aborted
 */
export const meet = async <T>(
  dependencies: ProjectionDependencies,
  projection: Projection,
  building: Generation,
  signal: AbortSignal,
  work: (meeting: Meeting) => Promise<T>,
): Promise<T | undefined> => {
  const { pool, connection } = dependencies;
  const reload = async (): Promise<Generation> => {
    const reloaded = await buildingGeneration(pool, projection.name);
    if (reloaded?.generation !== building.generation) throw new CheckpointLostError(building);
    return reloaded;
  };
  /** `far`: there is more between the two than can be done while the live one is held. `behind`: the live one is. */
  const attempt = (): Promise<{ readonly result: T } | 'far' | 'behind'> =>
    inTransaction(pool, async (db) => {
      await db.query(`SET LOCAL lock_timeout = ${LOCK_TIMEOUT_MS}`);
      const live = await lockLive(db, projection.name);
      if (!live) throw new CheckpointLostError(building);
      const writer = await GenerationWriter.open(dependencies, projection, await reload());
      const [ours, theirs] = [writer.checkpoint?.position ?? null, live.checkpoint?.position ?? -1n];
      if ((ours ?? -1n) > theirs && live.version === projection.version) return 'behind';
      if ((ours ?? -1n) < theirs) {
        const between = await eventsBetween(connection, ours, theirs, projection.streamPrefixes);
        if (!between) return 'far';
        await writer.write(between, theirs, signal);
      }
      return { result: await work({ db, live, built: await reload() }) };
    });
  while (!signal.aborted) {
    try {
      const met = await attempt();
      if (typeof met === 'object') return met.result;
      if (met === 'far') await feedBuilding(dependencies, [{ projection, generation: await reload() }], { signal });
    } catch (error) {
      if ((error as { code?: string }).code !== LOCK_NOT_AVAILABLE) throw error;
    }
    await delay(AGAIN_MS, undefined, { signal }).catch(() => undefined);
  }
  return undefined;
};
