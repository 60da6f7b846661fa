import { exitWithParent } from '#libs/platform/exit-with-parent.js';
import { createLogger } from '#libs/platform/logger.js';
import { createRegistry, startManagementServer } from '#libs/platform/management.js';
import { ConfigurationError, readConfiguration } from './configuration.js';
import type { Configuration } from './configuration.js';
import { AnotherWriterError } from './log/writer-session.js';
import { createMetrics } from './metrics.js';
import { startNode } from './node.js';

/** Why a start failed, as a sentence for whoever started it. */
const explain = (error: unknown, { host, port, managementPort }: Configuration): string => {
  if (error instanceof AnotherWriterError) return error.message;
  const { code, message, port: taken } = error as NodeJS.ErrnoException & { port?: number };
  if (code === 'EADDRINUSE' && taken === managementPort) {
    return `Port ${managementPort} is taken; set EVENT_STORE_MANAGEMENT_PORT to a free one.`;
  }
  if (code === 'EADDRINUSE' || /address.*in use|No address added/i.test(message)) {
    return `Port ${port} on ${host} is taken; is another event store running? Stop it, or set EVENT_STORE_PORT to a free one.`;
  }
  if (code === 'ECONNREFUSED') return 'PostgreSQL does not answer at DATABASE_URL; start it, or correct the URL.';
  return `The event store could not start: ${message}`;
};

const run = async (): Promise<void> => {
  const logger = createLogger('event-store');
  const configuration = readConfiguration(process.env);
  const registry = createRegistry();
  const metrics = createMetrics(registry);
  const node = await startNode({
    ...metrics,
    databaseUrl: configuration.databaseUrl,
    host: configuration.host,
    port: configuration.port,
    ...(configuration.tls === undefined ? {} : { tls: configuration.tls }),
    accounts: configuration.accounts,
    logger,
  }).catch((error: unknown) => fail(explain(error, configuration)));
  const management = await startManagementServer({
    port: configuration.managementPort,
    registry,
    started: () => true,
    ready: () => Promise.resolve(node.available() ? { ok: true } : { ok: false, details: { postgres: 'away' } }),
  }).catch(async (error: unknown) => {
    await node.stop();
    return fail(explain(error, configuration));
  });
  logger.info({ url: node.url, managementPort: management.port }, 'The event store is ready');

  let stopping = false;
  const stop = (signal: NodeJS.Signals): void => {
    if (stopping) return;
    stopping = true;
    logger.info({ signal }, 'The event store is stopping');
    Promise.all([management.close(), node.stop()]).then(
      () => process.exit(0),
      (error: unknown) => fail(`The event store did not stop cleanly: ${(error as Error).message}`),
    );
  };
  exitWithParent();
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
};

const fail = (sentence: string): never => {
  process.stderr.write(`${sentence}\n`);
  process.exit(1);
};

run().catch((error: unknown) =>
  fail(error instanceof ConfigurationError ? error.message : `The event store failed: ${(error as Error).message}`),
);
