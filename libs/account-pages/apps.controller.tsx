import { Body, Controller, Get, Inject, Post, Query } from '@nestjs/common';
import { loadAccount } from '#libs/users/queries/load-account.js';
import { isAuditor } from '#libs/audit/is-auditor.js';
import { page, redirect } from '#libs/web/answer.js';
import type { PageAnswer, RedirectAnswer } from '#libs/web/answer.js';
import { ACCOUNT_DEPENDENCIES } from './account-dependencies.js';
import type { AccountDependencies } from './account-dependencies.js';
import type { Form } from './account-forms.js';
import { AccountSession } from './account-session.guard.js';
import { Visit } from './account-visit.js';
import type { AccountVisit } from './account-visit.js';
import { AppsPage } from './apps-page.js';

/**
 * Which apps have access to the account, and revoking it. That makes nothing less safe, so no recent authentication is
 * required.
 */
@Controller('/account/apps')
@AccountSession()
export class AppsController {
  constructor(@Inject(ACCOUNT_DEPENDENCIES) private readonly dependencies: AccountDependencies) {}

  @Get()
  async show(@Query('notice') notice: unknown, @Visit() visit: AccountVisit): Promise<PageAnswer> {
    const { store, apps } = this.dependencies;
    const { userId, organizationId } = visit.session;
    const [shown, { state: account }] = await Promise.all([
      apps.ofUser(userId),
      loadAccount(store, userId),
      visit.organization(),
    ]);
    return page(
      <AppsPage
        apps={shown}
        notice={typeof notice === 'string' ? notice : undefined}
        csrf={visit.csrf}
        isAuditor={isAuditor(account, organizationId)}
      />,
    );
  }

  @Post('/revoke')
  async revoke(@Body() form: Form, @Visit() { session, meta }: AccountVisit): Promise<RedirectAnswer> {
    const { apps } = this.dependencies;
    const app = (await apps.ofUser(session.userId)).find(({ clientId }) => clientId === form.app);
    if (app) await apps.revoke(session.userId, app.clientId, meta);
    return redirect('/account/apps?notice=app_access_revoked');
  }
}
