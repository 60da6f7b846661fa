import { appendUnconditionally } from '#libs/event-store/command-execution.js';
import type { CommandContext } from '#libs/event-store/event-metadata.js';
import type { EventStore } from '#libs/event-store/event-store.js';
import type { Logger } from '#libs/platform/logger.js';
import type { AttemptWindows } from './attempt-windows.postgres.js';
import type { AttemptEvent } from './events.js';
import { signInAttemptsStream } from './streams.js';

export interface SignInAttempts {
  /**
   * Records a failed sign-in under its identifier's key. Never throws and never decides an answer: what cannot be
   * stored is logged.
   * @param key index key of the identifier, known or unknown alike
   * @param subject whose key encrypts personal fields: the owner of the identifier, or the installation
   */
  record(key: string, event: AttemptEvent, subject: string, context: CommandContext): Promise<void>;
}

export const createSignInAttempts = (dependencies: {
  readonly store: EventStore;
  /** At most one event per identifier and window once throttled (security row L29). */
  readonly windows: Pick<AttemptWindows, 'count'>;
  readonly logger: Logger;
}): SignInAttempts => {
  return {
    record: async (key, event, subject, context) => {
      try {
        if (!(await dependencies.windows.count(key))) return;
        await appendUnconditionally(dependencies.store, {
          stream: signInAttemptsStream(key),
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
