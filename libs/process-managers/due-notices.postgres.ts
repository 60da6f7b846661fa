import type { StreamName } from '#libs/event-store/stream-name.js';
import type { Migration } from '#libs/platform/postgres/migrations.js';
import type { Pool, Queryable } from '#libs/platform/postgres/pool.js';

export const noticeMigration: Migration = {
  name: 'process-managers/notices',
  // Where the event stands, and nothing that it says: what is mailed is made of the stream when it is mailed.
  sql: `
    CREATE TABLE provider.notices (
      id uuid PRIMARY KEY,
      user_id uuid NOT NULL,
      stream text NOT NULL,
      revision bigint NOT NULL,
      receiver text NOT NULL CHECK (receiver IN ('before', 'after')),
      attempts integer NOT NULL DEFAULT 0,
      next_attempt_at timestamptz,
      noted_at timestamptz NOT NULL
    );
    CREATE INDEX notices_due ON provider.notices (next_attempt_at) WHERE next_attempt_at IS NOT NULL;
    CREATE INDEX notices_of_user ON provider.notices (user_id);
    CREATE INDEX notices_noted ON provider.notices (noted_at);
    DROP TABLE provider.notices_sent`,
};

/** A mail that is owed to an account's owner. */
export interface DueNotice {
  /** One for each event and receiver, so that an event that comes twice is told once. */
  readonly id: string;
  readonly userId: string;
  /** Of the event that it tells of. */
  readonly stream: StreamName;
  readonly revision: bigint;
  /** Whether it goes to the address that the account had before the event, or after it. */
  readonly receiver: 'before' | 'after';
}

export interface TakenNotice extends DueNotice {
  readonly notedAt: Date;
}

/**
 * Seconds until a mail that was not handed over is tried again, by the number of tries; longer than one try takes. The
 * last one stays.
 */
const PAUSES_S = [60, 120, 600, 1_800, 3_600] as const;

/** What is known already stays as it is, sent or not. */
export const noteNotices = async (db: Queryable, notices: readonly DueNotice[], now: Date): Promise<void> => {
  if (notices.length === 0) return;
  await db.query(
    `INSERT INTO provider.notices (id, user_id, stream, revision, receiver, next_attempt_at, noted_at)
     SELECT n.*, $6, $6 FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::bigint[], $5::text[]) AS n ON CONFLICT DO NOTHING`,
    [
      notices.map(({ id }) => id),
      notices.map(({ userId }) => userId),
      notices.map(({ stream }) => stream),
      notices.map(({ revision }) => revision),
      notices.map(({ receiver }) => receiver),
      now,
    ],
  );
};

/** Takes what is due, so that no other instance does; what is not settled by its next time comes again. */
export const takeDueNotices = async (pool: Pool, now: Date, most: number): Promise<readonly TakenNotice[]> => {
  const { rows } = await pool.query<{
    id: string;
    user_id: string;
    stream: StreamName;
    revision: string;
    receiver: DueNotice['receiver'];
    noted_at: Date;
  }>(
    `UPDATE provider.notices SET attempts = attempts + 1,
       next_attempt_at = $1::timestamptz + make_interval(secs => ($2::int[])[LEAST(attempts + 1, cardinality($2::int[]))])
     WHERE id IN (SELECT id FROM provider.notices WHERE next_attempt_at <= $1 ORDER BY next_attempt_at LIMIT $3 FOR UPDATE SKIP LOCKED)
     RETURNING id, user_id, stream, revision, receiver, noted_at`,
    [now, PAUSES_S, most],
  );
  return rows.map(({ id, user_id, stream, revision, receiver, noted_at }) => ({
    id,
    userId: user_id,
    stream,
    revision: BigInt(revision),
    receiver,
    notedAt: noted_at,
  }));
};

/** It was sent, or is not to be sent any more. */
export const settleNotice = async (pool: Pool, id: string): Promise<void> => {
  await pool.query('UPDATE provider.notices SET next_attempt_at = NULL WHERE id = $1', [id]);
};

/** What is older is not met again by anybody who would note it anew. */
export const forgetNotices = async (pool: Pool, notedBefore: Date): Promise<void> => {
  await pool.query('DELETE FROM provider.notices WHERE noted_at < $1', [notedBefore]);
};

/** Nobody who was erased is written to. */
export const purgeNotices = async (pool: Pool, userId: string): Promise<void> => {
  await pool.query('DELETE FROM provider.notices WHERE user_id = $1', [userId]);
};
