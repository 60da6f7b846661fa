import { Controller, Get, Inject, Query, Req, Res } from '@nestjs/common';
import type { Request, Response } from 'express';
import { readHistory } from '#libs/audit/history.js';
import { historyQuerySchema } from '#libs/audit/history-query.js';
import { renderPage } from '#libs/web/layout.js';
import { setPageHeaders } from '#libs/web/security-headers.js';
import { ACCOUNT_DEPENDENCIES } from './account-dependencies.js';
import type { AccountDependencies } from './account-dependencies.js';
import { HistoryPage } from './history-page.js';

/** A person's own history, newest first. */
@Controller('/account/history')
export class AccountHistoryController {
  constructor(@Inject(ACCOUNT_DEPENDENCIES) private readonly dependencies: AccountDependencies) {}

  @Get()
  async show(@Query('after') after: unknown, @Req() request: Request, @Res() response: Response): Promise<void> {
    const { store, sessions } = this.dependencies;
    const session = await sessions.current(request, response);
    if (!session) return response.redirect(303, '/sign-in');
    const query = historyQuerySchema.safeParse({ order: 'desc', limit: 50, ...(after === undefined ? {} : { after }) });
    if (!query.success) return response.redirect(303, '/account/history');
    const { entries, next } = await readHistory(store, session.userId, query.data);
    setPageHeaders(response);
    response.type('html').send(renderPage(<HistoryPage entries={entries} next={next} />));
  }
}
