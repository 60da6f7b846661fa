import type { AdapterPayload } from 'oidc-provider';
import type { Pool } from '#libs/platform/postgres/pool.js';
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

export type Reservation =
  | { readonly kind: 'reserved'; readonly grant: GrantRow }
  /** By another request, at this moment. */
  | { readonly kind: 'taken' }
  | { readonly kind: 'consumed'; readonly grantId: string }
  /** A device's code that the person refused: there is nothing to give. */
  | { readonly kind: 'refused' }
  | { readonly kind: 'gone' };

/** A reservation lapses after this time, when its process died: longer than a request may take, in seconds. */
const LAPSES_AFTER_S = 15;

/** Takes a code or a refresh token out of the reach of other requests, for a while. Times are the database's: instances' clocks may differ. */
export const reserve = async (
  pool: Pool,
  { model, id, by }: { readonly model: string; readonly id: string; readonly by: string },
): Promise<Reservation> => {
  const { rows } = await pool.query<GrantRow>({
    name: 'reserve artifact',
    text: `UPDATE provider.artifacts a SET reserved_by = $3, reserved_until = now() + make_interval(secs => ${LAPSES_AFTER_S})
           FROM provider.grants g
           WHERE a.model = $1 AND a.id = $2 AND a.consumed_at IS NULL AND (a.reserved_by IS NULL OR a.reserved_until < now())
             AND g.id = a.grant_id AND g.revoked_at IS NULL
           RETURNING g.id, g.client_id, g.user_id, g.organization_id, g.session_uid, g.claim_id, g.account_revision`,
    values: [model, id, by],
  });
  if (rows[0]) return { kind: 'reserved', grant: rows[0] };
  const { rows: found } = await pool.query<{ consumed: boolean; grant_id: string | null }>(
    `SELECT a.consumed_at IS NOT NULL AS consumed, a.grant_id
     FROM provider.artifacts a LEFT JOIN provider.grants g ON g.id = a.grant_id
     WHERE a.model = $1 AND a.id = $2 AND (a.grant_id IS NULL OR (g.id IS NOT NULL AND g.revoked_at IS NULL))`,
    [model, id],
  );
  const [artifact] = found;
  if (!artifact) return { kind: 'gone' };
  if (artifact.grant_id === null) return { kind: 'refused' };
  return artifact.consumed ? { kind: 'consumed', grantId: artifact.grant_id } : { kind: 'taken' };
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
    readonly writes: readonly Artifact[];
  },
): Promise<boolean> => {
  const { rows } = await pool.query<{ settled: boolean }>({
    name: 'commit exchange',
    text: `
      WITH bound AS (SELECT session_uid AS uid FROM provider.artifacts WHERE model = $1 AND id = $2),
           session AS (SELECT s.uid FROM provider.sessions s JOIN bound b ON s.uid = b.uid WHERE s.state = 'active' FOR SHARE OF s),
           granted AS (SELECT g.id FROM provider.grants g
                       WHERE g.id = $4 AND g.revoked_at IS NULL AND ((SELECT uid FROM bound) IS NULL OR EXISTS (SELECT 1 FROM session)) FOR SHARE),
           settled AS (UPDATE provider.artifacts SET consumed_at = now()
                       WHERE model = $1 AND id = $2 AND reserved_by = $3 AND consumed_at IS NULL AND EXISTS (SELECT 1 FROM granted) RETURNING 1),
           written AS (INSERT INTO provider.artifacts (model, id, payload, grant_id, session_uid, expires_at)
                       SELECT w.model, w.id, w.payload, w."grantId", w."sessionUid", w."expiresAt"
                       FROM jsonb_to_recordset($5::jsonb) AS w (model text, id text, payload jsonb, "grantId" text, "sessionUid" text, "expiresAt" timestamptz)
                       WHERE EXISTS (SELECT 1 FROM settled))
      SELECT EXISTS (SELECT 1 FROM settled) OR EXISTS (
        SELECT 1 FROM provider.artifacts WHERE model = $1 AND id = $2 AND reserved_by = $3 AND consumed_at IS NOT NULL) AS settled`,
    values: [exchange.model, exchange.id, exchange.by, exchange.grantId, JSON.stringify(exchange.writes)],
  });
  return rows[0]?.settled === true;
};
