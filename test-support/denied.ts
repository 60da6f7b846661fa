import type { Pool } from '#libs/platform/postgres/pool.js';

/**
 * Puts somebody on the deny list, as the projector does when it parks their stream.
 * @param pool as the projector connects
 * @returns takes them off it again
 */
export const deny = async (pool: Pool, userId: string): Promise<() => Promise<void>> => {
  await pool.query(
    `INSERT INTO models.parked_streams (projection, generation, stream, revision, event_id, event_type, cause, denied_subject)
     SELECT projection, generation, $1, 0, gen_random_uuid(), 'UserDeactivated', 'test', $2 FROM models.generations
     WHERE projection = 'users' AND state = 'live'`,
    [`user-${userId}`, userId],
  );
  return async () => {
    await pool.query('DELETE FROM models.parked_streams WHERE denied_subject = $1', [userId]);
  };
};
