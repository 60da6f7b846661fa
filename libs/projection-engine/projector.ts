import { setTimeout as delay } from 'node:timers/promises';
import { holds, NotTheStoreWeKnewError } from '#libs/event-store/store-identity.js';
import { whileLocked } from '#libs/platform/postgres/advisory-lock.js';
import { causeOf } from './causes.js';
import { feedLive } from './feed.js';
import { CheckpointLostError, createGeneration, liveGeneration } from './generations.postgres.js';
import type { Generation } from './generations.postgres.js';
import type { Projection } from './projection.js';
import type { ProjectionDependencies } from './projection-dependencies.js';
import { nextReplay, ReplayUnderWayError, requestReplay } from './replays.postgres.js';

const FAILURE_PAUSE_MS = { first: 100, most: 5_000 };
const LOOK_AGAIN_MS = 250;

export const PROJECTOR_STATES = ['standing_by', 'running', 'failing', 'rebuilding', 'outdated'] as const;

/**
 * What a projector is doing, for health and metrics. `rebuilding`: the live generation is of an older version, or of
 * another store, and a new one has been asked for. `outdated`: it is of a newer version than this process knows, which
 * leaves it alone.
 */
export type ProjectorState = (typeof PROJECTOR_STATES)[number];

/**
 * Feeds the live generation of one projection. One instance is active per projection, by an advisory lock; the others
 * stand by.
 */
export class Projector {
  state: ProjectorState = 'standing_by';
  lastError: string | undefined;

  constructor(
    private readonly dependencies: ProjectionDependencies,
    private readonly projection: Projection,
  ) {}

  get name(): string {
    return this.projection.name;
  }

  /**
   * Runs until `signal` is aborted. A failure is retried for ever, with backoff: it may be the store's or the
   * database's; what is an event's is parked.
   * @throws {NotTheStoreWeKnewError}: nothing that is retried puts that right
   */
  async run(signal: AbortSignal): Promise<void> {
    let pause = FAILURE_PAUSE_MS.first;
    while (!signal.aborted) {
      let begun = Infinity;
      try {
        if (await this.#isOurs()) {
          const work = async (locked: AbortSignal): Promise<void> => {
            begun = performance.now();
            await this.#feed(locked);
          };
          await whileLocked(this.dependencies.pool, ['ligature projection', this.name], signal, work, () =>
            this.#enter('standing_by'),
          );
        } else {
          await delay(LOOK_AGAIN_MS, undefined, { signal }).catch(() => undefined);
        }
      } catch (error) {
        if (signal.aborted) return;
        if (error instanceof CheckpointLostError) {
          await delay(LOOK_AGAIN_MS, undefined, { signal }).catch(() => undefined);
          continue;
        }
        this.state = 'failing';
        this.lastError = causeOf(error);
        if (error instanceof NotTheStoreWeKnewError) throw error;
        this.dependencies.logger.error(
          { projection: this.name, error: this.lastError },
          'projection failed; trying again',
        );
        // What works for a while and then fails is not what never works.
        if (performance.now() - begun > FAILURE_PAUSE_MS.most) pause = FAILURE_PAUSE_MS.first;
        await delay(pause, undefined, { signal }).catch(() => undefined);
        pause = Math.min(pause * 2, FAILURE_PAUSE_MS.most);
      }
    }
  }

  /**
   * Whether these handlers may feed the live generation: it is of their version and came from this store. Otherwise a
   * new one is asked for, if these handlers are the newer ones; the live one is read as it is, and fed by a process of
   * its version if there is one, until the new one is there.
   */
  async #isOurs(): Promise<boolean> {
    const { pool, logger } = this.dependencies;
    const live = await liveGeneration(pool, this.name);
    if (!live) return true;
    const { version } = this.projection;
    if (live.version > version) {
      if (this.state !== 'outdated')
        logger.error(
          { projection: this.name, version, live: live.version },
          'the read model is of a newer version: this process is outdated and leaves it alone; stop it, or run "ligature projections rollback"',
        );
      this.#enter('outdated');
      return false;
    }
    if (live.version === version && (!(await nextReplay(pool, this.name)) || (await this.#isInTheStore(live))))
      return true;
    if (live.version < version && !(await nextReplay(pool, this.name))) {
      logger.warn(
        { projection: this.name, version, live: live.version },
        'the read model is of an older version; building it anew',
      );
      await requestReplay(pool, this.name, { version }).catch((error: unknown) => {
        if (!(error instanceof ReplayUnderWayError)) throw error;
      });
    }
    this.#enter('rebuilding');
    return false;
  }

  async #feed(signal: AbortSignal): Promise<void> {
    const { pool } = this.dependencies;
    while (!signal.aborted) {
      const live = (await liveGeneration(pool, this.name)) ?? (await createGeneration(pool, this.projection, 'live'));
      // Another generation became the live one while this process stood by, or now.
      if (live.version !== this.projection.version || !(await this.#isOurs())) return;
      this.#enter('running');
      await feedLive(this.dependencies, { projection: this.projection, generation: live }, signal);
    }
  }

  #enter(state: ProjectorState): void {
    this.state = state;
    this.lastError = undefined;
  }

  async #isInTheStore({ checkpoint }: Generation): Promise<boolean> {
    return checkpoint === null || this.dependencies.connection.read((client) => holds(client, checkpoint));
  }
}
