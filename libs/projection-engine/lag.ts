import { setTimeout as delay } from 'node:timers/promises';
import { endOfLog, lookAhead } from '#libs/event-store/read-log.js';
import type { Ahead } from '#libs/event-store/read-log.js';
import type { StoreConnection } from '#libs/event-store/store-connection.js';
import type { Logger } from '#libs/platform/logger.js';
import type { Pool, Queryable } from '#libs/platform/postgres/pool.js';
import { liveGeneration, noteConsidered } from './generations.postgres.js';
import type { Generation } from './generations.postgres.js';
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
export const lagOf = (
  { position, storePosition, oldestAt }: Lag,
  now: Date,
): { readonly positions: number; readonly seconds: number } => ({
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
 * Measures how far each live generation is behind, by looking into the log from where it stands, whether or not anybody
 * feeds it. Where nothing of a projection's streams follows, it says so to who waits for a position: the store's own
 * checkpoints tell that only every so many events.
 */
export class LagMonitor {
  readonly lags = new Map<string, Lag>();
  /** Position of an event up to which nothing of a generation's streams follows its checkpoint. */
  readonly #seen = new Map<string, bigint>();

  constructor(
    private readonly dependencies: {
      readonly pool: Pool;
      readonly connection: StoreConnection;
      readonly logger: Logger;
    },
    private readonly projections: readonly Projection[],
  ) {}

  /** Each projection is measured by itself: where its streams are rare, the whole log may have to be looked through. */
  async run(signal: AbortSignal): Promise<void> {
    const repeatedly = async (everyMs: number, work: () => Promise<void>): Promise<void> => {
      while (!signal.aborted) {
        await work().catch((error: Error) =>
          this.dependencies.logger.debug({ error: error.message }, 'lag not measured'),
        );
        await delay(everyMs, undefined, { signal }).catch(() => undefined);
      }
    };
    await Promise.all([
      ...this.projections.map((projection) => repeatedly(EVERY_MS, () => this.#measure(projection, signal))),
      repeatedly(WRITTEN_EVERY_MS, () => this.#write()),
    ]);
  }

  async #measure({ name, version, streamPrefixes }: Projection, signal: AbortSignal): Promise<void> {
    const { pool, connection } = this.dependencies;
    const live = await liveGeneration(pool, name);
    if (live?.version !== version) return;
    const key = `${name} ${live.generation}`;
    const begun = await this.#begin(live, streamPrefixes, this.#seen.get(key));
    if (!begun) return;
    let { from, ahead } = begun;
    while (!ahead.next && !ahead.isEnd) {
      from = ahead.seen;
      if (from !== null) this.#seen.set(key, from);
      const further = signal.aborted ? undefined : await lookAhead(connection, from, streamPrefixes);
      if (!further) return;
      ahead = further;
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

  /**
   * Looks from as far on as is known to hold nothing of these streams. What is known may be gone from the store, or be
   * a checkpoint of the server's that belongs to no event; then from nearer to the generation's own checkpoint.
   */
  async #begin(
    { checkpoint, considered }: Generation,
    prefixes: readonly string[],
    seen: bigint | undefined,
  ): Promise<{ readonly from: bigint | null; readonly ahead: Ahead } | undefined> {
    const own = checkpoint?.position ?? null;
    const known = [considered, seen ?? 0n]
      .filter((position) => position > (own ?? 0n))
      .sort((a, b) => (a > b ? -1 : 1));
    for (const from of [...known, own]) {
      const ahead = await lookAhead(this.dependencies.connection, from, prefixes);
      if (ahead) return { from, ahead };
    }
    return undefined;
  }

  async #write(): Promise<void> {
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
