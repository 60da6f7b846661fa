import { Counter, Gauge } from 'prom-client';
import type { Registry } from 'prom-client';
import type { Pool } from '#libs/platform/postgres/pool.js';
import type { Generation } from '#libs/projection-engine/generations.postgres.js';
import { lagOf } from '#libs/projection-engine/lag.js';
import { projectionsOverview, streamsParked } from '#libs/projection-engine/overview.postgres.js';
import type { ProjectionOverview } from '#libs/projection-engine/overview.postgres.js';
import type { ProjectionDependencies } from '#libs/projection-engine/projection-dependencies.js';
import { PROJECTOR_STATES } from '#libs/projection-engine/projector.js';
import type { Projector } from '#libs/projection-engine/projector.js';

const RATE_OVER_MS = 10_000;
const LOOK_EVERY_MS = 500;

export interface ProjectionMetrics {
  readonly applied: NonNullable<ProjectionDependencies['onApplied']>;
  /** Events per second that this process has applied to the live generation lately. */
  rateOf(projection: string): number;
}

/**
 * Metrics of the projections, by the names that docs/operating.md explains. Those of generations, lag and parked
 * streams are the same in every instance.
 */
export const projectionMetrics = (
  registry: Registry,
  pool: Pool,
  projectors: () => readonly Projector[],
): ProjectionMetrics => {
  const registers = [registry];
  // One look for all gauges of one scrape.
  let overview: Promise<readonly ProjectionOverview[]> = Promise.resolve([]);
  let lookedAt = 0;
  const look = (): typeof overview => {
    if (Date.now() - lookedAt >= LOOK_EVERY_MS) {
      lookedAt = Date.now();
      overview = projectionsOverview(pool);
    }
    return overview;
  };
  const gauge = (
    name: string,
    help: string,
    valueOf: (projection: ProjectionOverview) => number,
  ): Gauge<'projection'> =>
    new Gauge({
      name: `ligature_projection_${name}`,
      help,
      labelNames: ['projection'],
      registers,
      async collect() {
        // While the database is away nothing is known of the projections; what else is measured is to be seen then
        // above all.
        const shown = await look().catch(() => []);
        this.reset();
        for (const projection of shown) this.set({ projection: projection.name }, valueOf(projection));
      },
    });
  const liveOf = ({ generations }: ProjectionOverview): Generation | undefined =>
    generations.find(({ state }) => state === 'live');
  const lagNow = ({ lag }: ProjectionOverview): ReturnType<typeof lagOf> =>
    lag ? lagOf(lag, new Date()) : { positions: 0, seconds: 0 };
  const applied = new Counter({
    name: 'ligature_projection_events_total',
    help: 'Events applied by this process, to the live generation or to one that is being built',
    labelNames: ['projection', 'generation'],
    registers,
  });
  const state = new Gauge({
    name: 'ligature_projection_state',
    help: 'What this process does for a projection: 1 for the current state',
    labelNames: ['projection', 'state'],
    registers,
    collect() {
      for (const projector of projectors())
        for (const each of PROJECTOR_STATES)
          state.set({ projection: projector.name, state: each }, each === projector.state ? 1 : 0);
    },
  });
  gauge('position', 'Commit position of the last event applied to the live generation', (of) =>
    Number(liveOf(of)?.checkpoint?.position ?? 0n),
  );
  gauge('generation', 'Number of the live generation', (of) => liveOf(of)?.generation ?? 0);
  gauge(
    'lag_positions',
    'Positions between the end of the log and what is projected; 0 when nothing waits',
    (of) => lagNow(of).positions,
  );
  gauge(
    'lag_seconds',
    'Age of the oldest event that is not projected; 0 when nothing waits',
    (of) => lagNow(of).seconds,
  );
  gauge('parked_streams', 'Streams set aside because an event of theirs cannot be applied', streamsParked);
  gauge(
    'parked_causes',
    'Different causes for which streams are parked, counted once for each organization',
    ({ parked }) => parked.length,
  );
  gauge('parked_tries', 'How often the parked stream that was tried most often was tried again', ({ parked }) =>
    Math.max(0, ...parked.map(({ tries }) => tries)),
  );
  gauge(
    'parked_next_try_seconds',
    'Until the next parked stream is tried again; 0 when nothing is parked',
    ({ parked }) =>
      parked.length === 0
        ? 0
        : Math.max(0, Math.min(...parked.map(({ nextTryAt }) => nextTryAt.getTime() - Date.now())) / 1_000),
  );
  new Gauge({
    name: 'ligature_projection_parked_by_cause',
    help: 'Parked streams by cause: the event type and the kind of failure',
    labelNames: ['projection', 'failure'],
    registers,
    async collect() {
      const shown = await look().catch(() => []);
      this.reset();
      for (const { parked } of shown)
        for (const { projection, failure, streams } of parked) this.inc({ projection, failure }, streams);
    },
  });
  gauge('denied_subjects', 'People who cannot sign in because an event of theirs is parked', ({ parked }) =>
    parked.reduce((sum, { deniedSubjects }) => sum + deniedSubjects, 0),
  );
  gauge(
    'building_ratio',
    'How far a generation that is being built has come, 0 to 1; 0 when none is',
    ({ generations, replay }) => {
      const built = generations.find(({ state: each }) => each === 'building')?.considered ?? 0n;
      return replay?.target ? Math.min(1, Number(built) / Number(replay.target)) : 0;
    },
  );
  const recent: { readonly at: number; readonly projection: string; readonly events: number }[] = [];
  const forget = (): void => {
    while ((recent[0]?.at ?? Infinity) < Date.now() - RATE_OVER_MS) recent.shift();
  };
  return {
    applied: (projection, events, to) => {
      applied.inc({ projection, generation: to }, events);
      if (to !== 'live') return;
      forget();
      recent.push({ at: Date.now(), projection, events });
    },
    rateOf: (projection) => {
      forget();
      const events = recent.reduce((sum, each) => sum + (each.projection === projection ? each.events : 0), 0);
      return events / (RATE_OVER_MS / 1_000);
    },
  };
};
