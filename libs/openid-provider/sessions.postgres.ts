import { randomBytes } from 'node:crypto';
import type { Clock } from '#libs/platform/clock.js';
import { inTransaction } from '#libs/platform/postgres/pool.js';
import type { Connection, Pool, Queryable } from '#libs/platform/postgres/pool.js';
import { requestAddress } from '#libs/platform/request-address.js';
import { markRevoked } from './grants.postgres.js';
import { enqueueLogouts } from './logout-deliveries.postgres.js';

/** A session row, as others may see it. */
export interface SessionRecord {
  readonly sessionId: string;
  readonly userId: string;
  readonly organizationId: string;
  /** The link that opened it, or renewed it last; none for a password. */
  readonly claimId?: string;
  /** Further links that it goes back to, since it was renewed. */
  readonly furtherClaimIds?: readonly string[];
  /** When the person authenticated; none: nobody knows. */
  readonly authTime?: Date;
  /** Revision of the user's stream that the sign-in was decided from. */
  readonly accountRevision: bigint;
}

/** A session that can be used now, as its person may see it. */
export interface ActiveSession extends SessionRecord {
  readonly startedAt: Date;
  readonly lastSeenAt: Date;
  /** Where it was begun, and with what; not always known. */
  readonly address?: string;
  readonly userAgent?: string;
}

/** How a person authenticated, and how long a session of it may last. */
export interface SessionAuthentication {
  readonly claimId?: string;
  readonly method: string;
  readonly lifetimeS: number;
  readonly authTime?: Date;
  readonly acr?: string;
  readonly amr: readonly string[];
}

export interface NewSession extends SessionAuthentication {
  readonly userId: string;
  readonly organizationId: string;
  readonly accountRevision: bigint;
  readonly address?: string | undefined;
  readonly userAgent?: string | undefined;
}

export type SessionSelector =
  | { readonly sessionId: string }
  | { readonly userId: string; readonly claimId: string }
  /** Those whose sign-in did not know the event of this revision of the user's stream. */
  | { readonly userId: string; readonly openedBefore: bigint; readonly except?: string | undefined };

interface Row {
  readonly uid: string;
  readonly user_id: string;
  readonly organization_id: string;
  readonly claim_id: string | null;
  readonly further_claim_ids: readonly string[];
  readonly auth_time: Date | null;
  readonly created_at: Date;
  readonly payload: { readonly acr?: string; readonly amr?: string[] };
  readonly address: string | null;
  readonly user_agent: string | null;
  readonly last_seen_at: Date;
  readonly account_revision: string;
}

/** A session lives this long at most, in seconds; an organization's policy may say less. */
export const SESSION_TTL_S = 90 * 24 * 3_600;

/** That a session was used is noted this often at most. */
const SEEN_MS = 60_000;

const randomId = (): string => randomBytes(32).toString('base64url');
const seconds = (date: Date): number => Math.floor(date.getTime() / 1_000);
const COLUMNS =
  'uid, user_id, organization_id, claim_id, further_claim_ids, auth_time, created_at, payload, address, user_agent, ' +
  'last_seen_at, account_revision';

const fromRow = (row: Row): SessionRecord => ({
  sessionId: row.uid,
  userId: row.user_id,
  organizationId: row.organization_id,
  ...(row.claim_id === null ? {} : { claimId: row.claim_id }),
  ...(row.further_claim_ids.length === 0 ? {} : { furtherClaimIds: row.further_claim_ids }),
  ...(row.auth_time === null ? {} : { authTime: row.auth_time }),
  accountRevision: BigInt(row.account_revision),
});

/**
 * The OpenID Provider's session rows: the only browser sessions there are. A row is inserted as pending when a person
 * was recognized, becomes active only after the events of the sign-in are stored, and ends once (domain.md, "Sign-in
 * against revocation").
 */
export class SessionRows {
  constructor(
    private readonly pool: Pool,
    private readonly clock: Clock,
  ) {}

  async insertPending(session: NewSession): Promise<{ readonly sessionId: string }> {
    const uid = randomId();
    const now = this.clock();
    const payload = {
      uid,
      kind: 'Session',
      accountId: session.userId,
      ...authenticationPayload(session, now),
    };
    await this.pool.query(
      `INSERT INTO provider.sessions
         (uid, state, user_id, organization_id, claim_id, method, auth_time, payload, expires_at, account_revision, address, user_agent, last_seen_at)
       VALUES ($1, 'pending', $2, $3, $4, $5, $6, $7, to_timestamp($8), $9, $10, $11, $12)`,
      [
        uid,
        session.userId,
        session.organizationId,
        session.claimId ?? null,
        session.method,
        session.authTime ?? null,
        JSON.stringify(payload),
        payload.exp,
        session.accountRevision,
        session.address ?? null,
        session.userAgent ?? null,
        now,
      ],
    );
    return { sessionId: uid };
  }

  /**
   * Compare-and-set from pending to active.
   * @returns the value for the cookie, or nothing when the session was ended meanwhile
   */
  async activate(sessionId: string): Promise<string | undefined> {
    const jti = randomId();
    const { rowCount } = await this.pool.query(
      `UPDATE provider.sessions SET state = 'active', jti = $2, payload = payload || jsonb_build_object('jti', $2::text) WHERE uid = $1 AND state = 'pending'`,
      [sessionId, jti],
    );
    return rowCount === 1 ? jti : undefined;
  }

  /**
   * From now on an active session ends with this link too, and so do its grants: before the events of its renewal, so
   * that an unlink meanwhile finds it (domain.md, "Sign-in against revocation"). @returns false when it has ended
   */
  prepareRenewal(sessionId: string, claimId: string | undefined): Promise<boolean> {
    return inTransaction(this.pool, async (db) => {
      const { rowCount } = await db.query(
        `UPDATE provider.sessions SET further_claim_ids = ${withFurther('$2')}
         WHERE uid = $1 AND state = 'active' AND expires_at > $3`,
        [sessionId, claimId ?? null, this.clock()],
      );
      if (rowCount !== 1) return false;
      await db.query(
        `UPDATE provider.grants SET further_claim_ids = ${withFurther('$2')}
         WHERE session_uid = $1 AND revoked_at IS NULL`,
        [sessionId, claimId ?? null],
      );
      return true;
    });
  }

  /**
   * An active session is of another authentication of the same person from now on, with a fresh id. What it was decided
   * from stays what it was: an event since then still ends it. @returns the value for the cookie, or nothing when the
   * session was ended meanwhile
   */
  async renew(sessionId: string, by: SessionAuthentication): Promise<string | undefined> {
    const jti = randomId();
    const payload = { jti, ...authenticationPayload(by, this.clock()) };
    const { rowCount } = await this.pool.query(
      `UPDATE provider.sessions
       SET jti = $2, further_claim_ids = ${withFurther('claim_id')}, claim_id = $3, method = $4, auth_time = $5,
         payload = (payload - ARRAY['loginTs', 'acr', 'amr']) || $6::jsonb, expires_at = to_timestamp($7)
       WHERE uid = $1 AND state = 'active' AND ($3::uuid IS NULL OR $3 = ANY (further_claim_ids))`,
      [sessionId, jti, by.claimId ?? null, by.method, by.authTime ?? null, JSON.stringify(payload), payload.exp],
    );
    return rowCount === 1 ? jti : undefined;
  }

  /**
   * Gives an active session a fresh id, so that one learned before no longer works.
   * @returns the value for the cookie
   */
  async rotate(sessionId: string): Promise<string | undefined> {
    const jti = randomId();
    const { rowCount } = await this.pool.query(
      `UPDATE provider.sessions SET jti = $2, payload = payload || jsonb_build_object('jti', $2::text) WHERE uid = $1 AND state = 'active'`,
      [sessionId, jti],
    );
    return rowCount === 1 ? jti : undefined;
  }

  /** The active, unexpired session behind a cookie's value. */
  async findActive(jti: string): Promise<SessionRecord | undefined> {
    const { rows } = await this.pool.query<Row>(
      `SELECT ${COLUMNS} FROM provider.sessions WHERE jti = $1 AND state = 'active' AND expires_at > $2`,
      [jti, this.clock()],
    );
    const row = rows[0];
    if (row && this.clock().getTime() - row.last_seen_at.getTime() > SEEN_MS) {
      await this.pool.query('UPDATE provider.sessions SET last_seen_at = $2 WHERE uid = $1', [row.uid, this.clock()]);
    }
    return row && fromRow(row);
  }

  /** A user's active, unexpired sessions, the one used last first. */
  async activeOf(userId: string): Promise<readonly ActiveSession[]> {
    const { rows } = await this.pool.query<Row>(
      `SELECT ${COLUMNS} FROM provider.sessions WHERE user_id = $1 AND state = 'active' AND expires_at > $2 ORDER BY last_seen_at DESC, uid`,
      [userId, this.clock()],
    );
    return rows.map((row) => ({
      ...fromRow(row),
      startedAt: row.created_at,
      lastSeenAt: row.last_seen_at,
      ...(row.address === null ? {} : { address: row.address }),
      ...(row.user_agent === null ? {} : { userAgent: row.user_agent }),
    }));
  }

  /** Whether a session is active, and of this organization: another one's never satisfies a client (invariant 11). */
  async admits(sessionId: string, organizationId: unknown): Promise<boolean> {
    const { rowCount } = await this.pool.query(
      `SELECT 1 FROM provider.sessions WHERE uid = $1 AND organization_id = $2 AND state = 'active' AND expires_at > $3`,
      [sessionId, organizationId, this.clock()],
    );
    return rowCount === 1;
  }

  /** The organization of a session, also of one that has ended; nothing for one that nobody signed in to. */
  async organizationOf(sessionId: string): Promise<string | undefined> {
    const { rows } = await this.pool.query<Pick<Row, 'organization_id'>>(
      'SELECT organization_id FROM provider.sessions WHERE uid = $1',
      [sessionId],
    );
    return rows[0]?.organization_id ?? undefined;
  }

  /** What a sign-in says of the person, for the relying party's tokens; `authTime` in seconds since the epoch. */
  async loginOf(
    sessionId: string,
  ): Promise<{ accountId: string; authTime?: number; acr?: string; amr: string[] } | undefined> {
    const { rows } = await this.pool.query<Row>(
      `SELECT ${COLUMNS} FROM provider.sessions WHERE uid = $1 AND state = 'active'`,
      [sessionId],
    );
    const row = rows[0];
    if (!row) return undefined;
    const { acr, amr = [] } = row.payload;
    return {
      accountId: row.user_id,
      ...(row.auth_time === null ? {} : { authTime: seconds(row.auth_time) }),
      amr,
      ...(acr === undefined ? {} : { acr }),
    };
  }

  /**
   * Ends pending and active sessions, and takes away the codes, tokens and grants obtained through them, in one
   * transaction; the apps that got an ID token in them are told (Back-Channel Logout 1.0). What an app may do without
   * its person (`offline_access`) outlives a session, but not the link or the credential that it goes back to.
   * Artifacts in flight are stored under locks on the rows of their session and grant, so that none appears afterwards.
   */
  end(where: SessionSelector, reason: string): Promise<readonly SessionRecord[]> {
    return inTransaction(this.pool, async (db) => {
      const now = this.clock();
      const [condition, values] = sessionCondition(where);
      const { rows } = await db.query<Row>(
        `UPDATE provider.sessions SET state = 'ended', jti = NULL, ended_at = $1, ended_reason = $2, address = NULL, user_agent = NULL
         WHERE state IN ('pending', 'active') AND ${condition} RETURNING ${COLUMNS}`,
        [now, reason, ...values],
      );
      const uids = rows.map(({ uid }) => uid);
      await removeWhatHangsOn(db, uids);
      if ('userId' in where) await markRevoked(db, ...grantCondition(where), reason, now);
      await enqueueLogouts(db, uids, now);
      return rows.map(fromRow);
    });
  }
}

/** The part of oidc-provider's session that says how the person authenticated. */
const authenticationPayload = ({ authTime, acr, amr, lifetimeS }: SessionAuthentication, now: Date) => ({
  ...(authTime ? { loginTs: seconds(authTime) } : {}),
  amr,
  ...(acr === undefined ? {} : { acr }),
  iat: seconds(now),
  exp: seconds(now) + lifetimeS,
});

/** SQL: further links and this one, once. */
const withFurther = (claimId: string): string =>
  `CASE WHEN ${claimId}::uuid IS NULL OR ${claimId}::uuid = ANY (further_claim_ids) THEN further_claim_ids
   ELSE further_claim_ids || ${claimId}::uuid END`;

type Condition = readonly [string, readonly unknown[]];

/** What goes back to a link of a user's: it was opened through it, or renewed (invariant 7). */
const THROUGH_LINK = 'user_id = $3 AND (claim_id = $4 OR $4 = ANY (further_claim_ids))';

const sessionCondition = (where: SessionSelector): Condition => {
  if ('sessionId' in where) return ['uid = $3', [where.sessionId]];
  if ('claimId' in where) return [THROUGH_LINK, [where.userId, where.claimId]];
  return [
    'user_id = $3 AND account_revision < $4 AND uid IS DISTINCT FROM $5',
    [where.userId, where.openedBefore, where.except ?? null],
  ];
};

const grantCondition = (where: Exclude<SessionSelector, { sessionId: string }>): Condition =>
  'claimId' in where
    ? [THROUGH_LINK, [where.userId, where.claimId]]
    : [
        'user_id = $3 AND account_revision < $4 AND session_uid IS DISTINCT FROM $5',
        [where.userId, where.openedBefore, where.except ?? null],
      ];

const removeWhatHangsOn = async (db: Connection, uids: readonly string[]): Promise<void> => {
  if (uids.length === 0) return;
  await db.query('DELETE FROM provider.artifacts WHERE session_uid = ANY($1)', [uids]);
  const { rows } = await db.query<{ id: string }>(
    `DELETE FROM provider.grants g WHERE g.session_uid = ANY($1) AND g.revoked_at IS NULL AND NOT EXISTS (
       SELECT 1 FROM provider.artifacts a WHERE a.grant_id = g.id AND a.model = 'RefreshToken' AND a.consumed_at IS NULL)
     RETURNING g.id`,
    [uids],
  );
  await db.query('DELETE FROM provider.artifacts WHERE grant_id = ANY($1)', [rows.map(({ id }) => id)]);
};

/**
 * The part of a session that oidc-provider stores and loads: its Session model's adapter works on these rows by `uid`.
 */
export interface StoredSession {
  readonly uid: string;
  readonly accountId?: string;
}

export const upsertSession = async (
  db: Queryable,
  jti: string,
  payload: StoredSession,
  expiresAt: Date,
): Promise<boolean> => {
  // State, user, link and how the person authenticated are ours: what oidc-provider saves never changes them, and never
  // revives a session that has ended. Nor does it bring an id back: a session has none while oidc-provider changes it,
  // and one that it got meanwhile stays (L22).
  const { rowCount } = await db.query(
    `INSERT INTO provider.sessions (uid, jti, state, payload, expires_at, address) VALUES ($1, $2, 'anonymous', $3, $4, $6)
     ON CONFLICT (uid) DO UPDATE SET last_seen_at = now(),
       jti = CASE sessions.state WHEN 'active' THEN COALESCE(sessions.jti, $2) ELSE $2 END,
       payload = CASE sessions.state
         WHEN 'active' THEN ($3::jsonb - ARRAY['loginTs', 'acr', 'amr']) || jsonb_strip_nulls(jsonb_build_object(
           'jti', COALESCE(sessions.jti, $2), 'loginTs', sessions.payload -> 'loginTs',
           'acr', sessions.payload -> 'acr', 'amr', sessions.payload -> 'amr'))
         ELSE $3 END,
       expires_at = CASE sessions.state WHEN 'active' THEN LEAST(sessions.expires_at, $4) ELSE $4 END
     WHERE sessions.state = 'anonymous' OR (sessions.state = 'active' AND sessions.user_id::text = $5)`,
    [payload.uid, jti, JSON.stringify(payload), expiresAt, payload.accountId ?? null, requestAddress() ?? null],
  );
  return rowCount === 1;
};

/**
 * A payload is only found when it carries no account, or when its row is active: no session without its events
 * (invariant 5).
 */
export const findSessionPayload = async (db: Queryable, by: 'jti' | 'uid', value: string): Promise<unknown> => {
  const { rows } = await db.query<{ payload: unknown }>(
    `SELECT payload FROM provider.sessions
     WHERE ${by} = $1 AND jti IS NOT NULL AND expires_at > now() AND (state = 'active' OR (state = 'anonymous' AND NOT payload ? 'accountId'))`,
    [value],
  );
  return rows[0]?.payload;
};

/**
 * oidc-provider destroys the old id before it saves the same session under a new one, so this only takes the id away.
 */
export const forgetSessionId = async (db: Queryable, jti: string): Promise<void> => {
  await db.query('UPDATE provider.sessions SET jti = NULL WHERE jti = $1', [jti]);
};

/** Removes everything that names the user: after an erasure. */
export const purgeSessions = async (db: Queryable, userId: string): Promise<void> => {
  await db.query(
    'DELETE FROM provider.artifacts WHERE grant_id IN (SELECT id FROM provider.grants WHERE user_id = $1)',
    [userId],
  );
  // Those without a grant. They live for minutes, and are few.
  await db.query(
    `DELETE FROM provider.artifacts WHERE model IN ('Interaction', 'DeviceCode')
       AND $1 IN (payload ->> 'accountId', payload #>> '{session,accountId}', payload #>> '{result,login,accountId}', payload #>> '{lastSubmission,login,accountId}')`,
    [userId],
  );
  for (const table of ['grants', 'consents', 'sessions'])
    await db.query(`DELETE FROM provider.${table} WHERE user_id = $1`, [userId]);
};
