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

/** A PostgreSQL connection pool. An idle connection that breaks (server restart) is replaced and does not end the process. */
export const createPool = (url: string, options: PoolOptions): Pool => {
  const pool = new pg.Pool({
    connectionString: url,
    application_name: options.applicationName,
    max: options.max ?? 10,
    statement_timeout: options.statementTimeoutMs ?? 15_000,
    connectionTimeoutMillis: 5_000,
  });
  pool.on('error', (error) => options.onIdleError?.(error));
  return pool;
};

/** Runs `work` in one transaction: commits its result, rolls back on a throw. A connection that broke is not given back to the pool. */
export const inTransaction = async <T>(pool: Pool, work: (connection: Connection) => Promise<T>): Promise<T> => {
  const connection = await pool.connect();
  let broken: Error | undefined;
  const onError = (error: Error): void => {
    broken = error;
  };
  connection.on('error', onError);
  try {
    await connection.query('BEGIN');
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
