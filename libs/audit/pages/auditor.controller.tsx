import { Body, Controller, Get, Inject, Param, Post, Req, Res } from '@nestjs/common';
import type { Request, Response } from 'express';
import { z } from 'zod';
import { eventCatalog } from '#libs/event-catalog/event-catalog.js';
import { isUuid } from '#libs/platform/ids.js';
import { mistakeOf } from '#libs/platform/query-mistake.js';
import { declareAccess } from '#libs/web/access/access-metadata.js';
import { sendErrorPage } from '#libs/web/error-page.js';
import { languageOfAnswer } from '#libs/web/locale.js';
import { sendPage } from '#libs/web/send-page.js';
import { AUDIT_DEPENDENCIES } from '../audit-dependencies.js';
import type { AuditDependencies } from '../audit-dependencies.js';
import { lookUpUser } from '../find-user.js';
import { pageOf, readHistory } from '../history.js';
import type { HistoryPage } from '../history.js';
import { historyQuerySchema } from '../history-query.js';
import type { HistoryQuery } from '../history-query.js';
import { momentSchema } from '../moment.js';
import { organizationEvents } from '../organization-events.js';
import { readAccountAsOf, readDifference } from '../read-account.js';
import type { MomentRefused } from '../read-account.js';
import { AccountAsOfPage } from './account-as-of-page.js';
import type { AccountAsOfProps } from './account-as-of-page.js';
import { AuditorGuard } from './auditor-guard.js';
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

/**
 * Server-rendered pages for people with the role `auditor`: timelines with filters, the account as of any moment, the
 * difference between two.
 */
@Controller('/audit')
@declareAccess({ kind: 'role', role: 'auditor' })
export class AuditorController {
  readonly #guard: AuditorGuard;

  constructor(@Inject(AUDIT_DEPENDENCIES) private readonly dependencies: AuditDependencies) {
    this.#guard = new AuditorGuard(dependencies);
  }

  @Get()
  async organization(@Req() request: Request, @Res() response: Response): Promise<void> {
    const auditor = await this.#guard.auditor(request, response);
    if (!auditor) return;
    const { store, index } = this.dependencies;
    const { organizationId, organizationName, csrf } = auditor;
    const title = languageOfAnswer(response).t(texts.organizationHistory, { organization: organizationName });
    await this.#timeline(request, response, { title, csrf }, async (query) => {
      await auditor.record('history');
      return pageOf(organizationEvents(store, index, organizationId, { ...query, piece: query.limit + 1 }), query);
    });
  }

  /**
   * The form that names a user leads here: by id, or exactly by username or verified e-mail address. Posted, so that no
   * name of a person is in an address. A name that looks like an id is never looked up: it would lead to somebody else
   * than the id's own user.
   */
  @Post('/users')
  async find(
    @Body() form: Readonly<Record<string, unknown>>,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    const auditor = await this.#guard.sender(form, request, response);
    if (!auditor) return;
    const typed = typeof form.user === 'string' ? form.user.trim() : '';
    if (isUuid(typed)) return response.redirect(303, `/audit/users/${typed}`);
    const found = await lookUpUser(this.dependencies, auditor.organizationId, typed, auditor.context);
    if (found) await auditor.record('look_up', found.userId, found.query);
    if (found?.userId === undefined) return this.#guard.refuseUnknown(response);
    response.redirect(303, `/audit/users/${found.userId}`);
  }

  @Get('/users/:userId')
  async user(@Param('userId') userId: string, @Req() request: Request, @Res() response: Response): Promise<void> {
    const auditor = await this.#guard.auditor(request, response);
    if (!auditor || !(await this.#guard.isUserOf(auditor, userId, response))) return;
    await this.#timeline(
      request,
      response,
      { title: languageOfAnswer(response).t(texts.userHistory), userId },
      async (query) => {
        await auditor.record('history', userId);
        return readHistory(this.dependencies.store, userId, query);
      },
    );
  }

  /** `at`: the account as of a moment, now unless told. `from` and `to`: what is different between two. */
  @Get('/users/:userId/as-of')
  async asOf(@Param('userId') userId: string, @Req() request: Request, @Res() response: Response): Promise<void> {
    const auditor = await this.#guard.auditor(request, response);
    if (!auditor || !(await this.#guard.isUserOf(auditor, userId, response))) return;
    const parsed = momentsSchema.safeParse(apiQueryOf(request.query));
    if (!parsed.success) return this.#refuse(response, userId);
    const { at, from, to } = parsed.data;
    if (from) {
      const found = await readDifference(this.dependencies, userId, { from, to });
      if (found.kind === 'found') await auditor.record('difference', userId);
      return this.#account(response, userId, found, (difference) => ({ difference }));
    }
    const found = await readAccountAsOf(this.dependencies, userId, { moment: at, withSessions: true });
    if (found.kind === 'found') await auditor.record('as_of', userId);
    return this.#account(response, userId, found, (account) => ({ account }));
  }

  #account<Answer>(
    response: Response,
    userId: string,
    found: { readonly kind: 'found'; readonly answer: Answer } | MomentRefused,
    shown: (answer: Answer) => AccountAsOfProps['shown'],
  ): void {
    if (found.kind === 'refused') return this.#refuse(response, userId);
    sendPage(response, <AccountAsOfPage userId={userId} shown={shown(found.answer)} />);
  }

  #refuse(response: Response, userId: string): void {
    sendErrorPage(response, {
      status: 400,
      code: 'query_invalid',
      title: texts.momentTitle,
      nextStep: texts.momentNext,
      correlationId: this.dependencies.newId(),
      wayBack: { href: `/audit/users/${userId}/as-of`, label: texts.back },
    });
  }

  /** Newest first, unless asked otherwise; a query that cannot be used comes back with what is wrong. */
  async #timeline(
    request: Request,
    response: Response,
    page: { readonly title: string } & TimelineOf,
    read: (query: HistoryQuery) => Promise<HistoryPage>,
  ): Promise<void> {
    const parsed = historyQuerySchema.safeParse({ order: 'desc', limit: String(PAGE), ...apiQueryOf(request.query) });
    const props = { ...page, asked: request.query, types: TYPES };
    if (!parsed.success) {
      const mistake = mistakeOf(parsed.error);
      return sendPage(response, <TimelinePage {...props} entries={[]} next={undefined} mistake={mistake} />, {
        status: 400,
      });
    }
    const { entries, next } = await read(parsed.data);
    const asked = request.query as Readonly<Record<string, string>>;
    const onwards = next && `?${new URLSearchParams({ ...asked, after: next }).toString()}`;
    sendPage(response, <TimelinePage {...props} entries={entries} next={onwards} />);
  }
}
