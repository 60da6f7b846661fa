import type { Queryable } from '#libs/platform/postgres/pool.js';
import { allGenerations } from './generations.postgres.js';
import type { Generation } from './generations.postgres.js';
import { storedLags } from './lag.js';
import type { Lag } from './lag.js';
import { parkedCauses } from './parked.postgres.js';
import type { ParkedCause } from './parked.postgres.js';
import { openReplays } from './replays.postgres.js';
import type { Replay } from './replays.postgres.js';

/** Everything an operator asks of one read model. */
export interface ProjectionOverview {
  readonly name: string;
  readonly generations: readonly Generation[];
  /** As measured last by any projector; none has run yet: nothing. */
  readonly lag: Lag | undefined;
  /** In its live generation, by cause; the most frequent first. */
  readonly parked: readonly ParkedCause[];
  /** The replay, rollback or verification that is not finished. */
  readonly replay: Replay | undefined;
}

/** The read models that this database has, by name. */
export const projectionsOverview = async (db: Queryable): Promise<readonly ProjectionOverview[]> => {
  const generations = await allGenerations(db);
  const [lags, parked, replays] = [await storedLags(db), await parkedCauses(db), await openReplays(db)];
  return [...new Set(generations.map(({ projection }) => projection))].map((name) => ({
    name,
    generations: generations.filter(({ projection }) => projection === name),
    lag: lags.find(({ projection }) => projection === name),
    parked: parked.filter(({ projection }) => projection === name),
    replay: replays.find(({ projection }) => projection === name),
  }));
};

/** How many streams of a read model are parked. */
export const streamsParked = ({ parked }: Pick<ProjectionOverview, 'parked'>): number =>
  parked.reduce((sum, { streams }) => sum + streams, 0);
