import { Controller, Get, Inject, Query, Req, Res } from '@nestjs/common';
import type { Request, Response } from 'express';
import { historyQuerySchema, InvalidCursorError, readHistory } from '#libs/audit/history.js';
import { loadOfferedProviders } from '#libs/sign-in/offered-providers.js';
import { sendPage } from '#libs/web/send-page.js';
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
    try {
      if (!query.success) throw new InvalidCursorError();
      const [{ entries, next }, { providers }] = await Promise.all([
        readHistory(store, session.userId, query.data),
        loadOfferedProviders(store, session.organizationId),
      ]);
      const providerName = (id: string): string => providers.find(({ settings }) => settings.id === id)?.settings.displayName ?? id;
      sendPage(response, <HistoryPage entries={entries} next={next} providerName={providerName} />);
    } catch (error) {
      if (error instanceof InvalidCursorError) return response.redirect(303, '/account/history');
      throw error;
    }
  }
}
