import { Body, Controller, Get, Inject, Param, Post, Query } from '@nestjs/common';
import { z } from 'zod';
import { loadAccount } from '#libs/users/queries/load-account.js';
import { eventCatalog } from '#libs/event-catalog/event-catalog.js';
import { isUuid } from '#libs/platform/ids.js';
import { mistakeOf } from '#libs/platform/query-mistake.js';
import { page, redirect } from '#libs/web/answer.js';
import type { PageAnswer, RedirectAnswer } from '#libs/web/answer.js';
import { RefusedPage } from '#libs/web/refused.js';
import { AUDIT_DEPENDENCIES } from '../audit-dependencies.js';
import type { AuditDependencies } from '../audit-dependencies.js';
import type { HistoryAccess } from '#libs/audit-access/events.js';
import { lookUpUser } from '../find-user.js';
import { pageOf, readHistory } from '../history.js';
import type { HistoryPage } from '../history.js';
import { historyQuerySchema } from '../history-query.js';
import type { HistoryQuery } from '../history-query.js';
import { momentSchema } from '../moment.js';
import { organizationEvents } from '../organization-events.js';
import { readAccountAsOf, readDifference } from '../read-account.js';
import { recordAccess } from '#libs/audit-access/record-access.js';
import { AccountAsOfPage } from './account-as-of-page.js';
import { AUDIT_PATH, AuditorsOnly, CurrentAuditor } from './auditor.guard.js';
import type { Auditor } from './auditor.guard.js';
import { apiQueryOf } from './page-query.js';
import { AUDITOR_TEXTS as texts } from './texts.js';
import { TimelinePage } from './timeline-page.js';
import type { TimelineOf } from './timeline-page.js';

const PAGE = 50;
const TYPES = [...eventCatalog.keys()].toSorted();

const momentsSchema = z.strictObject({
  at: momentSchema.optional(),
  from: momentSchema.optional(),
  to: momentSchema.optional(),
});

/** A query as it was asked. */
type Asked = Readonly<Record<string, string>>;

/**
 * Server-rendered pages for users with the role `auditor`: timelines with filters, the account as of any point in time,
 * the difference between two. Each access is stored before anything is shown.
 */
@Controller(AUDIT_PATH)
@AuditorsOnly()
export class AuditorController {
  constructor(@Inject(AUDIT_DEPENDENCIES) private readonly dependencies: AuditDependencies) {}

  @Get()
  async organization(@Query() asked: Asked, @CurrentAuditor() auditor: Auditor): Promise<PageAnswer> {
    const { store, index } = this.dependencies;
    const { organizationId, organizationName, csrf, browser } = auditor;
    const title = browser.language.t(texts.organizationHistory, { organization: organizationName });
    return this.#timeline(asked, { title, csrf }, async (query) => {
      await this.#record(auditor, 'history', asked);
      return pageOf(organizationEvents(store, index, organizationId, { ...query, piece: query.limit + 1 }), query);
    });
  }

  /**
   * The form that names a user leads here: by id, or exactly by username or verified email address. Posted, so that no
   * name of a person is in an address. A name that looks like an id is never looked up: it would lead to another user
   * than the id's own.
   */
  @Post('/users')
  async find(
    @Body() form: Readonly<Record<string, unknown>>,
    @CurrentAuditor() auditor: Auditor,
  ): Promise<RedirectAnswer> {
    const typed = typeof form.user === 'string' ? form.user.trim() : '';
    if (isUuid(typed)) return redirect(`/audit/users/${typed}`);
    const found = await lookUpUser(this.dependencies, auditor.organizationId, typed, auditor.meta);
    if (found) await this.#record(auditor, 'look_up', found.query, found.userId);
    if (found?.userId === undefined) throw userNotFound();
    return redirect(`/audit/users/${found.userId}`);
  }

  @Get('/users/:userId')
  async user(
    @Param('userId') userId: string,
    @Query() asked: Asked,
    @CurrentAuditor() auditor: Auditor,
  ): Promise<PageAnswer> {
    await this.#requireUser(auditor, userId);
    const title = auditor.browser.language.t(texts.userHistory);
    return this.#timeline(asked, { title, userId }, async (query) => {
      await this.#record(auditor, 'history', asked, userId);
      return readHistory(this.dependencies.store, userId, query);
    });
  }

  /** `at`: the account as of then, now by default. `from` and `to`: the difference between two points in time. */
  @Get('/users/:userId/as-of')
  async asOf(
    @Param('userId') userId: string,
    @Query() asked: Asked,
    @CurrentAuditor() auditor: Auditor,
  ): Promise<PageAnswer> {
    await this.#requireUser(auditor, userId);
    const parsed = momentsSchema.safeParse(apiQueryOf(asked));
    if (!parsed.success) throw momentRefused(userId);
    const { at, from, to } = parsed.data;
    if (from) {
      const found = await readDifference(this.dependencies, userId, { from, to });
      if (found.kind === 'refused') throw momentRefused(userId);
      await this.#record(auditor, 'difference', asked, userId);
      return page(<AccountAsOfPage userId={userId} shown={{ difference: found.answer }} />);
    }
    const found = await readAccountAsOf(this.dependencies, userId, { moment: at, withSessions: true });
    if (found.kind === 'refused') throw momentRefused(userId);
    await this.#record(auditor, 'as_of', asked, userId);
    return page(<AccountAsOfPage userId={userId} shown={{ account: found.answer }} />);
  }

  /** A user of another organization is not found, like one that does not exist (invariant 11). */
  async #requireUser({ organizationId }: Auditor, userId: string): Promise<void> {
    const { store } = this.dependencies;
    if (isUuid(userId) && (await loadAccount(store, userId)).state.organizationId === organizationId) return;
    throw userNotFound();
  }

  #record(
    { organizationId, meta }: Auditor,
    access: HistoryAccess['access'],
    query: Readonly<Record<string, unknown>>,
    userId?: string,
  ): Promise<void> {
    return recordAccess(this.dependencies.store, organizationId, { access, userId, query }, meta);
  }

  /** Newest first, unless asked otherwise; a query that cannot be used comes back with what is wrong. */
  async #timeline(
    asked: Asked,
    shown: { readonly title: string } & TimelineOf,
    read: (query: HistoryQuery) => Promise<HistoryPage>,
  ): Promise<PageAnswer> {
    const parsed = historyQuerySchema.safeParse({ order: 'desc', limit: String(PAGE), ...apiQueryOf(asked) });
    const props = { ...shown, asked, types: TYPES };
    if (!parsed.success) {
      const mistake = mistakeOf(parsed.error);
      return page(<TimelinePage {...props} entries={[]} next={undefined} mistake={mistake} />, { status: 400 });
    }
    const { entries, next } = await read(parsed.data);
    const onwards = next && `?${new URLSearchParams({ ...asked, after: next }).toString()}`;
    return page(<TimelinePage {...props} entries={entries} next={onwards} />);
  }
}

/** The one answer for an unknown user, however the user was asked for. */
const userNotFound = (): RefusedPage =>
  new RefusedPage({
    status: 404,
    code: 'user_not_found',
    title: texts.noSuchUserTitle,
    nextStep: texts.noSuchUserNext,
    wayBack: { href: AUDIT_PATH, label: texts.back },
  });

const momentRefused = (userId: string): RefusedPage =>
  new RefusedPage({
    status: 400,
    code: 'query_invalid',
    title: texts.momentTitle,
    nextStep: texts.momentNext,
    wayBack: { href: `/audit/users/${userId}/as-of`, label: texts.back },
  });
