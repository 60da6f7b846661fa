import { Body, Controller, Get, Inject, Post, Query } from '@nestjs/common';
import { loadAccount } from '#libs/users/queries/load-account.js';
import { isAuditor } from '#libs/audit/is-auditor.js';
import type { ActiveSession, BrowserSession } from '#libs/sign-in/browser-sessions.js';
import { appendActivity } from '#libs/sign-in/open-session.js';
import { page, redirect } from '#libs/web/answer.js';
import type { PageAnswer, RedirectAnswer } from '#libs/web/answer.js';
import { ACCOUNT_DEPENDENCIES } from './account-dependencies.js';
import type { AccountDependencies } from './account-dependencies.js';
import type { Form } from './account-forms.js';
import { AccountSession } from './account-session.guard.js';
import { Visit } from './account-visit.js';
import type { AccountVisit } from './account-visit.js';
import { deviceOf } from './device.js';
import { providerNames } from './provider-names.js';
import { SessionsPage } from './sessions-page.js';
import type { ShownSession } from './sessions-page.js';

/**
 * Where a user is signed in, and ending it elsewhere. To end a session makes nothing less safe, so no recent
 * authentication is required.
 */
@Controller('/account/sessions')
@AccountSession()
export class SessionsController {
  constructor(@Inject(ACCOUNT_DEPENDENCIES) private readonly dependencies: AccountDependencies) {}

  @Get()
  async show(@Query('notice') notice: unknown, @Visit() visit: AccountVisit): Promise<PageAnswer | RedirectAnswer> {
    const { store, sessions } = this.dependencies;
    const { userId, organizationId, sessionId } = visit.session;
    const [{ providers }, active, { state }] = await Promise.all([
      visit.organization(),
      sessions.activeSessions(userId),
      loadAccount(store, userId),
    ]);
    const linked = state.links.map(({ providerId }) => providerId);
    const nameOf = await providerNames(store, providers, linked);
    const shown = ({ claimId, address, userAgent, ...session }: ActiveSession): ShownSession => {
      const link = state.links.find((candidate) => candidate.claimId === claimId);
      return {
        sessionId: session.sessionId,
        address,
        ...deviceOf(userAgent),
        providerName: link && nameOf(link.providerId),
        startedAt: session.startedAt,
        lastSeenAt: session.lastSeenAt,
      };
    };
    const current = active.find((session) => session.sessionId === sessionId);
    // Ended since it was found: as if the user had come a moment later.
    if (!current) return redirect('/account');
    return page(
      <SessionsPage
        current={shown(current)}
        others={active.filter((other) => other !== current).map(shown)}
        notice={typeof notice === 'string' ? notice : undefined}
        csrf={visit.csrf}
        isAuditor={isAuditor(state, organizationId)}
      />,
    );
  }

  @Post('/end')
  async end(@Body() form: Form, @Visit() visit: AccountVisit): Promise<RedirectAnswer> {
    const others = await this.#others(visit.session);
    await this.#endAll(
      others.filter(({ sessionId }) => sessionId === form.session),
      visit,
    );
    return redirect('/account/sessions?notice=session_ended');
  }

  @Post('/end-others')
  async endOthers(@Visit() visit: AccountVisit): Promise<RedirectAnswer> {
    await this.#endAll(await this.#others(visit.session), visit);
    return redirect('/account/sessions?notice=other_sessions_ended');
  }

  /** Of the same user: another user's session is never ended here. */
  async #others({ userId, sessionId }: BrowserSession): Promise<readonly ActiveSession[]> {
    return (await this.dependencies.sessions.activeSessions(userId)).filter((other) => other.sessionId !== sessionId);
  }

  async #endAll(ending: readonly ActiveSession[], { session, meta }: AccountVisit): Promise<void> {
    const { store, sessions } = this.dependencies;
    for (const { sessionId } of ending) {
      if ((await sessions.end({ sessionId }, 'ended_by_user')).length === 0) continue;
      const event = { type: 'SessionEnded', data: { sessionId, reason: 'ended_by_user' } } as const;
      await appendActivity(store, session.userId, [event], meta);
    }
  }
}
