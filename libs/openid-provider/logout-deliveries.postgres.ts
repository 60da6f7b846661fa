import type { Pool, Queryable } from '#libs/platform/postgres/pool.js';

/** An app that is to be told that a session has ended. */
export interface LogoutDelivery {
  readonly clientId: string;
  /** The session, as the app knows it. */
  readonly sid: string;
  readonly userId: string;
  /** How often it was tried, this time included. */
  readonly attempts: number;
}

/** Seconds until the next try, by the number of tries so far; after the last one nobody tries any more. */
const PAUSES_S = [5, 15, 60, 300, 900] as const;
export const MOST_ATTEMPTS = PAUSES_S.length;

/** Every app that got an ID token in these sessions; in the transaction that ends them, so that none is forgotten. */
export const enqueueLogouts = async (db: Queryable, sessionUids: readonly string[], now: Date): Promise<void> => {
  if (sessionUids.length === 0) return;
  await db.query(
    `INSERT INTO provider.logout_deliveries (client_id, sid, user_id, next_attempt_at)
     SELECT app.key, app.value ->> 'sid', s.user_id, $2 FROM provider.sessions s, jsonb_each(s.payload -> 'authorizations') app
     WHERE s.uid = ANY($1) AND s.user_id IS NOT NULL AND app.value ->> 'sid' IS NOT NULL
     ON CONFLICT DO NOTHING`,
    [sessionUids, now],
  );
};

export const enqueueLogout = async (db: Queryable, app: Omit<LogoutDelivery, 'attempts'>, now: Date): Promise<void> => {
  await db.query(
    `INSERT INTO provider.logout_deliveries (client_id, sid, user_id, next_attempt_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`,
    [app.clientId, app.sid, app.userId, now],
  );
};

/**
 * Takes what is due, so that no other instance does; what is not done by its next time comes again.
 * @param except clients that wait
 */
export const takeDueLogouts = async (
  pool: Pool,
  now: Date,
  most: number,
  except: readonly string[],
): Promise<readonly LogoutDelivery[]> => {
  const { rows } = await pool.query<{ client_id: string; sid: string; user_id: string; attempts: number }>(
    `UPDATE provider.logout_deliveries SET attempts = attempts + 1,
       next_attempt_at = $1::timestamptz + make_interval(secs => ($2::int[])[LEAST(attempts + 1, cardinality($2::int[]))])
     WHERE (client_id, sid) IN (SELECT client_id, sid FROM provider.logout_deliveries WHERE next_attempt_at <= $1 AND client_id <> ALL ($4)
                                ORDER BY next_attempt_at LIMIT $3 FOR UPDATE SKIP LOCKED)
     RETURNING client_id, sid, user_id, attempts`,
    [now, PAUSES_S, most, except],
  );
  return rows.map(({ client_id, sid, user_id, attempts }) => ({ clientId: client_id, sid, userId: user_id, attempts }));
};

export const forgetLogout = async (
  pool: Pool,
  { clientId, sid }: Pick<LogoutDelivery, 'clientId' | 'sid'>,
): Promise<void> => {
  await pool.query('DELETE FROM provider.logout_deliveries WHERE client_id = $1 AND sid = $2', [clientId, sid]);
};

/** Nothing was tried; it comes again at its next time. */
export const giveBackAttempt = async (
  pool: Pool,
  { clientId, sid }: Pick<LogoutDelivery, 'clientId' | 'sid'>,
): Promise<void> => {
  await pool.query('UPDATE provider.logout_deliveries SET attempts = attempts - 1 WHERE client_id = $1 AND sid = $2', [
    clientId,
    sid,
  ]);
};
