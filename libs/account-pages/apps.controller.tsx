import { Body, Controller, Get, Inject, Post, Query, Req, Res } from '@nestjs/common';
import type { Request, Response } from 'express';
import { loadAccount } from '#libs/accounts/queries/load-account.js';
import { isAuditor } from '#libs/audit/is-auditor.js';
import { declareAccess } from '#libs/web/access/access-metadata.js';
import { contextOf } from '#libs/web/request-context.js';
import { sendPage } from '#libs/web/send-page.js';
import { ACCOUNT_DEPENDENCIES } from './account-dependencies.js';
import type { AccountDependencies } from './account-dependencies.js';
import { AccountGuard } from './account-guard.js';
import { AppsPage } from './apps-page.js';

/**
 * Which apps have access to the account, and taking it away. That makes nothing less safe, so nobody is asked again who
 * they are.
 */
@Controller('/account/apps')
@declareAccess({ kind: 'account_session' })
export class AppsController {
  readonly #guard: AccountGuard;

  constructor(@Inject(ACCOUNT_DEPENDENCIES) private readonly dependencies: AccountDependencies) {
    this.#guard = new AccountGuard(dependencies);
  }

  @Get()
  async show(@Query('notice') notice: unknown, @Req() request: Request, @Res() response: Response): Promise<void> {
    const session = await this.#guard.session(request, response);
    if (!session) return;
    const { store, apps } = this.dependencies;
    await this.#guard.organization(session, response);
    const [shown, { state: account }] = await Promise.all([
      apps.ofUser(session.userId),
      loadAccount(store, session.userId),
    ]);
    sendPage(
      response,
      <AppsPage
        apps={shown}
        notice={typeof notice === 'string' ? notice : undefined}
        csrf={this.#guard.csrfFor(session, request, response)}
        isAuditor={isAuditor(account, session.organizationId)}
      />,
    );
  }

  @Post('/revoke')
  async revoke(
    @Body() form: Readonly<Record<string, unknown>>,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    const authorized = await this.#guard.authorize(form, request, response);
    if (!authorized) return;
    const { apps, newId } = this.dependencies;
    const { userId, organizationId } = authorized.session;
    const app = (await apps.ofUser(userId)).find(({ clientId }) => clientId === form.app);
    if (app)
      await apps.revoke(
        userId,
        app.clientId,
        contextOf(request, newId, { type: 'user', id: userId }, { organizationId }),
      );
    response.redirect(303, '/account/apps?notice=app_access_revoked');
  }
}
