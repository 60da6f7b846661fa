import { setTimeout as delay } from 'node:timers/promises';
import type { Pool } from './pool.js';

const RETRY_MS = 1_000;

/**
 * Does something while this process is the only one that does: holds a session-level advisory lock on a connection of
 * its own. When that connection breaks the lock is gone, and the signal that `work` was given is aborted. Waits,
 * standing by, while another process has the lock.
 */
export const whileLocked = async (
  pool: Pool,
  [space, name]: readonly [space: string, name: string],
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<void>,
  onStandingBy?: () => void,
): Promise<void> => {
  const connection = await pool.connect();
  const lost = new AbortController();
  const onLost = (): void => lost.abort();
  connection.on('error', onLost);
  connection.on('end', onLost);
  try {
    // A process that dies with its machine says nothing: the server finds out within four seconds, and the lock is
    // free.
    await connection.query(
      'SET tcp_keepalives_idle = 1; SET tcp_keepalives_interval = 1; SET tcp_keepalives_count = 3',
    );
    while (!signal.aborted) {
      const { rows } = await connection.query<{ locked: boolean }>(
        'SELECT pg_try_advisory_lock(hashtext($1), hashtext($2)) AS locked',
        [space, name],
      );
      if (rows[0]?.locked) return await work(AbortSignal.any([signal, lost.signal]));
      onStandingBy?.();
      await delay(RETRY_MS, undefined, { signal }).catch(() => undefined);
    }
  } finally {
    connection.off('error', onLost);
    connection.off('end', onLost);
    // Closing the connection, not returning it to the pool, gives the lock back in every case.
    connection.release(true);
  }
};
