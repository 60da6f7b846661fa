import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from '#libs/platform/logger.js';
import type { StoreConnection } from './store-connection.js';
import { lastEvent } from './store-identity.js';
import { StreamChanges } from './stream-changes.js';
import { runSubscription } from './subscription.js';

const RETRY_MS = 1_000;
const STOPPING_MS = 500;

/**
 * Follows the log from its present end at the leader, for as long as the process lives. Being dropped leaves no gap:
 * the resume protocol goes on after the last event that was received. Where that is not there any more (the store was
 * restored, a fail-over took it back), following begins anew, and what was known is forgotten.
 * @param prefixes of the streams whose changes are asked for, and of those on which the askers store
 */
export const followStreamChanges = (
  connection: StoreConnection,
  prefixes: readonly string[],
  logger: Logger,
): { readonly changes: StreamChanges; stop(): Promise<void> } => {
  const changes = new StreamChanges();
  const stopping = new AbortController();
  const { signal } = stopping;
  const follow = async (): Promise<void> => {
    const end = await connection.read((client) => lastEvent(client));
    if (!end) return;
    changes.start(end.position);
    await runSubscription({
      connection,
      logger,
      name: 'stream changes',
      prefixes,
      checkpoint: end,
      signal,
      onBatch: (events) => {
        changes.receive(events);
        return Promise.resolve();
      },
    });
  };
  const running = (async () => {
    while (!signal.aborted) {
      await follow().catch((error: Error) =>
        logger.warn({ error: error.message }, 'the log is not followed; streams are read instead'),
      );
      changes.stop();
      await delay(RETRY_MS, undefined, { signal }).catch(() => undefined);
    }
  })();
  return {
    changes,
    stop: async () => {
      stopping.abort();
      // A store that hangs is not waited for.
      await Promise.race([running, delay(STOPPING_MS, undefined, { ref: false })]);
    },
  };
};
