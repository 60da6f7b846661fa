import { setTimeout as delay } from 'node:timers/promises';
import { endOfLog } from '#libs/event-store/read-log.js';
import { holds } from '#libs/event-store/store-identity.js';
import { whileLocked } from '#libs/platform/postgres/advisory-lock.js';
import { inTransaction } from '#libs/platform/postgres/pool.js';
import { causeOf } from './causes.js';
import { purgeDestroyed } from './erasure.postgres.js';
import { feedBuilding } from './feed.js';
import type { Target } from './feed.js';
import {
  buildingGeneration,
  checksums,
  createGeneration,
  discardGeneration,
  liveGeneration,
  lockLive,
  retiredGeneration,
  switchTo,
  takeBack,
} from './generations.postgres.js';
import type { Generation, TableChecksum } from './generations.postgres.js';
import { meet } from './meet.js';
import type { ProjectionDependencies } from './projection-dependencies.js';
import type { Projection } from './projection.js';
import { finishReplay, noteProblem, noteReplayRunning, openReplays } from './replays.postgres.js';
import type { Replay, ReplayReport } from './replays.postgres.js';
import { rowDifferences } from './row-differences.postgres.js';
import { withSnapshot } from './snapshot.js';

const POLL_MS = 300;
const FAILURE_PAUSE_MS = { first: 200, most: 5_000 };

interface Job {
  readonly replay: Replay;
  readonly projection: Projection;
}

/**
 * Does what operators ask for: replays, rollbacks, verifications. Generations are built beside the live ones, all that
 * were asked for together in one pass over the log, while the live ones are fed by whoever feeds them, in this process
 * or another. One instance works at a time, by an advisory lock; what it leaves behind when it dies is gone on with by
 * the next.
 */
export class Replayer {
  lastError: string | undefined;

  constructor(
    private readonly dependencies: ProjectionDependencies,
    private readonly projections: readonly Projection[],
    /** Names this process to operators. */
    private readonly runner: string,
  ) {}

  /** Runs until `signal` is aborted. What fails is tried again, with backoff; what was built stays. */
  async run(signal: AbortSignal): Promise<void> {
    const { pool, logger } = this.dependencies;
    let pause = FAILURE_PAUSE_MS.first;
    while (!signal.aborted) {
      let jobs: readonly Job[] = [];
      try {
        jobs = await this.#jobs();
        if (jobs.length > 0) {
          const elsewhere = new AbortController();
          await whileLocked(
            pool,
            ['ligature replays', ''],
            AbortSignal.any([signal, elsewhere.signal]),
            async (locked) => {
              // Another instance may have finished some of them meanwhile.
              jobs = await this.#jobs();
              await this.#work(jobs, locked);
            },
            () => elsewhere.abort(),
          );
        }
        this.lastError = undefined;
        pause = FAILURE_PAUSE_MS.first;
        await delay(POLL_MS, undefined, { signal }).catch(() => undefined);
      } catch (error) {
        if (signal.aborted) return;
        this.lastError = causeOf(error);
        logger.error(
          { error: this.lastError, projections: jobs.map(({ projection }) => projection.name) },
          'replay interrupted; it goes on where it was',
        );
        await noteProblem(
          pool,
          jobs.map(({ replay }) => replay.id),
          this.lastError,
        ).catch(() => undefined);
        await delay(pause, undefined, { signal }).catch(() => undefined);
        pause = Math.min(pause * 2, FAILURE_PAUSE_MS.most);
      }
    }
  }

  /** What is asked for and can be done by these handlers. */
  async #jobs(): Promise<readonly Job[]> {
    const { pool } = this.dependencies;
    const jobs: Job[] = [];
    for (const replay of await openReplays(pool)) {
      const projection = this.projections.find(({ name }) => name === replay.projection);
      if (!projection || (replay.version !== null && replay.version !== projection.version)) continue;
      const live = await liveGeneration(pool, projection.name);
      // These handlers are older than what is read: only the way back is theirs.
      if (live && live.version > projection.version && replay.kind !== 'rollback') continue;
      if (live || replay.kind === 'replay') jobs.push({ replay, projection });
    }
    return jobs;
  }

  async #work(jobs: readonly Job[], signal: AbortSignal): Promise<void> {
    const built: { readonly job: Job; readonly target: Target }[] = [];
    for (const job of jobs) {
      if (signal.aborted) return;
      const target = job.replay.kind === 'rollback' ? await this.#takeBack(job) : await this.#begin(job);
      if (target) built.push({ job, target });
    }
    if (built.length === 0) return;
    await feedBuilding(
      this.dependencies,
      built.map(({ target }) => target),
      { signal },
    );
    for (const { job, target } of built) if (!signal.aborted) await this.#finish(job, target, signal);
  }

  /** The generation to build: what an interruption of this very request left behind, or a new one. */
  async #begin({ replay, projection }: Job): Promise<Target> {
    const { pool } = this.dependencies;
    let left = await buildingGeneration(pool, projection.name);
    if (
      left &&
      (left.version !== projection.version ||
        left.generation !== replay.generation ||
        !(await this.#isInTheStore(left)))
    ) {
      await discardGeneration(pool, left);
      left = undefined;
    }
    const generation = left ?? (await createGeneration(pool, projection, 'building'));
    await this.#noteRunning(replay, generation, projection);
    return { projection, generation };
  }

  async #takeBack({ replay, projection }: Job): Promise<Target | undefined> {
    const { pool, logger } = this.dependencies;
    const left = await buildingGeneration(pool, projection.name);
    if (left?.generation === replay.generation && left) return { projection, generation: left };
    const retired = await retiredGeneration(pool, projection.name);
    if (retired?.version !== projection.version || !(await this.#isInTheStore(retired))) {
      const message = !retired
        ? 'There is no generation before the live one.'
        : retired.version === projection.version
          ? `Generation ${retired.generation} came from another store.`
          : `Generation ${retired.generation} is of version ${retired.version}: a projector of that version has to catch it up. Run that release, and ask again.`;
      await finishReplay(pool, replay.id, 'failed', { before: [], after: [], identical: null, message });
      logger.error({ projection: projection.name, message }, 'no rollback');
      return undefined;
    }
    if (left) await discardGeneration(pool, left);
    await takeBack(pool, retired);
    await this.#noteRunning(replay, retired, projection);
    return { projection, generation: { ...retired, state: 'building' } };
  }

  async #noteRunning({ id, kind }: Replay, { generation }: Generation, projection: Projection): Promise<void> {
    const { pool, connection, logger } = this.dependencies;
    const target = (await endOfLog(connection)) ?? 0n;
    await noteReplayRunning(pool, id, { generation, target, runner: this.runner });
    logger.info({ projection: projection.name, generation, kind }, 'building a generation');
  }

  async #finish(job: Job, { projection, generation }: Target, signal: AbortSignal): Promise<void> {
    const { pool, logger } = this.dependencies;
    const report = await (job.replay.kind === 'verify'
      ? this.#verify(projection, generation, signal)
      : this.#compareAndSwitch(job, generation, signal));
    if (!report) return;
    const failed = report.identical === false && !job.replay.acceptDifferences;
    if (failed || job.replay.kind === 'verify') await discardGeneration(pool, generation);
    await finishReplay(pool, job.replay.id, failed ? 'failed' : 'done', report);
    logger[failed ? 'error' : 'info'](
      { projection: projection.name, kind: job.replay.kind, message: report.message },
      'replay finished',
    );
  }

  /**
   * There is nothing to compare with: the live generation came from a store that is not this one, which an operator has
   * accepted by asking.
   */
  async #switchAlone(projection: Projection, generation: Generation): Promise<ReplayReport> {
    const { pool } = this.dependencies;
    await inTransaction(pool, async (db) => {
      const held = await lockLive(db, projection.name);
      await switchTo(db, projection, generation, undefined);
      if (held) await purgeDestroyed(db, held);
    });
    return {
      before: [],
      after: await checksums(pool, projection, generation),
      identical: null,
      message: `Generation ${generation.generation} is live. The one before is from another store, so they were not compared.`,
    };
  }

  /** Where both stand at the same event, in one snapshot, while the live one goes on. */
  #compare<T>(
    projection: Projection,
    generation: Generation,
    signal: AbortSignal,
    comparison: (db: Parameters<typeof checksums>[0], live: Generation, built: Generation) => Promise<T>,
  ): Promise<T | undefined> {
    return withSnapshot(this.dependencies.pool, async ({ db, take }) => {
      const met = await meet(this.dependencies, projection, generation, signal, async ({ live, built }) => {
        await take();
        return { live, built };
      });
      return met && comparison(db, met.live, met.built);
    });
  }

  async #compareAndSwitch(
    { replay, projection }: Job,
    generation: Generation,
    signal: AbortSignal,
  ): Promise<ReplayReport | undefined> {
    const live = await liveGeneration(this.dependencies.pool, projection.name);
    if (!live || !(await this.#isInTheStore(live))) return this.#switchAlone(projection, generation);
    const sums = await this.#compare(projection, generation, signal, async (db, ...[before, after]) => ({
      before: before.version === projection.version ? await checksums(db, projection, before) : ([] as TableChecksum[]),
      after: await checksums(db, projection, after),
    }));
    if (!sums) return undefined;
    const isComparable = replay.kind === 'replay' && live.version === projection.version;
    const identical = isComparable ? JSON.stringify(sums.before) === JSON.stringify(sums.after) : null;
    if (identical === false && !replay.acceptDifferences) {
      const message =
        'The rebuilt rows differ from the live ones; the live generation was kept. "ligature projections verify" lists the differences, ' +
        '"replay --accept-differences" switches all the same.';
      return { ...sums, identical, message };
    }
    const isSwitched = await meet(
      this.dependencies,
      projection,
      generation,
      signal,
      async ({ db, live: held, built }) => {
        await switchTo(db, projection, built, held);
        // Invariant 10: where no process fed it any more, it has not had the erasures since then.
        if (held.version !== projection.version) await purgeDestroyed(db, held);
        return true;
      },
    );
    if (!isSwitched) return undefined;
    const why =
      live.version === projection.version
        ? ''
        : ` The one before is of version ${live.version}, so they were not compared.`;
    return { ...sums, identical, message: `Generation ${generation.generation} is live.${why}` };
  }

  async #verify(
    projection: Projection,
    generation: Generation,
    signal: AbortSignal,
  ): Promise<ReplayReport | undefined> {
    const live = await liveGeneration(this.dependencies.pool, projection.name);
    if (live?.version !== projection.version || !(await this.#isInTheStore(live))) {
      const message = `The live generation is ${live?.version === projection.version ? 'from another store' : `of version ${live?.version}`}: replay it first.`;
      return { before: [], after: [], identical: false, message };
    }
    return this.#compare(projection, generation, signal, async (db, live, built) => {
      const differences = await rowDifferences(db, projection, live, built);
      const [before, after] = [await checksums(db, projection, live), await checksums(db, projection, built)];
      const rows = after.reduce((sum, { rows: count }) => sum + count, 0);
      const message =
        differences.length === 0
          ? `${rows} rows are what the events say.`
          : `${differences.length} of ${rows} rows are not what the events say.`;
      return { before, after, identical: differences.length === 0, differences, message };
    });
  }

  async #isInTheStore({ checkpoint }: Generation): Promise<boolean> {
    return checkpoint === null || this.dependencies.connection.read((client) => holds(client, checkpoint));
  }
}
