import { createHash } from 'node:crypto';
import { loadAccount } from '#libs/accounts/queries/load-account.js';
import { foldRecorded } from '#libs/event-store/command-execution.js';
import type { EventCore } from '#libs/event-store/connect-event-store.js';
import type { RecordedEvent } from '#libs/event-store/recorded-event.js';
import { idOf } from '#libs/event-store/stream-name.js';
import { runSubscription } from '#libs/event-store/subscription.js';
import type { IdentityProviderEvent } from '#libs/identity-providers/events.js';
import { identityProviderFold } from '#libs/identity-providers/state.js';
import type { IdentityProvider } from '#libs/identity-providers/state.js';
import { changesWhoIsBelieved } from '#libs/identity-providers/who-is-believed.js';
import type { Mailer } from '#libs/mail/mailer.js';
import { loadOrganization } from '#libs/organizations/queries/load-organization.js';
import type { Clock } from '#libs/platform/clock.js';
import type { Logger } from '#libs/platform/logger.js';
import type { Pool } from '#libs/platform/postgres/pool.js';
import { causeOf, isAnEventsFault } from '#libs/projection-engine/causes.js';
import { loadCheckpoint, noteNoticeSent, storeCheckpoint, wasNoticeSent } from './checkpoints.postgres.js';
import { SoleRunner } from './sole-runner.js';

const NAME = 'provider-notices';
/** What happened longer ago is told to nobody any more. */
const NOTICE_AGE_MS = 24 * 3_600_000;

export interface ProviderNoticesDependencies {
  readonly core: EventCore;
  readonly pool: Pool;
  readonly mailer: Mailer;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Ids of all who hold a link to the provider, page by page. */
  readonly linkedUsers: (providerId: string) => AsyncIterable<readonly string[]>;
}

/** What the people who sign in through a provider are told of a change; nothing where their way in is what it was. Pure. */
export const providerNoticeOf = (event: IdentityProviderEvent, before: IdentityProvider, after: IdentityProvider): string | undefined => {
  const name = after.settings?.displayName ?? 'an identity provider';
  switch (event.type) {
    case 'IdentityProviderConfigured':
      return before.settings && after.settings && changesWhoIsBelieved(before.settings, after.settings)
        ? `An administrator changed how ${name} says who you are. Whoever it takes for you can sign in to your account.`
        : undefined;
    case 'IdentityProviderDeactivated':
      return `An administrator switched off signing in through ${name}. The identity stays linked to your account.`;
    case 'IdentityProviderActivated':
      return `An administrator switched on signing in through ${name} again. The identity that is linked to your account can sign in to it.`;
    case 'IdentityProviderRemoved':
      return `An administrator removed ${name}. Your identity there can no longer sign in to your account.`;
    case 'IdentityProviderRemovalAnnounced':
    case 'IdentityProviderRemovalCancelled':
      return undefined;
  }
};

/**
 * Tells people that their way in was changed by somebody else (security row L27). A catch-up subscriber with a checkpoint of its own, at least once
 * and each mail once; one instance is active.
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
          await this.#unlessItsOwnFault(event.type, signal, async () => {
            for (const recorded of await core.codec.decode([event]))
              await this.#tell(recorded as RecordedEvent<IdentityProviderEvent>, signal);
          });
          await storeCheckpoint(pool, NAME, { position: event.position, eventId: event.id });
        }
      },
    });
  }

  /** @throws the signal's reason when that is aborted: whoever takes over tells those who were not told yet */
  async #tell(recorded: RecordedEvent<IdentityProviderEvent>, signal: AbortSignal): Promise<void> {
    const { core, clock, linkedUsers } = this.dependencies;
    const { occurredAt } = recorded.metadata;
    if (clock().getTime() - Date.parse(occurredAt) >= NOTICE_AGE_MS) return;
    const history = (await core.store.read(recorded.stream)) as readonly RecordedEvent<IdentityProviderEvent>[];
    const earlier = history.filter(({ revision }) => revision < recorded.revision);
    const before = foldRecorded(earlier, identityProviderFold).state;
    const notice = providerNoticeOf(recorded.event, before, identityProviderFold.evolve(before, recorded.event, recorded));
    if (notice === undefined) return;
    for await (const page of linkedUsers(idOf(recorded.stream)))
      for (const userId of page) {
        signal.throwIfAborted();
        await this.#unlessItsOwnFault(recorded.event.type, signal, () => this.#mail(userId, notice, recorded));
      }
  }

  /** What one event or one person's events cause keeps the notice from nobody else. */
  async #unlessItsOwnFault(event: string, signal: AbortSignal, tell: () => Promise<void>): Promise<void> {
    await tell().catch((error: unknown) => {
      if (signal.aborted || !isAnEventsFault(error)) throw error;
      this.dependencies.logger.error({ event, cause: causeOf(error) }, 'a notice about a provider could not be given');
    });
  }

  async #mail(userId: string, notice: string, { id, metadata: { occurredAt } }: RecordedEvent): Promise<void> {
    const { core, pool, mailer, clock, logger } = this.dependencies;
    const noticeId = idOfNotice(id, userId);
    const { verifiedEmail, organizationId } = (await loadAccount(core.store, userId)).state;
    if (!verifiedEmail?.address || organizationId === undefined || (await wasNoticeSent(pool, noticeId))) return;
    const { displayName } = await loadOrganization(core.store, organizationId);
    const subject = `${displayName ?? organizationId}: a way to sign in to your account was changed`;
    const text = `${notice}\n\nThis happened on ${occurredAt}. If you did not expect it, ask your administrator.\n`;
    await mailer
      .send({ to: verifiedEmail.address, subject, text, organizationId })
      .catch((error: unknown) => logger.error({ error: (error as Error).message }, 'a notice about a provider could not be mailed'));
    await noteNoticeSent(pool, noticeId, clock(), new Date(clock().getTime() - 2 * NOTICE_AGE_MS));
  }
}

/** One mail to each person for each event. */
const idOfNotice = (eventId: string, userId: string): string =>
  createHash('sha256')
    .update(`${eventId} ${userId}`)
    .digest('hex')
    .slice(0, 32)
    .replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
