import { setTimeout as delay } from 'node:timers/promises';
import { endOfLog, lookAhead } from '#libs/event-store/read-log.js';
import type { StoreConnection } from '#libs/event-store/store-connection.js';
import type { Logger } from '#libs/platform/logger.js';
import type { Pool, Queryable } from '#libs/platform/postgres/pool.js';
import { liveGeneration, noteConsidered } from './generations.postgres.js';
import type { Projection } from './projection.js';

const EVERY_MS = 250;
const WRITTEN_EVERY_MS = 1_000;

/** How far a live generation is behind the event store. */
export interface Lag {
  readonly projection: string;
  /** Up to where the log has been projected, or holds nothing for this projection. */
  readonly position: bigint;
  /** The last position of the log that was looked at. */
  readonly storePosition: bigint;
  /** When the oldest event that is not projected yet was stored; `null`: there is none. */
  readonly oldestAt: Date | null;
  readonly measuredAt: Date;
}

/** The gap in positions and the age in seconds of the oldest event that is not projected. */
export const lagOf = ({ position, storePosition, oldestAt }: Lag, now: Date): { readonly positions: number; readonly seconds: number } => ({
  positions: oldestAt === null ? 0 : Number(storePosition > position ? storePosition - position : 0n),
  seconds: oldestAt === null ? 0 : Math.max(0, (now.getTime() - oldestAt.getTime()) / 1_000),
});

interface Row {
  readonly projection: string;
  readonly position: string;
  readonly store_position: string;
  readonly oldest_at: Date | null;
  readonly measured_at: Date;
}

/** As the projectors measured it last; one that is not running any more says nothing new. */
export const storedLags = async (db: Queryable): Promise<readonly Lag[]> => {
  const { rows } = await db.query<Row>('SELECT * FROM models.lag ORDER BY projection');
  return rows.map((row) => ({
    projection: row.projection,
    position: BigInt(row.position),
    storePosition: BigInt(row.store_position),
    oldestAt: row.oldest_at,
    measuredAt: row.measured_at,
  }));
};

/**
 * Measures how far each live generation is behind, by looking into the log from where it stands, whether or not anybody feeds it. Where nothing of a
 * projection's streams follows, it says so to who waits for a position: the store's own checkpoints tell that only every so many events.
 */
export class LagMonitor {
  readonly lags = new Map<string, Lag>();
  /** Position of an event up to which nothing of a projection's streams follows its checkpoint. */
  readonly #seen = new Map<string, bigint>();
  #writtenAt = 0;

  constructor(
    private readonly dependencies: { readonly pool: Pool; readonly connection: StoreConnection; readonly logger: Logger },
    private readonly projections: readonly Projection[],
  ) {}

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        for (const projection of this.projections) await this.#measure(projection);
        if (Date.now() - this.#writtenAt >= WRITTEN_EVERY_MS) await this.#write();
      } catch (error) {
        // What was looked at may be gone from the store: look again from the checkpoint.
        this.#seen.clear();
        this.dependencies.logger.debug({ error: (error as Error).message }, 'lag not measured');
      }
      await delay(EVERY_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  async #measure({ name, version, streamPrefixes }: Projection): Promise<void> {
    const { pool, connection } = this.dependencies;
    const live = await liveGeneration(pool, name);
    if (live?.version !== version) return;
    const key = `${name} ${live.generation}`;
    const known = this.#seen.get(key) ?? null;
    const checkpoint = live.checkpoint?.position ?? null;
    let from = known !== null && known > (checkpoint ?? -1n) ? known : checkpoint;
    let ahead = await lookAhead(connection, from, streamPrefixes);
    while (!ahead.next && !ahead.isEnd) {
      from = ahead.seen;
      ahead = await lookAhead(connection, from, streamPrefixes);
    }
    const { next, seen } = ahead;
    if (!next && seen !== null) {
      this.#seen.set(key, seen);
      if (seen > live.considered) await noteConsidered(pool, live, seen);
    }
    this.lags.set(name, {
      projection: name,
      position: (next ? from : seen) ?? 0n,
      storePosition: (next ? await endOfLog(connection) : seen) ?? 0n,
      oldestAt: next?.at ?? null,
      measuredAt: new Date(),
    });
  }

  async #write(): Promise<void> {
    this.#writtenAt = Date.now();
    const lags = [...this.lags.values()];
    await this.dependencies.pool.query(
      `INSERT INTO models.lag AS l SELECT * FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::timestamptz[], $5::timestamptz[])
       ON CONFLICT (projection) DO UPDATE SET position = excluded.position, store_position = excluded.store_position, oldest_at = excluded.oldest_at,
         measured_at = excluded.measured_at`,
      [
        lags.map(({ projection }) => projection),
        lags.map(({ position }) => position),
        lags.map(({ storePosition }) => storePosition),
        lags.map(({ oldestAt }) => oldestAt),
        lags.map(({ measuredAt }) => measuredAt),
      ],
    );
  }
}
