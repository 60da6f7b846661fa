import pg from 'pg';
import { logConnectionString } from './connection.js';

/** Another node holds the log's writer lock. */
export class AnotherWriterError extends Error {
  override readonly name = 'AnotherWriterError';
  constructor() {
    super(
      'Another event-store node writes to this database. One log has one writer: stop the other node, or give this one a database of its own.',
    );
  }
}

const LOCK = `pg_try_advisory_lock(hashtext('ligature event-store writer'))`;
/** A node that was killed keeps its lock until PostgreSQL sees its connection end. */
const LOCK_PATIENCE_MS = 3_000;
const LOCK_RETRY_MS = 100;
/** Upper bound for one statement of the writer, here and in PostgreSQL; past it, its outcome is unknown. */
const STATEMENT_TIMEOUT_MS = 20_000;

/**
 * The one PostgreSQL session that may write the log: it holds the writer lock, and everything is written through it. So
 * a node that lost its session cannot write any more, and the lock passes on only after PostgreSQL has settled the old
 * session's last transaction.
 */
export class WriterSession {
  #lost = false;

  private constructor(
    private readonly client: pg.Client,
    onLost: (error: Error) => void,
  ) {
    const lose = (error: Error): void => {
      if (this.#lost) return;
      this.#lost = true;
      onLost(error);
    };
    client.on('error', lose);
    client.on('end', () => lose(new Error('PostgreSQL ended the session of the writer')));
  }

  /**
   * @param onLost told once when the session has ended by itself
   * @throws AnotherWriterError when the lock stays taken
   */
  static async open(databaseUrl: string, onLost: (error: Error) => void): Promise<WriterSession> {
    const client = new pg.Client({
      connectionString: logConnectionString(databaseUrl),
      application_name: 'ligature event-store writer',
      connectionTimeoutMillis: 5_000,
      keepAlive: true,
      statement_timeout: STATEMENT_TIMEOUT_MS,
      query_timeout: STATEMENT_TIMEOUT_MS + 1_000,
    });
    const session = new WriterSession(client, onLost);
    try {
      await client.connect();
      await session.#lock();
      return session;
    } catch (error) {
      await session.close();
      throw error;
    }
  }

  async #lock(): Promise<void> {
    const patience = AbortSignal.timeout(LOCK_PATIENCE_MS);
    for (;;) {
      const { rows } = await this.client.query<{ locked: boolean }>(`SELECT ${LOCK} AS locked`);
      if (rows[0]?.locked === true) return;
      if (patience.aborted) throw new AnotherWriterError();
      await new Promise((resolve) => setTimeout(resolve, LOCK_RETRY_MS));
    }
  }

  /** For queries of the writer; one at a time. */
  get connection(): Pick<pg.Client, 'query'> {
    return this.client;
  }

  /** Ends the session and gives the lock back; never rejects. */
  async close(): Promise<void> {
    this.#lost = true;
    await this.client.end().catch(() => undefined);
  }
}
