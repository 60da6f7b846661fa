import { applyDecorators, Inject, Injectable, SetMetadata, UseGuards } from '@nestjs/common';
import type { CanActivate, ExecutionContext } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { BrowserSession } from '#libs/sign-in/browser-sessions.js';
import { typedIn } from '#libs/sign-in/continuations.js';
import { signInPath } from '#libs/sign-in/sign-in-dependencies.js';
import { declareAccess } from '#libs/web/access/access-metadata.js';
import { redirect } from '#libs/web/answer.js';
import { BrowserPipe } from '#libs/web/browser.js';
import type { Browser } from '#libs/web/browser.js';
import { Diverted } from '#libs/web/refused.js';
import { ACCOUNT_DEPENDENCIES } from './account-dependencies.js';
import type { AccountDependencies } from './account-dependencies.js';
import { draftScope, pageOfForm } from './account-forms.js';
import type { Form } from './account-forms.js';
import { AccountVisit, setVisit } from './account-visit.js';
import { refusedChange } from './refusals.js';

const RECENT = Symbol('RequireRecentAuthentication');

/**
 * A user with a browser session. A form must bear the token that was issued to this browser in this session (L10). The
 * handler takes `@Visit()`.
 */
export const AccountSession = (): MethodDecorator & ClassDecorator =>
  applyDecorators(declareAccess({ kind: 'account_session' }), UseGuards(AccountSessionGuard));

/** The user must have authenticated again lately, and strongly enough, before the handler runs (domain.md, "Recent"). */
export const RequireRecentAuthentication = (): MethodDecorator => SetMetadata(RECENT, true);

@Injectable()
export class AccountSessionGuard implements CanActivate {
  constructor(
    @Inject(ACCOUNT_DEPENDENCIES) private readonly dependencies: AccountDependencies,
    @Inject(BrowserPipe) private readonly browsers: BrowserPipe,
    @Inject(Reflector) private readonly reflector: Reflector,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const browser = this.browsers.transform(context);
    const { path, method, request, response } = browser;
    const session = await this.dependencies.sessions.current(request, response);
    const admitted = method === 'POST' ? this.#sender(session, browser) : session;
    if (!admitted) {
      this.dependencies.continuations.remember({ path }, request, response);
      throw this.#signIn(browser);
    }
    const visit = new AccountVisit(this.dependencies, admitted, browser);
    setVisit(visit);
    const recent = this.reflector.get<boolean | undefined>(RECENT, context.getHandler());
    if (recent) await visit.requireRecentAuthentication();
    return true;
  }

  /**
   * The session that a form was made for. When that has ended meanwhile, the user is led to sign in and back to the
   * form, with what was typed; any other form is refused.
   */
  #sender(session: BrowserSession | undefined, browser: Browser): BrowserSession {
    const { request, response } = browser;
    const form = request.body as Form;
    const [token, userId = '', draft] = typeof form.csrf === 'string' ? form.csrf.split('.') : [];
    if (session && browser.holdsCsrf(token, session.sessionId)) return session;
    const isDraft = browser.holdsCsrf(draft, draftScope(userId));
    const path = pageOfForm(browser.path);
    if (isDraft) this.dependencies.continuations.remember({ path, userId, typed: typedIn(form) }, request, response);
    if (!session) throw this.#signIn(browser);
    throw isDraft && session.userId === userId ? new Diverted(redirect(path)) : refusedChange('form_expired');
  }

  /** To where this browser last signed in to account pages. */
  #signIn({ request }: Browser): Diverted {
    const organizationId = this.dependencies.continuations.organization(request);
    return new Diverted(redirect(signInPath(undefined, { organizationId })));
  }
}
