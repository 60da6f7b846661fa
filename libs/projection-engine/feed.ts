import { setTimeout as delay } from 'node:timers/promises';
import { runSubscription } from '#libs/event-store/subscription.js';
import type { Checkpoint } from '#libs/event-store/store-identity.js';
import { GenerationWriter } from './generation-writer.js';
import { Line } from './line.js';
import { liveGeneration, noteConsidered } from './generations.postgres.js';
import type { Generation } from './generations.postgres.js';
import type { Projection } from './projection.js';
import type { ProjectionDependencies } from './projection-dependencies.js';
import { SharedDecoding } from './shared-decoding.js';

const ATTEND_MS = 250;
/**
 * Read models are built in the process that feeds the live ones, which waits for a batch at each of its steps: longer
 * ones build a little faster, and delay people's own changes.
 */
const BUILDING_BATCH = 2_000;
/**
 * Batches that one read model may be behind another while they are built together: what waits is memory that the
 * collector has to look at again and again.
 */
const MOST_BEHIND = 1;
const CONSIDERED_EVERY_MS = 200;

/** A generation that is fed, and by whose handlers. */
export interface Target {
  readonly projection: Projection;
  readonly generation: Generation;
}

/**
 * Feeds the live generation from its checkpoint, and takes up parked streams when operators ask for it. Returns when
 * `signal` is aborted, or when another generation has become the live one.
 */
export const feedLive = async (
  dependencies: ProjectionDependencies,
  { projection, generation }: Target,
  signal: AbortSignal,
): Promise<void> => {
  const { pool, connection, logger } = dependencies;
  const writer = await GenerationWriter.open(dependencies, projection, generation);
  await writer.takeUpParked(signal);
  const stopped = new AbortController();
  const either = AbortSignal.any([signal, stopped.signal]);
  let failure: unknown;
  // Batches and parked streams wait for each other: both write the same rows.
  let turn: Promise<unknown> = Promise.resolve();
  const inTurn = (work: () => Promise<void>): Promise<void> => {
    const done = turn.then(work);
    turn = done.catch(() => undefined);
    return done;
  };
  const attend = async (): Promise<void> => {
    while (!either.aborted) {
      await delay(ATTEND_MS, undefined, { signal: either }).catch(() => undefined);
      if (either.aborted) return;
      if ((await liveGeneration(pool, projection.name))?.generation !== generation.generation) return stopped.abort();
      await inTurn(() => writer.takeUpParked(either));
    }
  };
  const attending = attend().catch((error: unknown) => {
    failure ??= error;
    stopped.abort();
  });
  let notedAt = 0;
  try {
    await runSubscription({
      connection,
      logger,
      name: projection.name,
      prefixes: projection.streamPrefixes,
      checkpoint: writer.checkpoint,
      signal: either,
      onBatch: (events, considered) =>
        inTurn(async () => {
          if (either.aborted) return;
          await writer.write(events, considered, either);
          if (events.length > 0 || Date.now() - notedAt < CONSIDERED_EVERY_MS) return;
          notedAt = Date.now();
          await noteConsidered(pool, generation, considered);
        }),
    });
  } finally {
    stopped.abort();
    await attending;
    await turn;
  }
  if (failure !== undefined && !signal.aborted) throw failure as Error;
};

const lowest = (writers: readonly GenerationWriter[]): Checkpoint | null =>
  writers
    .map(({ checkpoint }) => checkpoint)
    .reduce((low, checkpoint) =>
      low === null || checkpoint === null ? null : checkpoint.position < low.position ? checkpoint : low,
    );

/**
 * Feeds generations that are being built, in one pass over the log, each from its own checkpoint. Returns when they
 * have all that the log holds (or, with `limit`, held up to that position), or when `signal` is aborted. No generation
 * waits for the others, but for one that is far behind.
 */
export const feedBuilding = async (
  dependencies: ProjectionDependencies,
  targets: readonly Target[],
  { signal, limit }: { readonly signal: AbortSignal; readonly limit?: bigint },
): Promise<void> => {
  const { pool, connection, codec, logger } = dependencies;
  const writers = await Promise.all(
    targets.map(({ projection, generation }) => GenerationWriter.open(dependencies, projection, generation)),
  );
  const finished = new AbortController();
  const either = AbortSignal.any([signal, finished.signal]);
  const lines = writers.map((writer) => ({ writer, line: new Line(MOST_BEHIND), notedAt: 0 }));
  const drained = (): Promise<unknown> => Promise.all(lines.map(({ line }) => line.drained()));
  try {
    await runSubscription({
      connection,
      logger,
      name: targets.map(({ projection }) => projection.name).join('+'),
      prefixes: [...new Set(targets.flatMap(({ projection }) => projection.streamPrefixes))],
      checkpoint: lowest(writers),
      batchSize: BUILDING_BATCH,
      signal: either,
      onBatch: async (events, considered, caughtUp) => {
        if (either.aborted) return;
        const within = limit === undefined ? events : events.filter(({ position }) => position <= limit);
        const isWhole = within.length === events.length;
        const { decode } = new SharedDecoding(codec);
        for (const each of lines) {
          await each.line.add(async () => {
            if (either.aborted) return;
            await each.writer.write(within, isWhole ? considered : 0n, either, decode);
            if (!isWhole || Date.now() - each.notedAt < CONSIDERED_EVERY_MS) return;
            each.notedAt = Date.now();
            // How far it has come, also for those whose streams are rare.
            await noteConsidered(pool, each.writer.generation, within.at(-1)?.position ?? considered);
          });
        }
        const isBeyond = limit !== undefined && (!isWhole || (events.at(-1)?.position ?? considered) >= limit);
        if (!caughtUp && !isBeyond) return;
        await drained();
        finished.abort();
      },
    });
    await drained();
  } finally {
    finished.abort();
    await drained().catch(() => undefined);
  }
};
