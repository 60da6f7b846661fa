import { createParamDecorator } from '@nestjs/common';
import type { ExecutionContext } from '@nestjs/common';
import type { Request } from 'express';
import type { CommandContext } from '#libs/event-store/event-metadata.js';
import type { BrowserSession } from '#libs/sign-in/browser-sessions.js';
import { typedIn } from '#libs/sign-in/continuations.js';
import { loadOfferedProviders } from '#libs/sign-in/offered-providers.js';
import type { OfferedWaysIn } from '#libs/sign-in/offered-providers.js';
import { isRecentlyConfirmed } from '#libs/sign-in/recently-confirmed.js';
import { redirect } from '#libs/web/answer.js';
import type { Browser } from '#libs/web/browser.js';
import { Diverted } from '#libs/web/refused.js';
import type { AccountDependencies } from './account-dependencies.js';
import { draftScope, pageOfForm } from './account-forms.js';
import type { Form } from './account-forms.js';

/** One request of a signed-in user to the account pages. {@link AccountSessionGuard} makes it, once per request. */
export class AccountVisit {
  constructor(
    private readonly dependencies: AccountDependencies,
    readonly session: BrowserSession,
    readonly browser: Browser,
  ) {}

  /** For the forms of the answer (L10). Its last part shows, also after the session ended, whose form it is. */
  get csrf(): string {
    const { sessionId, userId } = this.session;
    return `${this.browser.issueCsrf(sessionId)}.${userId}.${this.browser.issueCsrf(draftScope(userId))}`;
  }

  /** What the request brings to the events that it causes. */
  get meta(): CommandContext {
    const { userId, organizationId } = this.session;
    return this.browser.meta({ type: 'user', id: userId }, { organizationId });
  }

  /** What the user's organization offers; the answer takes on its look. */
  async organization(): Promise<OfferedWaysIn> {
    const organization = await loadOfferedProviders(this.dependencies.store, this.session.organizationId);
    this.browser.brand(organization.branding);
    return organization;
  }

  /** What was typed on this page before the user had to sign in or authenticate again; once. */
  takeTyped(): Readonly<Record<string, string>> | undefined {
    const { path, request, response } = this.browser;
    return this.dependencies.continuations.take(path, this.session.userId, request, response);
  }

  /**
   * Returns where the user authenticated again lately, and strongly enough (domain.md, "Recent").
   * @throws {Diverted} to do so and come back, with what was typed
   */
  async requireRecentAuthentication(): Promise<void> {
    if (await isRecentlyConfirmed(this.dependencies, this.session)) return;
    const { path, method, request, response } = this.browser;
    const onPage = pageOfForm(path);
    if (method === 'POST') {
      const typed = typedIn(request.body as Form);
      const continuation = { path: onPage, userId: this.session.userId, typed };
      this.dependencies.continuations.remember(continuation, request, response);
    }
    throw new Diverted(redirect(`/account/confirm?return=${encodeURIComponent(onPage)}`));
  }

  /** Gives the session a fresh cookie (L22). */
  rotateSession(): Promise<void> {
    const { request, response } = this.browser;
    return this.dependencies.sessions.rotate(this.session.sessionId, request, response);
  }
}

const visits = new WeakMap<Request, AccountVisit>();

export const setVisit = (visit: AccountVisit): void => void visits.set(visit.browser.request, visit);

/** The visit that a route with `@AccountSession()` has admitted. */
export const Visit = createParamDecorator((_data: unknown, context: ExecutionContext): AccountVisit => {
  const visit = visits.get(context.switchToHttp().getRequest<Request>());
  if (!visit) throw new Error('A handler takes @Visit() on a route without @AccountSession()');
  return visit;
});
