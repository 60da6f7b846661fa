import type { AdapterPayload } from 'oidc-provider';
import { askTogether } from '#libs/platform/ask-together.js';
import type { Clock } from '#libs/platform/clock.js';
import type { Pool } from '#libs/platform/postgres/pool.js';
import { isRefusedStatement } from '#libs/platform/postgres/refused.js';
import { GRANT_COLUMNS } from './grants.postgres.js';
import type { GrantRow } from './grants.postgres.js';

/** A row of `provider.artifacts` to be. */
export interface Artifact {
  readonly model: string;
  readonly id: string;
  readonly payload: AdapterPayload;
  readonly grantId: string | null;
  readonly sessionUid: string | null;
  readonly expiresAt: Date | null;
}

/** What is reserved, as it was found. */
interface Reserved {
  readonly kind: 'reserved';
  readonly payload: AdapterPayload;
  /** Of the session that it ends with; none for what outlives it. */
  readonly sessionUid: string | null;
  readonly grant: GrantRow & { readonly payload: AdapterPayload };
}

export type Reservation =
  | Reserved
  /** By another request, at this moment. */
  | { readonly kind: 'taken' }
  | { readonly kind: 'consumed'; readonly grantId: string; readonly payload: AdapterPayload; readonly consumedAt: Date }
  /** A device's code that the person refused, or has not agreed to yet: there is nothing to give. */
  | { readonly kind: 'ungranted' }
  | { readonly kind: 'gone' };

/** A reservation lapses after this time, when its process died: longer than a request may take, in seconds. */
const LAPSES_AFTER_S = 15;

const GRANT = [...GRANT_COLUMNS, 'payload'].map((column) => `'${column}', g.${column}`).join(', ');

/** A code or a refresh token, and the request that wants it to itself. */
export interface Wanted {
  readonly model: string;
  readonly id: string;
  readonly by: string;
}

/** What becomes true at once. */
export interface Exchange extends Wanted {
  readonly grantId: string;
  /** Of the session that what was reserved is bound to. */
  readonly sessionUid: string | null;
  readonly writes: readonly Artifact[];
}

/** What another transaction is about to change, such as a revocation that ends it, counts as taken for the moment. */
const RESERVE = `
  WITH free AS (
    SELECT a.model, a.id, w.by, jsonb_build_object(${GRANT}) AS grant
    FROM unnest($1::text[], $2::text[], $3::text[]) AS w (model, id, by)
    JOIN provider.artifacts a ON a.model = w.model AND a.id = w.id AND a.consumed_at IS NULL AND (a.expires_at IS NULL OR a.expires_at > $4)
      AND (a.reserved_by IS NULL OR a.reserved_by = w.by OR a.reserved_until < now())
    JOIN provider.grants g ON g.id = a.grant_id AND g.revoked_at IS NULL AND g.expires_at > $4
    FOR UPDATE OF a SKIP LOCKED)
  UPDATE provider.artifacts a SET reserved_by = free.by, reserved_until = now() + make_interval(secs => ${LAPSES_AFTER_S})
  FROM free WHERE a.model = free.model AND a.id = free.id
  RETURNING a.reserved_by AS by, a.payload, a.session_uid AS "sessionUid", free.grant`;

/** Sessions before grants before artifacts, as whoever ends them takes them. */
const COMMIT = (patience: '' | 'NOWAIT'): string => `
  WITH exchange AS (SELECT * FROM jsonb_to_recordset($1::jsonb)
                      AS e (n int, model text, id text, by text, "grantId" text, "sessionUid" text, writes jsonb)),
       session AS (SELECT uid FROM provider.sessions
                   WHERE uid = ANY (SELECT "sessionUid" FROM exchange) AND state = 'active' FOR SHARE ${patience}),
       live AS (SELECT * FROM exchange WHERE "sessionUid" IS NULL OR "sessionUid" IN (SELECT uid FROM session)),
       granted AS (SELECT id FROM provider.grants WHERE id = ANY (SELECT "grantId" FROM live) AND revoked_at IS NULL FOR SHARE ${patience}),
       settled AS (UPDATE provider.artifacts a SET consumed_at = now() FROM live e
                   WHERE a.model = e.model AND a.id = e.id AND a.reserved_by = e.by AND a.consumed_at IS NULL AND e."grantId" IN (SELECT id FROM granted)
                   RETURNING e.n, e.writes),
       written AS (INSERT INTO provider.artifacts (model, id, payload, grant_id, session_uid, expires_at)
                   SELECT w.model, w.id, w.payload, w."grantId", w."sessionUid", w."expiresAt"
                   FROM settled, jsonb_to_recordset(settled.writes)
                     AS w (model text, id text, payload jsonb, "grantId" text, "sessionUid" text, "expiresAt" timestamptz))
  SELECT n FROM settled`;

/** SQLSTATE lock_not_available. */
const LOCK_NOT_AVAILABLE = '55P03';

/**
 * Codes and refresh tokens, each for one request at a time. Requests that run beside each other share statements; a
 * group waits for nobody's revocation, so that it keeps nobody else waiting and can be in no deadlock with one: those
 * of a group that meets one are settled each by itself. The statements have no name: PostgreSQL plans them for the size
 * that the tables have now, and not for that of the moment at which a connection first asked.
 */
export class Reservations {
  readonly #reserve: (wanted: Wanted) => Promise<Reserved | undefined>;
  readonly #commit: (exchange: Exchange) => Promise<boolean>;

  constructor(
    private readonly pool: Pool,
    private readonly clock: Clock,
  ) {
    this.#reserve = askTogether((wanted) => this.#reserveAll(wanted), isRefusedStatement);
    this.#commit = askTogether(
      (exchanges) => this.#commitAll(exchanges),
      (error) => isRefusedStatement(error) || (error as { code?: unknown }).code === LOCK_NOT_AVAILABLE,
    );
  }

  /**
   * Finds a code or a refresh token and takes it out of the reach of other requests, for a while, which is the
   * database's: instances' clocks may differ.
   */
  async reserve(wanted: Wanted): Promise<Reservation> {
    const reserved = await this.#reserve(wanted);
    if (reserved) return reserved;
    const { rows: found } = await this.pool.query<{
      payload: AdapterPayload;
      consumed_at: Date | null;
      grant_id: string | null;
    }>(
      `SELECT a.payload, a.consumed_at, a.grant_id
       FROM provider.artifacts a LEFT JOIN provider.grants g ON g.id = a.grant_id
       WHERE a.model = $1 AND a.id = $2 AND (a.expires_at IS NULL OR a.expires_at > $3)
         AND (a.grant_id IS NULL OR (g.id IS NOT NULL AND g.revoked_at IS NULL AND g.expires_at > $3))`,
      [wanted.model, wanted.id, this.clock()],
    );
    const [artifact] = found;
    if (!artifact) return { kind: 'gone' };
    const { payload, consumed_at: consumedAt, grant_id: grantId } = artifact;
    if (grantId === null) return { kind: 'ungranted' };
    return consumedAt ? { kind: 'consumed', grantId, payload, consumedAt } : { kind: 'taken' };
  }

  async giveBack({ model, id, by }: Wanted): Promise<void> {
    await this.pool.query(
      `UPDATE provider.artifacts SET reserved_by = NULL, reserved_until = NULL
       WHERE model = $1 AND id = $2 AND reserved_by = $3 AND consumed_at IS NULL`,
      [model, id, by],
    );
  }

  /**
   * Consumes what was reserved and stores what follows from it, at once, while the session (where it is bound to one)
   * is active and the grant is not revoked; a revocation locks the same rows in the same order. Asked again after a
   * lost answer it finds its own work done.
   * @returns false when nothing was stored, because session, grant or reservation is over
   */
  async commit(exchange: Exchange): Promise<boolean> {
    if (await this.#commit(exchange)) return true;
    const { rows } = await this.pool.query(
      'SELECT 1 FROM provider.artifacts WHERE model = $1 AND id = $2 AND reserved_by = $3 AND consumed_at IS NOT NULL',
      [exchange.model, exchange.id, exchange.by],
    );
    return rows.length === 1;
  }

  async #reserveAll(wanted: readonly Wanted[]): Promise<readonly (Reserved | undefined)[]> {
    const { rows } = await this.pool.query<Omit<Reserved, 'kind'> & { readonly by: string }>({
      text: RESERVE,
      values: [wanted.map(({ model }) => model), wanted.map(({ id }) => id), wanted.map(({ by }) => by), this.clock()],
    });
    const reserved = new Map(rows.map(({ by, ...found }) => [by, { kind: 'reserved', ...found } as const]));
    return wanted.map(({ by }) => reserved.get(by));
  }

  async #commitAll(exchanges: readonly Exchange[]): Promise<readonly boolean[]> {
    const alone = exchanges.length === 1;
    const { rows } = await this.pool.query<{ n: number }>({
      text: COMMIT(alone ? '' : 'NOWAIT'),
      values: [JSON.stringify(exchanges.map((exchange, n) => ({ ...exchange, n })))],
    });
    const settled = new Set(rows.map(({ n }) => n));
    return exchanges.map((_exchange, n) => settled.has(n));
  }
}
