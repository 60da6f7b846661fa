import { appendUnconditionally } from '#libs/event-store/command-execution.js';
import type { CommandContext } from '#libs/event-store/event-metadata.js';
import type { EventStore } from '#libs/event-store/event-store.js';
import { streamName } from '#libs/event-store/stream-name.js';
import type { Clock } from '#libs/platform/clock.js';
import type { Logger } from '#libs/platform/logger.js';
import type { AttemptEvent } from './events.js';

export const SIGN_IN_ATTEMPTS_CATEGORY = 'signInAttempts';

/** At most this many attempts on one identifier are recorded in a window; then one per window (security row L29). */
const WINDOW_MS = 60_000;
const RECORDED_PER_WINDOW = 5;
const REMEMBERED_IDENTIFIERS = 10_000;

export interface SignInAttempts {
  /**
   * Records a failed sign-in under its identifier's key. Never throws and never decides an answer: what cannot be stored is logged.
   * @param key index key of the identifier, known or unknown alike
   * @param subject whose key encrypts personal fields: the owner of the identifier, or the installation
   */
  record(key: string, event: AttemptEvent, subject: string, context: CommandContext): Promise<void>;
}

export const createSignInAttempts = (dependencies: {
  readonly store: EventStore;
  readonly clock: Clock;
  readonly logger: Logger;
}): SignInAttempts => {
  const windows = new Map<string, { since: number; count: number; throttledBefore: boolean }>();

  const mayRecord = (key: string): boolean => {
    const now = dependencies.clock().getTime();
    const window = windows.get(key);
    if (!window || now - window.since >= WINDOW_MS) {
      windows.delete(key);
      if (windows.size >= REMEMBERED_IDENTIFIERS) windows.delete(windows.keys().next().value as string);
      windows.set(key, { since: now, count: 1, throttledBefore: window !== undefined && window.count >= RECORDED_PER_WINDOW });
      return true;
    }
    window.count += 1;
    return !window.throttledBefore && window.count <= RECORDED_PER_WINDOW;
  };

  return {
    record: async (key, event, subject, context) => {
      if (!mayRecord(key)) return;
      try {
        await appendUnconditionally(dependencies.store, {
          stream: streamName(SIGN_IN_ATTEMPTS_CATEGORY, key),
          events: [event],
          context,
          subject,
        });
      } catch (error) {
        dependencies.logger.warn(
          { error: (error as Error).message, correlationId: context.correlationId },
          'a failed sign-in could not be recorded',
        );
      }
    },
  };
};
