import type { Queryable } from '#libs/platform/postgres/pool.js';
import { allGenerations } from './generations.postgres.js';
import type { Generation } from './generations.postgres.js';
import { storedLags } from './lag.js';
import type { Lag } from './lag.js';
import { parkedStreams } from './parked.postgres.js';
import type { ParkedStream } from './parked.postgres.js';
import { openReplays } from './replays.postgres.js';
import type { Replay } from './replays.postgres.js';

/** Everything an operator asks of one read model. */
export interface ProjectionOverview {
  readonly name: string;
  readonly generations: readonly Generation[];
  /** As measured last by any projector; none has run yet: nothing. */
  readonly lag: Lag | undefined;
  readonly parked: readonly ParkedStream[];
  /** The replay, rollback or verification that is not finished. */
  readonly replay: Replay | undefined;
}

/** The read models that this database has, by name. */
export const projectionsOverview = async (db: Queryable): Promise<readonly ProjectionOverview[]> => {
  const generations = await allGenerations(db);
  const [lags, parked, replays] = [await storedLags(db), await parkedStreams(db), await openReplays(db)];
  return [...new Set(generations.map(({ projection }) => projection))].map((name) => ({
    name,
    generations: generations.filter(({ projection }) => projection === name),
    lag: lags.find(({ projection }) => projection === name),
    parked: parked.filter(({ projection }) => projection === name),
    replay: replays.find(({ projection }) => projection === name),
  }));
};
