import { exitWithParent } from './exit-with-parent.js';
import type { Logger } from './logger.js';
import { createLogger } from './logger.js';

/** Something that was started and can be stopped. */
export interface Running {
  stop(): Promise<void>;
  /**
   * Rejects when it cannot go on and nobody but an operator can put that right; the process then ends with exit code 1.
   */
  readonly failed?: Promise<never>;
}

type StartError = NodeJS.ErrnoException & { readonly port?: number };

const FORCE_AFTER_MS = 10_000;

/**
 * Runs a process of ours: starts it, stops it cleanly at SIGTERM, at SIGINT or when its supervisor is gone, and says in
 * a sentence why it could not start (exit code 1).
 */
export const runProcess = async (name: string, start: (logger: Logger) => Promise<Running>): Promise<void> => {
  const logger = createLogger(name);
  let running: Running | undefined;
  let stopping = false;
  const stop = (signal: string): void => {
    if (stopping) return;
    stopping = true;
    logger.info({ signal }, 'stopping');
    setTimeout(() => process.exit(1), FORCE_AFTER_MS).unref();
    void Promise.resolve(running?.stop()).then(
      () => process.exit(0),
      (error: Error) => {
        logger.error({ error: error.message }, 'did not stop cleanly');
        process.exit(1);
      },
    );
  };
  exitWithParent();
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  const fail = (error: StartError): never => {
    process.stderr.write(`${name}: ${sentenceFor(error)}\n`);
    process.exit(1);
  };
  try {
    running = await start(logger);
    logger.info('started');
    running.failed?.catch((error: StartError) => {
      if (!stopping) fail(error);
    });
  } catch (error) {
    fail(error as StartError);
  }
};

const sentenceFor = (error: StartError): string => {
  if (error.code === 'EADDRINUSE')
    return `port ${error.port} is taken by another process; stop it or choose another port`;
  if (error.code === 'ECONNREFUSED') return `cannot reach a server it needs (${error.message}); is it running?`;
  // A code of ours comes with a sentence of ours; anything else is unexpected and wants its stack.
  return typeof error.code === 'string' || error.message.startsWith('The ')
    ? error.message
    : (error.stack ?? error.message);
};
