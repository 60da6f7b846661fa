import type { Clock } from '#libs/platform/clock.js';
import type { Pool } from '#libs/platform/postgres/pool.js';

/** An app that may do something for a person now, or that the person agreed to. */
export interface AppWithAccess {
  readonly clientId: string;
  /** Scopes of OpenID Connect that its grants have. */
  readonly scopes: readonly string[];
  /** When it got its first grant that is still good, or when the person agreed. */
  readonly since: Date;
  /** It keeps its access when the person signs out. */
  readonly offline: boolean;
  /** When the person agreed on a page; `undefined` where the organization did. */
  readonly consentedAt: Date | undefined;
}

interface Row {
  readonly client_id: string;
  readonly scopes: string[];
  readonly since: Date;
  readonly offline: boolean;
  readonly consented_at: Date | null;
}

/** The apps with access to a person's account, by client id. */
export const appsWithAccess = async (pool: Pool, clock: Clock, userId: string): Promise<readonly AppWithAccess[]> => {
  const { rows } = await pool.query<Row>(
    `WITH live AS (SELECT id, client_id, created_at, string_to_array(payload #>> '{openid,scope}', ' ') AS scopes
                   FROM provider.grants WHERE user_id = $1 AND revoked_at IS NULL AND expires_at > $2),
          of_app AS (SELECT client_id, min(created_at) AS since, array_agg(DISTINCT scope) FILTER (WHERE scope IS NOT NULL) AS scopes,
                       bool_or(EXISTS (SELECT 1 FROM provider.artifacts a WHERE a.grant_id = live.id AND a.model = 'RefreshToken'
                                         AND a.session_uid IS NULL AND a.consumed_at IS NULL)) AS offline
                     FROM live LEFT JOIN LATERAL unnest(scopes) AS scope ON true GROUP BY client_id)
     SELECT client_id, COALESCE(a.scopes, c.scopes, '{}') AS scopes, COALESCE(a.since, c.granted_at) AS since,
       COALESCE(a.offline, false) AS offline, c.granted_at AS consented_at
     FROM of_app a FULL JOIN (SELECT client_id, scopes, granted_at FROM provider.consents WHERE user_id = $1) c USING (client_id)
     ORDER BY client_id`,
    [userId, clock()],
  );
  return rows.map(({ client_id, scopes, since, offline, consented_at }) => ({
    clientId: client_id,
    scopes,
    since,
    offline,
    consentedAt: consented_at ?? undefined,
  }));
};
