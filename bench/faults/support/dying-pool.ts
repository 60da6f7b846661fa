import type { Socket } from 'node:net';
import type { Pool } from '#libs/platform/postgres/pool.js';
import { createPool } from '#libs/platform/postgres/pool.js';

export interface DyingPool {
  readonly pool: Pool;
  /** How many statements were begun. */
  statements(): number;
  isDead(): boolean;
}

/**
 * A pool whose process dies at its n-th statement: all its connections are cut at once, and it never gets another. `before`: the statement is not sent;
 * `sent`: it is, and nobody hears what came of it.
 */
export const dyingPool = (url: string, dieAt: number, how: 'before' | 'sent'): DyingPool => {
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
    sockets.add((client as unknown as { connection: { stream: Socket } }).connection.stream);
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
  return { pool, statements: () => statements, isDead: () => isDead };
};
