import { StoreAwayError, UnknownOutcomeError } from '#libs/event-store/store-errors.js';
import { errors, Provider } from 'oidc-provider';
import type { Adapter, AdapterPayload } from 'oidc-provider';
import type { Clock } from '#libs/platform/clock.js';
import type { Logger } from '#libs/platform/logger.js';
import { inTransaction } from '#libs/platform/postgres/pool.js';
import type { Pool, Queryable } from '#libs/platform/postgres/pool.js';
import type { TokensRevokedReason } from './events.js';
import { Lookups } from './lookups.js';

/** What an app may do for a person, and the sign-in that this goes back to: the unit of revocation. */
export interface GrantRecord {
  readonly grantId: string;
  readonly clientId: string;
  readonly userId: string;
  readonly organizationId: string;
  readonly sessionId: string;
  /** The link through which the person came in; none for a password. */
  readonly claimId?: string;
  /** Further links that its session goes back to, since it was renewed. */
  readonly furtherClaimIds?: readonly string[];
  /** Revision of the user's stream that the sign-in was decided from. */
  readonly accountRevision: bigint;
}

export type RevocationReason = TokensRevokedReason | 'refresh_token_reuse';

/** As PostgreSQL gives it, also as JSON. */
export interface GrantRow {
  readonly id: string;
  readonly client_id: string;
  readonly user_id: string;
  readonly organization_id: string;
  readonly session_uid: string;
  readonly claim_id: string | null;
  readonly further_claim_ids: readonly string[];
  readonly account_revision: string | number;
}

export const grantFromRow = (row: GrantRow): GrantRecord => ({
  grantId: row.id,
  clientId: row.client_id,
  userId: row.user_id,
  organizationId: row.organization_id,
  sessionId: row.session_uid,
  ...(row.claim_id === null ? {} : { claimId: row.claim_id }),
  ...(row.further_claim_ids.length === 0 ? {} : { furtherClaimIds: row.further_claim_ids }),
  accountRevision: BigInt(row.account_revision),
});

/** What a {@link GrantRow} is read from. */
export const GRANT_COLUMNS = [
  'id',
  'client_id',
  'user_id',
  'organization_id',
  'session_uid',
  'claim_id',
  'further_claim_ids',
  'account_revision',
] as const;
const COLUMNS = GRANT_COLUMNS.join(', ');

export type GrantSelector = { readonly grantId: string } | { readonly userId: string; readonly clientId: string };

/**
 * Marks grants as revoked and takes their codes and tokens away: from then on they are good for nothing. Their events
 * are owed.
 */
export const markRevoked = async (
  db: Queryable,
  condition: string,
  values: readonly unknown[],
  reason: string,
  now: Date,
): Promise<readonly GrantRow[]> => {
  const { rows } = await db.query<GrantRow>(
    `UPDATE provider.grants SET revoked_at = $1, revoked_reason = $2 WHERE revoked_at IS NULL AND ${condition} RETURNING ${COLUMNS}`,
    [now, reason, ...values],
  );
  await db.query('DELETE FROM provider.artifacts WHERE grant_id = ANY($1)', [rows.map(({ id }) => id)]);
  return rows;
};

const conditionOf = (where: GrantSelector): readonly [string, readonly unknown[]] =>
  'grantId' in where
    ? ['id = $3', [where.grantId]]
    : ['user_id = $3 AND client_id = $4', [where.userId, where.clientId]];

/**
 * Grants end at once and for all instances; the event of it follows. A grant's row stays, revoked, until its event is
 * stored, so that no event is lost when the event store is away or a process dies in between.
 */
export class Grants {
  constructor(
    private readonly pool: Pool,
    private readonly clock: Clock,
    private readonly logger: Logger,
    /** Stores the event. */
    private readonly onRevoked: (grant: GrantRecord, reason: RevocationReason) => Promise<void>,
  ) {}

  /** @returns the grants that this call ended; none when they had ended before */
  async revoke(where: GrantSelector, reason: RevocationReason): Promise<readonly GrantRecord[]> {
    const rows = await inTransaction(this.pool, (db) => markRevoked(db, ...conditionOf(where), reason, this.clock()));
    for (const row of rows) await this.#settle(row, reason);
    return rows.map(grantFromRow);
  }

  /**
   * Stores the events that are still owed. One that cannot be stored keeps no other waiting, but a store that is away
   * is not tried for each.
   */
  async finishRevocations(): Promise<void> {
    const { rows } = await this.pool.query<GrantRow & { revoked_reason: RevocationReason }>(
      `SELECT ${COLUMNS}, revoked_reason FROM provider.grants WHERE revoked_at IS NOT NULL ORDER BY revoked_at LIMIT 500`,
    );
    for (const row of rows) {
      const failure = await this.#settle(row, row.revoked_reason);
      if (failure instanceof StoreAwayError || failure instanceof UnknownOutcomeError) return;
    }
  }

  /** @returns why the event could not be stored, if it could not */
  async #settle(row: GrantRow, reason: RevocationReason): Promise<unknown> {
    try {
      await inTransaction(this.pool, async (db) => {
        // Whoever deletes the row stores the event; another one waits here, and then finds nothing.
        const { rowCount } = await db.query('DELETE FROM provider.grants WHERE id = $1', [row.id]);
        if (rowCount === 1) await this.onRevoked(grantFromRow(row), reason);
      });
      return undefined;
    } catch (error) {
      this.logger.warn(
        { error: (error as Error).message, reason },
        'the event of a revoked grant could not be stored yet',
      );
      return error;
    }
  }
}

/** Why oidc-provider ends a grant, by what it is doing; nothing where the session's own end takes it along. */
const reasonOf = (): RevocationReason | undefined => {
  const oidc = Provider.ctx?.oidc;
  switch (oidc?.route) {
    case 'token':
      return oidc.params?.grant_type === 'refresh_token' ? 'refresh_token_reuse' : 'code_replayed';
    case 'end_session_confirm':
      return oidc.params?.logout ? undefined : 'signed_out_of_app';
    default:
      return 'revoked_by_client';
  }
};

const unsupported = (): never => {
  throw new Error('oidc-provider does not call this for grants');
};

/** oidc-provider's Grant model. A grant is stored only while the session that it is made in is active. */
export const grantAdapter = (pool: Pool, clock: Clock, grants: Grants): Adapter => ({
  upsert: async (id, payload, expiresIn = 0) => {
    const { rowCount } = await pool.query(
      `INSERT INTO provider.grants (id, client_id, user_id, organization_id, session_uid, claim_id, further_claim_ids,
         account_revision, payload, expires_at)
       SELECT $1, $2, s.user_id, s.organization_id, s.uid, s.claim_id, s.further_claim_ids, s.account_revision, $3, $4
       FROM provider.sessions s WHERE s.uid = $5 AND s.state = 'active' AND s.user_id::text = $6 FOR SHARE
       ON CONFLICT (id) DO UPDATE SET payload = $3, expires_at = $4 WHERE grants.revoked_at IS NULL`,
      [
        id,
        payload.clientId,
        JSON.stringify(payload),
        new Date(clock().getTime() + expiresIn * 1_000),
        Provider.ctx?.oidc.session?.uid,
        payload.accountId,
      ],
    );
    if (rowCount !== 1) throw new errors.AccessDenied('the session has ended');
    return undefined;
  },
  find: async (id) => {
    const readWithItsToken = Lookups.current().takeGrant(id);
    if (readWithItsToken) return readWithItsToken;
    const { rows } = await pool.query<{ payload: AdapterPayload }>({
      name: 'find grant',
      text: 'SELECT payload FROM provider.grants WHERE id = $1 AND revoked_at IS NULL AND expires_at > $2',
      values: [id, clock()],
    });
    return rows[0]?.payload;
  },
  destroy: async (id) => {
    const reason = reasonOf();
    if (reason) await grants.revoke({ grantId: id }, reason);
    return undefined;
  },
  findByUid: unsupported,
  findByUserCode: unsupported,
  consume: unsupported,
  revokeByGrantId: unsupported,
});
