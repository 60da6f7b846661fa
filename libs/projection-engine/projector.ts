import { setTimeout as delay } from 'node:timers/promises';
import { classify } from '#libs/event-store/store-errors.js';
import { checkCheckpoint, holds, lastPosition, NotTheStoreWeKnewError } from '#libs/event-store/store-identity.js';
import type { StoreConnection } from '#libs/event-store/store-connection.js';
import type { Logger } from '#libs/platform/logger.js';
import { whileLocked } from '#libs/platform/postgres/advisory-lock.js';
import type { Pool } from '#libs/platform/postgres/pool.js';
import { feedGeneration } from './apply.js';
import type { ProjectionDependencies } from './apply.js';
import {
  allGenerations,
  buildingGeneration,
  CheckpointLostError,
  checksums,
  createGeneration,
  discardGeneration,
  liveGeneration,
  switchTo,
} from './generations.postgres.js';
import type { Generation } from './generations.postgres.js';
import type { Projection } from './projection.js';
import { finishReplay, nextReplay, noteReplayRunning, requestReplay } from './replays.postgres.js';
import type { Replay } from './replays.postgres.js';

const REPLAY_POLL_MS = 500;
const FAILURE_PAUSE_MS = { first: 100, most: 5_000 };

/** What a projection is doing, for health and metrics. */
export type ProjectorState = 'standing_by' | 'running' | 'failing';

/**
 * Runs one projection: feeds its live generation, and builds the next one when an operator asks for a replay. One instance is active per
 * projection, by an advisory lock; the others stand by.
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
   * Runs until `signal` is aborted. A failure is retried for ever, with backoff: it may be the store's, the database's, or an event's.
   * @throws {NotTheStoreWeKnewError}: nothing that is retried puts that right
   */
  async run(signal: AbortSignal): Promise<void> {
    let pause = FAILURE_PAUSE_MS.first;
    while (!signal.aborted) {
      try {
        const work = async (locked: AbortSignal): Promise<void> => {
          this.state = 'running';
          this.lastError = undefined;
          pause = FAILURE_PAUSE_MS.first;
          await this.#feedAndReplay(locked);
        };
        await whileLocked(this.dependencies.pool, ['ligature projection', this.name], signal, work, () => {
          this.state = 'standing_by';
        });
      } catch (error) {
        if (signal.aborted) return;
        this.state = 'failing';
        this.lastError = (error as Error).message;
        if (error instanceof NotTheStoreWeKnewError) throw error;
        this.dependencies.logger.error({ projection: this.name, error: this.lastError }, 'projection failed; trying again');
      }
      if (!signal.aborted) await delay(pause, undefined, { signal }).catch(() => undefined);
      pause = Math.min(pause * 2, FAILURE_PAUSE_MS.most);
    }
  }

  async #feedAndReplay(signal: AbortSignal): Promise<void> {
    const { pool } = this.dependencies;
    while (!signal.aborted) {
      const live = (await liveGeneration(pool, this.name)) ?? (await createGeneration(pool, this.projection, 'live'));
      const asked = await nextReplay(pool, this.name);
      if (live.version !== this.projection.version) {
        // These handlers do not know the tables of another version: the live generation stands still, and is read, until the new one is built.
        await this.#buildAnew(asked ?? (await requestReplay(pool, this.name)), 'of another version', signal);
        continue;
      }
      if (asked && !(await this.#isInTheStore(live))) {
        await this.#buildAnew(asked, 'from another store', signal);
        continue;
      }
      const stopped = new AbortController();
      const feeding = feedGeneration(this.dependencies, this.projection, live, { signal: AbortSignal.any([signal, stopped.signal]) });
      try {
        // Whichever ends first: the live run only ends by failing.
        const replay = await Promise.race([this.#awaitReplay(AbortSignal.any([signal, stopped.signal])), feeding.then(() => undefined)]);
        if (replay) {
          await this.#replay(replay, signal, async () => {
            stopped.abort();
            await feeding;
          });
        }
      } finally {
        stopped.abort();
        await feeding.catch(() => undefined);
      }
    }
  }

  async #awaitReplay(signal: AbortSignal): Promise<Replay | undefined> {
    while (!signal.aborted) {
      const replay = await nextReplay(this.dependencies.pool, this.name);
      if (replay) return replay;
      await delay(REPLAY_POLL_MS, undefined, { signal }).catch(() => undefined);
    }
    return undefined;
  }

  /**
   * Builds generation n+1 beside the live one, stops feeding the live one when the new one has nearly caught up, brings both to the same
   * event, compares, and switches. Readers see the live generation all the while. An interrupted replay goes on where it was.
   */
  async #replay(replay: Replay, signal: AbortSignal, stopLive: () => Promise<void>): Promise<void> {
    const { pool, logger } = this.dependencies;
    const building = (await this.#resumable()) ?? (await createGeneration(pool, this.projection, 'building'));
    logger.info({ projection: this.name, generation: building.generation }, 'replay begins');
    const catchUp = async (): Promise<void> => {
      const target = (await this.#livePosition()) ?? -1n;
      await noteReplayRunning(pool, replay.id, building.generation, target);
      await feedGeneration(this.dependencies, this.projection, await this.#reload(building), { signal, limit: target });
    };
    await catchUp();
    await stopLive();
    await catchUp();
    if (signal.aborted) return;
    const live = await liveGeneration(pool, this.name);
    const built = await this.#reload(building);
    if (!live) throw new CheckpointLostError(built);
    const [before, after] = [await checksums(pool, this.projection, live), await checksums(pool, this.projection, built)];
    const sameVersion = live.version === built.version;
    const identical = sameVersion ? JSON.stringify(before) === JSON.stringify(after) : null;
    if (identical === false) {
      await discardGeneration(pool, built);
      await finishReplay(pool, replay.id, 'failed', {
        before,
        after,
        identical,
        message: 'The rebuilt rows differ from the live ones; the live generation was kept.',
      });
      logger.error({ projection: this.name, before, after }, 'replay found differences; the live generation was kept');
      return;
    }
    await switchTo(pool, this.projection, built);
    await finishReplay(pool, replay.id, 'done', { before, after, identical, message: `Generation ${built.generation} is live.` });
    logger.info({ projection: this.name, generation: built.generation }, 'replay done');
  }

  /**
   * The live generation is of another version, or came from a store that is not this one, which an operator has accepted by asking for a replay: it can
   * neither be fed nor compared, so the new one is built from this store's events alone.
   */
  async #buildAnew(replay: Replay, why: 'of another version' | 'from another store', signal: AbortSignal): Promise<void> {
    const { pool, connection, logger } = this.dependencies;
    let left = await this.#resumable();
    if (left && !(await this.#isInTheStore(left))) {
      await discardGeneration(pool, left);
      left = undefined;
    }
    const building = left ?? (await createGeneration(pool, this.projection, 'building'));
    logger.warn(
      { projection: this.name, generation: building.generation, why: `the live one is ${why}` },
      'building a new generation alone',
    );
    const ours = (stream: string): boolean => this.projection.streamPrefixes.some((prefix) => stream.startsWith(prefix));
    const target = (await connection.read((client) => lastPosition(client, ours))) ?? -1n;
    await noteReplayRunning(pool, replay.id, building.generation, target);
    await feedGeneration(this.dependencies, this.projection, building, { signal, limit: target });
    if (signal.aborted) return;
    const built = await this.#reload(building);
    await switchTo(pool, this.projection, built);
    const message = `Generation ${built.generation} is live. The one before is ${why}, so they were not compared.`;
    await finishReplay(pool, replay.id, 'done', {
      before: [],
      after: await checksums(pool, this.projection, built),
      identical: null,
      message,
    });
    logger.info({ projection: this.name, generation: built.generation }, 'replay done');
  }

  async #isInTheStore({ checkpoint }: Generation): Promise<boolean> {
    return checkpoint === null || this.dependencies.connection.read((client) => holds(client, checkpoint));
  }

  /** What an interrupted replay of the same version left behind; one of another version is discarded. */
  async #resumable(): Promise<Generation | undefined> {
    const left = await buildingGeneration(this.dependencies.pool, this.name);
    if (!left || left.version === this.projection.version) return left;
    await discardGeneration(this.dependencies.pool, left);
    return undefined;
  }

  async #reload(generation: Generation): Promise<Generation> {
    const reloaded = await buildingGeneration(this.dependencies.pool, this.name);
    if (reloaded?.generation !== generation.generation) throw new CheckpointLostError(generation);
    return reloaded;
  }

  async #livePosition(): Promise<bigint | undefined> {
    return (await liveGeneration(this.dependencies.pool, this.name))?.checkpoint?.position;
  }
}

const RELATION_MISSING = '42P01';

/**
 * The start-up check: the store must hold the event that each live generation has processed last, except where a replay has been asked for. Nothing is
 * written. A store that cannot answer now is checked later: the resume protocol checks before every subscription.
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
      logger.warn({ projection, reason: (error as Error).message }, 'the event store cannot be compared with the read models yet');
      return;
    }
  }
};

/** The read model did not reach a position in time: answered as 503 with Retry-After, never as "not found". */
export class ReadModelBehindError extends Error {
  readonly code = 'read_model_behind';
  constructor(projection: string) {
    super(`The read model ${projection} has not caught up yet; try again in a moment`);
  }
}

/**
 * Read your own writes: waits until the live generation of a projection has seen a commit position.
 * @param timeoutMs upper bound; @throws {ReadModelBehindError} past it
 */
export const waitForPosition = async (pool: Pool, projection: string, position: bigint, timeoutMs = 2_000): Promise<void> => {
  for (const deadline = Date.now() + timeoutMs; ;) {
    const live = await liveGeneration(pool, projection);
    if (live && ((live.checkpoint?.position ?? -1n) >= position || live.considered >= position)) return;
    if (Date.now() >= deadline) throw new ReadModelBehindError(projection);
    await delay(10);
  }
};
