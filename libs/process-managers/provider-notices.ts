import type { EventCore } from '#libs/event-store/connect-event-store.js';
import type { RecordedEvent } from '#libs/event-store/recorded-event.js';
import { idOf } from '#libs/event-store/stream-name.js';
import { runSubscription } from '#libs/event-store/subscription.js';
import type { IdentityProviderEvent } from '#libs/identity-providers/events.js';
import { identityProviderFold } from '#libs/identity-providers/state.js';
import type { Clock } from '#libs/platform/clock.js';
import type { Logger } from '#libs/platform/logger.js';
import type { Pool } from '#libs/platform/postgres/pool.js';
import { causeOf, isAnEventsFault } from '#libs/projection-engine/causes.js';
import { aroundEvent } from './around-event.js';
import { loadCheckpoint, storeCheckpoint } from './checkpoints.postgres.js';
import { noteNotices } from './due-notices.postgres.js';
import { isRecent, noticeId, providerNoticeOf } from './notices.js';
import { SoleRunner } from './sole-runner.js';

const NAME = 'provider-notices';

export interface ProviderNoticesDependencies {
  readonly core: EventCore;
  readonly pool: Pool;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Ids of all who hold a link to the provider, page by page. */
  readonly linkedUsers: (providerId: string) => AsyncIterable<readonly string[]>;
}

/**
 * Notes who is to be told that their way in was changed by somebody else (security row L27). A catch-up subscriber with
 * a checkpoint of its own, at least once; one instance is active.
 */
export class ProviderNotices {
  readonly #runner: SoleRunner;

  constructor(private readonly dependencies: ProviderNoticesDependencies) {
    const { pool, logger } = dependencies;
    this.#runner = new SoleRunner({ pool, name: NAME, logger, work: (signal) => this.#follow(signal) });
  }

  get state(): SoleRunner['state'] {
    return this.#runner.state;
  }

  get lastError(): string | undefined {
    return this.#runner.lastError;
  }

  /** Runs until `signal` is aborted; a failure is retried for ever. @throws {NotTheStoreWeKnewError} */
  run(signal: AbortSignal): Promise<void> {
    return this.#runner.run(signal);
  }

  async #follow(signal: AbortSignal): Promise<void> {
    const { pool, core, logger } = this.dependencies;
    await runSubscription({
      connection: core.connection,
      logger,
      name: NAME,
      prefixes: ['identityProvider-'],
      checkpoint: await loadCheckpoint(pool, NAME),
      signal,
      onBatch: async (batch) => {
        for (const event of batch) {
          if (signal.aborted) return;
          try {
            for (const recorded of await core.codec.decode([event]))
              await this.#tell(recorded as RecordedEvent<IdentityProviderEvent>, signal);
          } catch (error) {
            // What one event causes keeps nobody from hearing of the next.
            if (signal.aborted || !isAnEventsFault(error)) throw error;
            logger.error(
              { event: event.type, cause: causeOf(error) },
              'nobody could be told of a change of a provider',
            );
          }
          await storeCheckpoint(pool, NAME, { position: event.position, eventId: event.id });
        }
      },
    });
  }

  /** @throws the signal's reason when that is aborted: whoever takes over notes who was not noted yet */
  async #tell(recorded: RecordedEvent<IdentityProviderEvent>, signal: AbortSignal): Promise<void> {
    const { pool, core, clock, linkedUsers } = this.dependencies;
    const { id, stream, revision, event, metadata } = recorded;
    if (!isRecent(metadata.occurredAt, clock())) return;
    const history = (await core.store.read(stream)) as readonly RecordedEvent<IdentityProviderEvent>[];
    const { before, after } = aroundEvent(history, recorded, identityProviderFold);
    if (providerNoticeOf(event, before, after) === undefined) return;
    for await (const page of linkedUsers(idOf(stream))) {
      signal.throwIfAborted();
      const notices = page.map((userId) => ({
        id: noticeId(id, userId),
        userId,
        stream,
        revision,
        receiver: 'after' as const,
      }));
      await noteNotices(pool, notices, clock());
    }
  }
}
