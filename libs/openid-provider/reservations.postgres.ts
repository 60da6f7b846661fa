import type { AdapterPayload } from 'oidc-provider';
import type { Pool } from '#libs/platform/postgres/pool.js';
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

/**
 * Finds a code or a refresh token and takes it out of the reach of other requests, for a while, which is the database's: instances' clocks may differ.
 * @param now what has expired by then is gone
 */
export const reserve = async (
  pool: Pool,
  { model, id, by }: { readonly model: string; readonly id: string; readonly by: string },
  now: Date,
): Promise<Reservation> => {
  const { rows } = await pool.query<Omit<Reserved, 'kind'>>({
    name: 'reserve artifact',
    text: `UPDATE provider.artifacts a SET reserved_by = $3, reserved_until = now() + make_interval(secs => ${LAPSES_AFTER_S})
           FROM provider.grants g
           WHERE a.model = $1 AND a.id = $2 AND a.consumed_at IS NULL AND (a.expires_at IS NULL OR a.expires_at > $4)
             AND (a.reserved_by IS NULL OR a.reserved_by = $3 OR a.reserved_until < now())
             AND g.id = a.grant_id AND g.revoked_at IS NULL AND g.expires_at > $4
           RETURNING a.payload, a.session_uid AS "sessionUid", jsonb_build_object(${GRANT}) AS grant`,
    values: [model, id, by, now],
  });
  if (rows[0]) return { kind: 'reserved', ...rows[0] };
  const { rows: found } = await pool.query<{ payload: AdapterPayload; consumed_at: Date | null; grant_id: string | null }>(
    `SELECT a.payload, a.consumed_at, a.grant_id
     FROM provider.artifacts a LEFT JOIN provider.grants g ON g.id = a.grant_id
     WHERE a.model = $1 AND a.id = $2 AND (a.expires_at IS NULL OR a.expires_at > $3)
       AND (a.grant_id IS NULL OR (g.id IS NOT NULL AND g.revoked_at IS NULL AND g.expires_at > $3))`,
    [model, id, now],
  );
  const [artifact] = found;
  if (!artifact) return { kind: 'gone' };
  const { payload, consumed_at: consumedAt, grant_id: grantId } = artifact;
  if (grantId === null) return { kind: 'ungranted' };
  return consumedAt ? { kind: 'consumed', grantId, payload, consumedAt } : { kind: 'taken' };
};

export const giveBack = async (pool: Pool, by: string, { model, id }: { readonly model: string; readonly id: string }): Promise<void> => {
  await pool.query(
    `UPDATE provider.artifacts SET reserved_by = NULL, reserved_until = NULL
     WHERE model = $1 AND id = $2 AND reserved_by = $3 AND consumed_at IS NULL`,
    [model, id, by],
  );
};

/**
 * Consumes what was reserved and stores what follows from it, at once, while the session (where it is bound to one) is active and the grant is
 * not revoked; a revocation locks the same rows in the same order. Asked again after a lost answer it finds its own work done.
 * @returns false when nothing was stored, because session, grant or reservation is over
 */
export const commitExchange = async (
  pool: Pool,
  exchange: {
    readonly model: string;
    readonly id: string;
    readonly by: string;
    readonly grantId: string;
    /** Of the session that what was reserved is bound to. */
    readonly sessionUid: string | null;
    readonly writes: readonly Artifact[];
  },
): Promise<boolean> => {
  const { model, id, by, grantId, sessionUid, writes } = exchange;
  const { rowCount } = await pool.query({
    name: 'commit exchange',
    text: `
      WITH session AS (SELECT 1 FROM provider.sessions WHERE uid = $5 AND state = 'active' FOR SHARE),
           granted AS (SELECT 1 FROM provider.grants
                       WHERE id = $4 AND revoked_at IS NULL AND ($5::text IS NULL OR EXISTS (SELECT 1 FROM session)) FOR SHARE),
           settled AS (UPDATE provider.artifacts SET consumed_at = now()
                       WHERE model = $1 AND id = $2 AND reserved_by = $3 AND consumed_at IS NULL AND EXISTS (SELECT 1 FROM granted) RETURNING 1)
      INSERT INTO provider.artifacts (model, id, payload, grant_id, session_uid, expires_at)
      SELECT model, id, payload, "grantId", "sessionUid", "expiresAt"
      FROM jsonb_to_recordset($6::jsonb) AS w (model text, id text, payload jsonb, "grantId" text, "sessionUid" text, "expiresAt" timestamptz)
      WHERE EXISTS (SELECT 1 FROM settled)`,
    values: [model, id, by, grantId, sessionUid, JSON.stringify(writes)],
  });
  if (rowCount === writes.length && rowCount > 0) return true;
  const { rows } = await pool.query(
    'SELECT 1 FROM provider.artifacts WHERE model = $1 AND id = $2 AND reserved_by = $3 AND consumed_at IS NOT NULL',
    [model, id, by],
  );
  return rows.length === 1;
};
