import type { Codec, StoredEvent } from '#libs/event-store/codec.js';
import { runSubscription } from '#libs/event-store/subscription.js';
import type { Checkpoint } from '#libs/event-store/store-identity.js';
import type { StoreConnection } from '#libs/event-store/store-connection.js';
import type { Logger } from '#libs/platform/logger.js';
import { inTransaction } from '#libs/platform/postgres/pool.js';
import type { Pool } from '#libs/platform/postgres/pool.js';
import { carryOutErasures } from './erasure.postgres.js';
import { generationSchema, moveCheckpoint, noteConsidered } from './generations.postgres.js';
import type { Generation } from './generations.postgres.js';
import type { Projection } from './projection.js';
import type { SubjectRules } from './subject-rules.js';

export interface ProjectionDependencies {
  readonly pool: Pool;
  readonly connection: StoreConnection;
  readonly codec: Codec;
  readonly logger: Logger;
  readonly subjects: SubjectRules;
  /** Told of each applied batch, for metrics. */
  readonly onApplied?: (projection: string, events: number) => void;
}

const CONSIDERED_EVERY_MS = 200;

/**
 * Feeds a generation from its checkpoint: each batch's rows and the checkpoint in one transaction, so that an event has its effect exactly
 * once. Returns when `signal` is aborted, or when `limit` is reached (events beyond it are left for the next run).
 */
export const feedGeneration = async (
  { pool, connection, codec, logger, subjects, onApplied }: ProjectionDependencies,
  projection: Projection,
  generation: Generation,
  { signal, limit }: { readonly signal: AbortSignal; readonly limit?: bigint },
): Promise<void> => {
  const schema = generationSchema(generation);
  let checkpoint: Checkpoint | null = generation.checkpoint;
  let notedAt = 0;
  const finished = new AbortController();
  const reached = (position: bigint): boolean => limit !== undefined && position >= limit;
  if (reached(checkpoint?.position ?? -1n)) return;

  const apply = async (batch: readonly StoredEvent[], considered: bigint): Promise<void> => {
    const last = batch.at(-1);
    if (!last) return;
    const events = await codec.decode(batch);
    const next: Checkpoint = { position: last.position, eventId: last.id };
    await inTransaction(pool, async (db) => {
      await projection.handle(events, db, schema);
      await moveCheckpoint(db, generation, checkpoint, next, considered, batch.length);
      await carryOutErasures(db, subjects, generation, batch, () => codec.subjectsOf(batch));
    });
    checkpoint = next;
    onApplied?.(projection.name, batch.length);
  };

  await runSubscription({
    connection,
    logger,
    name: projection.name,
    prefixes: projection.streamPrefixes,
    checkpoint,
    signal: AbortSignal.any([signal, finished.signal]),
    onBatch: async (events, considered) => {
      if (finished.signal.aborted) return;
      const within = limit === undefined ? events : events.filter((event) => event.position <= limit);
      await apply(within, within.length === events.length ? considered : (within.at(-1)?.position ?? 0n));
      if (within.length === 0 && limit === undefined && Date.now() - notedAt >= CONSIDERED_EVERY_MS) {
        notedAt = Date.now();
        await noteConsidered(pool, generation, considered);
      }
      if (reached(checkpoint?.position ?? -1n)) finished.abort();
    },
  });
};
