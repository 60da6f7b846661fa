import { createHash } from 'node:crypto';
import type { Clock } from '#libs/platform/clock.js';
import type { Migration } from '#libs/platform/postgres/migrations.js';
import { inTransaction } from '#libs/platform/postgres/pool.js';
import type { Pool, Queryable } from '#libs/platform/postgres/pool.js';
import { Flows } from '../flows.postgres.js';
import type { ConsumedFlow } from '../flows.postgres.js';

export const consumedAssertionMigrations: readonly Migration[] = [
  {
    name: 'identity-providers/consumed-assertions',
    sql: `
      CREATE TABLE provider.consumed_assertions (
        provider_id text NOT NULL,
        assertion_hash bytea NOT NULL,
        expires_at timestamptz NOT NULL,
        PRIMARY KEY (provider_id, assertion_hash)
      );
      CREATE INDEX consumed_assertions_expiry ON provider.consumed_assertions (expires_at)`,
  },
];

/** An assertion, as far as its use is concerned. */
export interface SingleUse {
  readonly providerId: string;
  /** As the provider gave it: unique among its assertions. */
  readonly id: string;
  /** From then on it is refused for its age. */
  readonly usableUntil: Date;
}

/** What of a request its response is compared with. */
export interface SamlFlowRequest {
  /** What was asked for by `RequestedAuthnContext`. */
  readonly acrValues?: readonly string[];
}

export type Consumed =
  | { readonly kind: 'replayed' }
  /** Unsolicited: there is no flow. */
  | { readonly kind: 'first'; readonly flow: ConsumedFlow<SamlFlowRequest> | undefined };

/** Rows are kept this much longer than the assertion may be used: clocks differ. */
const MARGIN_MS = 120_000;

const insert = async (db: Queryable, { providerId, id, usableUntil }: SingleUse): Promise<boolean> => {
  const { rowCount } = await db.query(
    `INSERT INTO provider.consumed_assertions (provider_id, assertion_hash, expires_at) VALUES ($1, $2, $3)
     ON CONFLICT (provider_id, assertion_hash) DO NOTHING`,
    [providerId, createHash('sha256').update(id).digest(), new Date(usableUntil.getTime() + MARGIN_MS)],
  );
  return rowCount === 1;
};

/** Which assertions were used already. Every assertion is treated as one with OneTimeUse (security row S4). */
export class ConsumedAssertions {
  constructor(
    private readonly pool: Pool,
    private readonly clock: Clock,
  ) {}

  /**
   * Uses up the request that a response answers and the assertion in it, both in one transaction: of concurrent posts
   * of a response at most one finds both unused. The request is used up whatever becomes of the response.
   * @param assertion nothing where the response was refused already
   */
  consume(requestId: string | undefined, browserId: string, assertion: SingleUse | undefined): Promise<Consumed> {
    return inTransaction(this.pool, async (db) => {
      const flow =
        requestId === undefined
          ? undefined
          : await new Flows<SamlFlowRequest>(db, this.clock).consume(requestId, browserId);
      const first = assertion === undefined || (await insert(db, assertion));
      return first ? { kind: 'first', flow } : { kind: 'replayed' };
    });
  }

  async removeExpired(): Promise<void> {
    await this.pool.query('DELETE FROM provider.consumed_assertions WHERE expires_at < $1', [this.clock()]);
  }
}
