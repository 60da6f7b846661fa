import type { Socket } from 'node:net';
import type { Pool } from '#libs/platform/postgres/pool.js';
import { createPool } from '#libs/platform/postgres/pool.js';

export interface DyingPool {
  readonly pool: Pool;
  /** Now, whatever is under way. */
  die(): void;
  isDead(): boolean;
}

/**
 * A pool whose process dies, when it is told to or at its n-th statement: all its connections are cut at once, and it
 * never gets another. `before`: the statement is not sent; `sent`: it is, and nobody hears what came of it.
 */
export const dyingPool = (url: string, dieAt = Infinity, how: 'before' | 'sent' = 'before'): DyingPool => {
  const pool = createPool(url, { applicationName: 'projector that dies', max: 20, statementTimeoutMs: 0 });
  const sockets = new Set<Socket>();
  let statements = 0;
  let isDead = false;
  const die = (): void => {
    isDead = true;
    for (const socket of sockets) socket.destroy();
  };
  const connect = pool.connect.bind(pool) as (done?: unknown) => Promise<unknown> | void;
  const dead = new Error('this process is dead');
  pool.connect = ((done?: (error: Error) => void) => {
    if (isDead) return done ? done(dead) : Promise.reject(dead);
    return connect(done);
  }) as Pool['connect'];
  pool.on('connect', (client) => {
    const { stream } = (client as unknown as { connection: { stream: Socket } }).connection;
    // It was being made when the process died.
    if (isDead) stream.destroy();
    sockets.add(stream);
    stream.once('close', () => sockets.delete(stream));
    // Cut between two owners, who each listen while they have it.
    client.on('error', () => undefined);
    const query = client.query.bind(client) as (...args: unknown[]) => unknown;
    client.query = ((...args: unknown[]) => {
      statements += 1;
      if (statements === dieAt && how === 'before') die();
      const result = query(...args);
      // The statement is on its way when the event loop comes round.
      if (statements === dieAt && how === 'sent') setImmediate(die);
      return result;
    }) as typeof client.query;
  });
  return { pool, die, isDead: () => isDead };
};
