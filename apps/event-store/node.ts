import type { Clock } from '#libs/platform/clock.js';
import { systemClock } from '#libs/platform/clock.js';
import { newUuid } from '#libs/platform/ids.js';
import type { NewId } from '#libs/platform/ids.js';
import type { Logger } from '#libs/platform/logger.js';
import { migrate } from '#libs/platform/postgres/migrations.js';
import { createPool } from '#libs/platform/postgres/pool.js';
import { createAuthentication } from './grpc/authentication.js';
import type { Accounts } from './grpc/authentication.js';
import { listen } from './grpc/server.js';
import type { TlsOptions } from './grpc/server.js';
import type { HazardSwitches } from './hazards/switches.js';
import { logConnectionString } from './log/connection.js';
import { LOG_MIGRATIONS } from './log/migrations.js';
import { LogReader } from './log/reader.js';
import { LogTail } from './log/tail.js';
import { LogWriter } from './log/writer.js';
import type { WriterOptions } from './log/writer.js';

export interface NodeOptions {
  /** Connection URL of the role that owns schema `log`. */
  readonly databaseUrl: string;
  readonly host: string;
  /** 0 for any free port. */
  readonly port: number;
  readonly tls?: TlsOptions;
  /** Without any, no caller has to authenticate. */
  readonly accounts?: Accounts;
  readonly logger: Logger;
  readonly clock?: Clock;
  readonly newId?: NewId;
  /** Most bytes in one append; 1 MiB unless told. */
  readonly maxAppendSize?: number;
  readonly onCommit?: WriterOptions['onCommit'];
  /** Told when a subscription begins (1) or ends (-1). */
  readonly onSubscriptions?: (change: 1 | -1) => void;
  /** For tests only. */
  readonly switches?: HazardSwitches;
}

export interface EventStoreNode {
  readonly port: number;
  /** For the client: `esdb://host:port?tls=false`. */
  readonly url: string;
  /** Position of the last committed event. */
  end(): bigint;
  /** Whether appends can be taken now. */
  available(): boolean;
  /** Stores and answers what was being stored, gives up the log, and ends all calls. */
  stop(): Promise<void>;
}

const READER_CONNECTIONS = 8;

/**
 * Starts a node on a database: takes its log (one writer per database), brings its schema up to date, listens.
 * @throws AnotherWriterError; or an error of the port, or of PostgreSQL
 */
export const startNode = async (options: NodeOptions): Promise<EventStoreNode> => {
  const {
    databaseUrl,
    host,
    logger,
    clock = systemClock,
    newId = newUuid,
    onCommit,
    onSubscriptions,
    switches = {},
  } = options;
  const pool = createPool(logConnectionString(databaseUrl), {
    applicationName: 'ligature event-store reader',
    max: READER_CONNECTIONS,
    onIdleError: (error) => logger.warn({ err: error }, 'A connection to PostgreSQL broke'),
  });
  const tail = new LogTail();
  let writer: LogWriter | undefined;
  try {
    writer = await LogWriter.start(
      { databaseUrl, tail, clock, newId, logger, switches, ...(onCommit ? { onCommit } : {}) },
      () => migrate(pool, 'log', LOG_MIGRATIONS),
    );
    const started = writer;
    const context = {
      writer: started,
      reader: new LogReader(pool, () => clock().getTime()),
      tail,
      authenticate: createAuthentication(options.accounts ?? { administrators: new Map(), appenders: new Map() }),
      logger,
      maxAppendSize: options.maxAppendSize ?? 1024 * 1024,
      switches,
      ...(onSubscriptions ? { onSubscriptions } : {}),
    };
    const server = await listen(context, { host, port: options.port, tls: options.tls }, newId(), clock);
    return {
      port: server.port,
      url: `esdb://${host.includes(':') ? `[${host}]` : host}:${server.port}?tls=${options.tls !== undefined}`,
      end: () => tail.end,
      available: () => started.available,
      stop: async () => {
        await started.stop();
        await server.close();
        await pool.end();
      },
    };
  } catch (error) {
    await writer?.stop();
    await pool.end();
    throw error;
  }
};
