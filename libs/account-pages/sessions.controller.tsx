import { Body, Controller, Get, Inject, Post, Query, Req, Res } from '@nestjs/common';
import type { Request, Response } from 'express';
import { loadAccount } from '#libs/accounts/queries/load-account.js';
import { isAuditor } from '#libs/audit/is-auditor.js';
import type { ActiveSession, BrowserSession } from '#libs/sign-in/browser-sessions.js';
import { appendActivity } from '#libs/sign-in/open-session.js';
import { declareAccess } from '#libs/web/access/access-metadata.js';
import { contextOf } from '#libs/web/request-context.js';
import { sendPage } from '#libs/web/send-page.js';
import { ACCOUNT_DEPENDENCIES } from './account-dependencies.js';
import type { AccountDependencies } from './account-dependencies.js';
import { AccountGuard } from './account-guard.js';
import { deviceOf } from './device.js';
import { providerNames } from './provider-names.js';
import { SessionsPage } from './sessions-page.js';
import type { ShownSession } from './sessions-page.js';

type Form = Readonly<Record<string, unknown>>;

/**
 * Where a person is signed in, and ending it elsewhere. To end a session makes nothing less safe, so nobody is asked
 * again who they are.
 */
@Controller('/account/sessions')
@declareAccess({ kind: 'account_session' })
export class SessionsController {
  readonly #guard: AccountGuard;

  constructor(@Inject(ACCOUNT_DEPENDENCIES) private readonly dependencies: AccountDependencies) {
    this.#guard = new AccountGuard(dependencies);
  }

  @Get()
  async show(@Query('notice') notice: unknown, @Req() request: Request, @Res() response: Response): Promise<void> {
    const session = await this.#guard.session(request, response);
    if (!session) return;
    const { store, sessions } = this.dependencies;
    const { providers } = await this.#guard.organization(session, response);
    const [active, { state }] = await Promise.all([
      sessions.activeSessions(session.userId),
      loadAccount(store, session.userId),
    ]);
    const nameOf = await providerNames(
      store,
      providers,
      state.links.map(({ providerId }) => providerId),
    );
    const shown = ({ sessionId, claimId, address, userAgent, authTime, lastSeenAt }: ActiveSession): ShownSession => {
      const link = state.links.find((candidate) => candidate.claimId === claimId);
      return {
        sessionId,
        address,
        ...deviceOf(userAgent),
        providerName: link && nameOf(link.providerId),
        startedAt: authTime,
        lastSeenAt,
      };
    };
    const current = active.find(({ sessionId }) => sessionId === session.sessionId);
    // Ended since it was found: as if the person had come a moment later.
    if (!current) return response.redirect(303, '/account');
    sendPage(
      response,
      <SessionsPage
        current={shown(current)}
        others={active.filter((other) => other !== current).map(shown)}
        notice={typeof notice === 'string' ? notice : undefined}
        csrf={this.#guard.csrfFor(session, request, response)}
        isAuditor={isAuditor(state, session.organizationId)}
      />,
    );
  }

  @Post('/end')
  async end(@Body() form: Form, @Req() request: Request, @Res() response: Response): Promise<void> {
    const authorized = await this.#guard.authorize(form, request, response);
    if (!authorized) return;
    const others = await this.#others(authorized.session);
    await this.#endAll(
      others.filter(({ sessionId }) => sessionId === form.session),
      authorized.session,
      request,
    );
    response.redirect(303, '/account/sessions?notice=session_ended');
  }

  @Post('/end-others')
  async endOthers(@Body() form: Form, @Req() request: Request, @Res() response: Response): Promise<void> {
    const authorized = await this.#guard.authorize(form, request, response);
    if (!authorized) return;
    await this.#endAll(await this.#others(authorized.session), authorized.session, request);
    response.redirect(303, '/account/sessions?notice=other_sessions_ended');
  }

  /** Of the same user: nobody ends another person's session. */
  async #others({ userId, sessionId }: BrowserSession): Promise<readonly ActiveSession[]> {
    return (await this.dependencies.sessions.activeSessions(userId)).filter((other) => other.sessionId !== sessionId);
  }

  async #endAll(
    ending: readonly ActiveSession[],
    { userId, organizationId }: BrowserSession,
    request: Request,
  ): Promise<void> {
    const { store, sessions, newId } = this.dependencies;
    const context = contextOf(request, newId, { type: 'user', id: userId }, { organizationId });
    for (const { sessionId } of ending) {
      if ((await sessions.end({ sessionId }, 'ended_by_user')).length === 0) continue;
      await appendActivity(
        store,
        userId,
        [{ type: 'SessionEnded', data: { sessionId, reason: 'ended_by_user' } }],
        context,
      );
    }
  }
}
