import { setTimeout as delay } from 'node:timers/promises';
import { loadAccount } from '#libs/accounts/queries/load-account.js';
import { accountFold } from '#libs/accounts/state.js';
import type { UserStreamEvent } from '#libs/accounts/state.js';
import { USER_CATEGORY } from '#libs/accounts/streams.js';
import type { Fold } from '#libs/event-store/command-execution.js';
import { foldRecorded } from '#libs/event-store/command-execution.js';
import type { DomainEvent } from '#libs/event-store/event-definition.js';
import type { EventStore } from '#libs/event-store/event-store.js';
import type { RecordedEvent } from '#libs/event-store/recorded-event.js';
import { categoryOf } from '#libs/event-store/stream-name.js';
import type { IdentityProviderEvent } from '#libs/identity-providers/events.js';
import { identityProviderFold } from '#libs/identity-providers/state.js';
import type { Mail, Mailer } from '#libs/mail/mailer.js';
import { loadOrganization } from '#libs/organizations/queries/load-organization.js';
import type { Clock } from '#libs/platform/clock.js';
import type { Logger } from '#libs/platform/logger.js';
import type { Pool } from '#libs/platform/postgres/pool.js';
import { forgetNotices, settleNotice, takeDueNotices } from './due-notices.postgres.js';
import type { DueNotice, TakenNotice } from './due-notices.postgres.js';
import { NOTICE_AGE_MS, noticeOf, providerNoticeOf } from './notices.js';

const AT_ONCE = 20;
const LOOK_EVERY_MS = 500;

export interface NoticeSenderDependencies {
  readonly pool: Pool;
  readonly store: EventStore;
  readonly mailer: Mailer;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Mails the notices that are owed. It stands apart from who owes them, so that a mail server that hangs or is away keeps nobody from anything else;
 * what could not be handed over is tried again for a day. Several instances may run.
 */
export class NoticeSender {
  constructor(private readonly dependencies: NoticeSenderDependencies) {}

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const tried = await this.sendDue().catch((error: unknown) => {
        this.dependencies.logger.warn({ error: (error as Error).message }, 'notices could not be mailed; trying again');
        return 0;
      });
      if (tried < AT_ONCE) await delay(LOOK_EVERY_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  /** @returns how many were tried */
  async sendDue(): Promise<number> {
    const { pool, clock } = this.dependencies;
    const due = await takeDueNotices(pool, clock(), AT_ONCE);
    await Promise.all(due.map((notice) => this.#send(notice)));
    await forgetNotices(pool, new Date(clock().getTime() - 2 * NOTICE_AGE_MS));
    return due.length;
  }

  async #send(notice: TakenNotice): Promise<void> {
    const { pool, mailer, clock, logger } = this.dependencies;
    try {
      const mail = await this.#mailOf(notice);
      if (mail) await mailer.send(mail);
    } catch (error) {
      const givesUp = clock().getTime() - notice.notedAt.getTime() >= NOTICE_AGE_MS;
      logger[givesUp ? 'error' : 'warn']({ error: (error as Error).message, notice: notice.id, givesUp }, 'a notice could not be mailed');
      if (!givesUp) return;
    }
    await settleNotice(pool, notice.id);
  }

  /** Nothing where there is nobody any more who could be told. */
  async #mailOf({ stream, revision, receiver, userId }: DueNotice): Promise<Mail | undefined> {
    const { store } = this.dependencies;
    if (categoryOf(stream) === USER_CATEGORY) {
      const around = await this.#around(stream, revision, accountFold);
      const notice = around && noticeOf(around.event as UserStreamEvent);
      const to = around?.[receiver].verifiedEmail?.address;
      return notice && to
        ? this.#mail(to, around.after.organizationId, notice, 'If it was not you, tell your administrator at once.', around)
        : undefined;
    }
    const around = await this.#around(stream, revision, identityProviderFold);
    const sentence = around && providerNoticeOf(around.event as IdentityProviderEvent, around.before, around.after);
    if (!around || sentence === undefined) return undefined;
    const { verifiedEmail, organizationId } = (await loadAccount(store, userId)).state;
    const notice = { subject: 'a way to sign in to your account was changed', sentence };
    return this.#mail(verifiedEmail?.address, organizationId, notice, 'If you did not expect it, ask your administrator.', around);
  }

  async #mail(
    to: string | undefined,
    organizationId: string | undefined,
    { subject, sentence }: { readonly subject: string; readonly sentence: string },
    advice: string,
    { occurredAt }: { readonly occurredAt: string },
  ): Promise<Mail | undefined> {
    if (to === undefined || organizationId === undefined) return undefined;
    const { displayName } = await loadOrganization(this.dependencies.store, organizationId);
    const text = `${sentence}\n\nThis happened on ${occurredAt}. ${advice}\n`;
    return { to, subject: `${displayName ?? organizationId}: ${subject}`, text, organizationId };
  }

  /** The event, and what was true just before and just after it. */
  async #around<State, E extends DomainEvent>(
    stream: DueNotice['stream'],
    revision: bigint,
    fold: Fold<State, E>,
  ): Promise<{ readonly event: E; readonly occurredAt: string; readonly before: State; readonly after: State } | undefined> {
    const history = (await this.dependencies.store.read(stream)) as readonly RecordedEvent<E>[];
    const recorded = history.find((each) => each.revision === revision);
    if (!recorded) return undefined;
    const before = foldRecorded(
      history.filter((each) => each.revision < revision),
      fold,
    ).state;
    const after = fold.evolve(before, recorded.event, recorded);
    return { event: recorded.event, occurredAt: recorded.metadata.occurredAt, before, after };
  }
}
