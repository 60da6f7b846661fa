import { Controller, Get, Inject, Query, Req, Res } from '@nestjs/common';
import type { Request, Response } from 'express';
import { loadAccount } from '#libs/accounts/queries/load-account.js';
import type { HistoryEntry } from '#libs/audit/entry.js';
import { readHistory } from '#libs/audit/history.js';
import { historyQuerySchema } from '#libs/audit/history-query.js';
import { isAuditor } from '#libs/audit/is-auditor.js';
import { loadRelyingParty } from '#libs/relying-parties/queries/load-relying-party.js';
import { declareAccess } from '#libs/web/access/access-metadata.js';
import { sendPage } from '#libs/web/send-page.js';
import { ACCOUNT_DEPENDENCIES } from './account-dependencies.js';
import type { AccountDependencies } from './account-dependencies.js';
import { AccountGuard } from './account-guard.js';
import { HistoryPage } from './history-page.js';
import { providerNames } from './provider-names.js';

/** A person's own history, newest first. */
@Controller('/account/history')
@declareAccess({ kind: 'account_session' })
export class AccountHistoryController {
  readonly #guard: AccountGuard;

  constructor(@Inject(ACCOUNT_DEPENDENCIES) private readonly dependencies: AccountDependencies) {
    this.#guard = new AccountGuard(dependencies);
  }

  @Get()
  async show(@Query('after') after: unknown, @Req() request: Request, @Res() response: Response): Promise<void> {
    const { store } = this.dependencies;
    const session = await this.#guard.session(request, response);
    if (!session) return;
    const query = historyQuerySchema.safeParse({ order: 'desc', limit: 50, ...(after === undefined ? {} : { after }) });
    if (!query.success) return response.redirect(303, '/account/history');
    const [{ entries, next }, { providers }, { state: account }] = await Promise.all([
      readHistory(store, session.userId, query.data),
      this.#guard.organization(session, response),
      loadAccount(store, session.userId),
    ]);
    const page = (
      <HistoryPage
        entries={entries}
        next={next}
        providerName={await providerNames(
          store,
          providers,
          entries.flatMap(({ providerId }) => providerId ?? []),
        )}
        appName={await this.#appNames(entries)}
        csrf={this.#guard.csrfFor(session, request, response)}
        isAuditor={isAuditor(account, session.organizationId)}
      />
    );
    sendPage(response, page);
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
