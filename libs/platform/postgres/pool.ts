import pg from 'pg';

export type Pool = pg.Pool;
export type Connection = pg.PoolClient;
/** What a query can run on: a pool (its own transaction) or a connection inside one. */
export type Queryable = Pick<pg.Pool, 'query'>;

export interface PoolOptions {
  /** Shown in `pg_stat_activity`. */
  readonly applicationName: string;
  /** Largest number of connections; 10 unless told. */
  readonly max?: number;
  /** Upper bound for one statement, in milliseconds; 15,000 unless told, 0 for none. */
  readonly statementTimeoutMs?: number;
  /** Told of connections that break while idle; they are replaced, never fatal. */
  readonly onIdleError?: (error: Error) => void;
}

/**
 * A statement that PostgreSQL gave up is answered within this time, in milliseconds; later there is nobody who would
 * answer.
 */
const ANSWER_MS = 2_000;

/**
 * What lets a connection notice that the server's machine is gone, which says nothing: statements are not waited for
 * without end, and idle connections, those that hold a lock for example, are asked for a sign of life.
 * @param statementTimeoutMs 0 for none
 */
export const livenessOf = (statementTimeoutMs: number) => ({
  statement_timeout: statementTimeoutMs,
  ...(statementTimeoutMs > 0 ? { query_timeout: statementTimeoutMs + ANSWER_MS } : {}),
  keepAlive: true,
  keepAliveInitialDelayMillis: 5_000,
});

/**
 * A PostgreSQL connection pool. An idle connection that breaks (server restart) is replaced and does not end the
 * process.
 */
export const createPool = (url: string, options: PoolOptions): Pool => {
  const pool = new pg.Pool({
    connectionString: url,
    application_name: options.applicationName,
    max: options.max ?? 10,
    ...livenessOf(options.statementTimeoutMs ?? 15_000),
    connectionTimeoutMillis: 5_000,
  });
  pool.on('error', (error) => options.onIdleError?.(error));
  return pool;
};

/**
 * Runs `work` in one transaction: commits its result, rolls back on a throw. A connection that broke is not given back
 * to the pool.
 * @param isFlushed whether what is committed must survive a crash of PostgreSQL; else its last moments may be lost,
 * whole transactions each
 */
export const inTransaction = async <T>(
  pool: Pool,
  work: (connection: Connection) => Promise<T>,
  { isFlushed = true }: { readonly isFlushed?: boolean } = {},
): Promise<T> => {
  const connection = await pool.connect();
  let broken: Error | undefined;
  const onError = (error: Error): void => {
    broken = error;
  };
  connection.on('error', onError);
  try {
    await connection.query(isFlushed ? 'BEGIN' : 'BEGIN; SET LOCAL synchronous_commit = off');
    const result = await work(connection);
    await connection.query('COMMIT');
    return result;
  } catch (error) {
    await connection.query('ROLLBACK').catch((rollback: Error) => {
      broken = rollback;
    });
    throw error;
  } finally {
    connection.off('error', onError);
    connection.release(broken);
  }
};
