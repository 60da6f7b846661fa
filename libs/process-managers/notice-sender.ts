import { setTimeout as delay } from 'node:timers/promises';
import { loadAccount } from '#libs/users/queries/load-account.js';
import { accountFold } from '#libs/users/state.js';
import type { UserStreamEvent } from '#libs/users/state.js';
import { USER_CATEGORY } from '#libs/users/streams.js';
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
import { aroundEvent } from './around-event.js';
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
 * Mails the notices that are owed. It stands apart from who owes them, so that a mail server that hangs or is away
 * keeps nobody from anything else; what could not be handed over is tried again for a day. Several instances may run.
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
    if (due.length > 0) await forgetNotices(pool, new Date(clock().getTime() - 2 * NOTICE_AGE_MS));
    return due.length;
  }

  async #send(notice: TakenNotice): Promise<void> {
    const { pool, mailer, clock, logger } = this.dependencies;
    try {
      const mail = await this.#mailOf(notice);
      if (mail) await mailer.send(mail);
    } catch (error) {
      const givesUp = clock().getTime() - notice.notedAt.getTime() >= NOTICE_AGE_MS;
      logger[givesUp ? 'error' : 'warn'](
        { error: (error as Error).message, notice: notice.id, givesUp },
        'a notice could not be mailed',
      );
      if (!givesUp) return;
    }
    await settleNotice(pool, notice.id);
  }

  /** Nothing where there is nobody any more who could be told. */
  async #mailOf(due: DueNotice): Promise<Mail | undefined> {
    const { store } = this.dependencies;
    if (categoryOf(due.stream) === USER_CATEGORY) {
      const history = (await store.read(due.stream)) as readonly RecordedEvent<UserStreamEvent>[];
      const recorded = eventOf(history, due);
      const notice = recorded && noticeOf(recorded.event);
      if (!notice) return undefined;
      const around = aroundEvent(history, recorded, accountFold);
      const to = around[due.receiver].verifiedEmail?.address;
      return this.#mail(
        to,
        around.after.organizationId,
        notice,
        'If it was not you, tell your administrator at once.',
        recorded,
      );
    }
    const history = (await store.read(due.stream)) as readonly RecordedEvent<IdentityProviderEvent>[];
    const recorded = eventOf(history, due);
    if (!recorded) return undefined;
    const { before, after } = aroundEvent(history, recorded, identityProviderFold);
    const sentence = providerNoticeOf(recorded.event, before, after);
    if (sentence === undefined) return undefined;
    const { verifiedEmail, organizationId } = (await loadAccount(store, due.userId)).state;
    const notice = { subject: 'a way to sign in to your account was changed', sentence };
    return this.#mail(
      verifiedEmail?.address,
      organizationId,
      notice,
      'If you did not expect it, ask your administrator.',
      recorded,
    );
  }

  async #mail(
    to: string | undefined,
    organizationId: string | undefined,
    { subject, sentence }: { readonly subject: string; readonly sentence: string },
    advice: string,
    { metadata: { occurredAt } }: RecordedEvent,
  ): Promise<Mail | undefined> {
    if (!to || organizationId === undefined) return undefined;
    const { displayName } = await loadOrganization(this.dependencies.store, organizationId);
    const text = `${sentence}\n\nThis happened on ${occurredAt}. ${advice}\n`;
    return { to, subject: `${displayName ?? organizationId}: ${subject}`, text, organizationId };
  }
}

const eventOf = <E extends RecordedEvent>(history: readonly E[], { revision }: DueNotice): E | undefined =>
  history.find((each) => each.revision === revision);
