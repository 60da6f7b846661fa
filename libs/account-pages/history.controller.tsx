import { Controller, Get, Inject, Query } from '@nestjs/common';
import { loadAccount } from '#libs/users/queries/load-account.js';
import type { HistoryEntry } from '#libs/audit/entry.js';
import { readHistory } from '#libs/audit/history.js';
import { historyQuerySchema } from '#libs/audit/history-query.js';
import { isAuditor } from '#libs/audit/is-auditor.js';
import { loadRelyingParty } from '#libs/relying-parties/queries/load-relying-party.js';
import { page, redirect } from '#libs/web/answer.js';
import type { PageAnswer, RedirectAnswer } from '#libs/web/answer.js';
import { ACCOUNT_DEPENDENCIES } from './account-dependencies.js';
import type { AccountDependencies } from './account-dependencies.js';
import { AccountSession } from './account-session.guard.js';
import { Visit } from './account-visit.js';
import type { AccountVisit } from './account-visit.js';
import { HistoryPage } from './history-page.js';
import { providerNames } from './provider-names.js';

/** A user's own history, newest first. */
@Controller('/account/history')
@AccountSession()
export class AccountHistoryController {
  constructor(@Inject(ACCOUNT_DEPENDENCIES) private readonly dependencies: AccountDependencies) {}

  @Get()
  async show(@Query('after') after: unknown, @Visit() visit: AccountVisit): Promise<PageAnswer | RedirectAnswer> {
    const { store } = this.dependencies;
    const { userId, organizationId } = visit.session;
    const query = historyQuerySchema.safeParse({ order: 'desc', limit: 50, ...(after === undefined ? {} : { after }) });
    if (!query.success) return redirect('/account/history');
    const [{ entries, next }, { providers }, { state: account }] = await Promise.all([
      readHistory(store, userId, query.data),
      visit.organization(),
      loadAccount(store, userId),
    ]);
    const used = entries.flatMap(({ providerId }) => providerId ?? []);
    return page(
      <HistoryPage
        entries={entries}
        next={next}
        providerName={await providerNames(store, providers, used)}
        appName={await this.#appNames(entries)}
        csrf={visit.csrf}
        isAuditor={isAuditor(account, organizationId)}
      />,
    );
  }

  async #appNames(entries: readonly HistoryEntry[]): Promise<(clientId: string) => string> {
    const ids = [...new Set(entries.flatMap(({ clientId }) => clientId ?? []))];
    const loaded = await Promise.all(
      ids.map(async (id) => [id, (await loadRelyingParty(this.dependencies.store, id))?.displayName] as const),
    );
    const names = new Map(loaded);
    return (clientId) => names.get(clientId) ?? clientId;
  }
}
