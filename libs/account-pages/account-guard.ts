import type { Request, Response } from 'express';
import type { BrowserSession } from '#libs/sign-in/browser-sessions.js';
import { isAccountPath, typedIn } from '#libs/sign-in/continuations.js';
import { loadOfferedProviders } from '#libs/sign-in/offered-providers.js';
import type { OfferedWaysIn } from '#libs/sign-in/offered-providers.js';
import { isRecentlyConfirmed } from '#libs/sign-in/recently-confirmed.js';
import { signInRefusal } from '#libs/sign-in/pages/refusals.js';
import { signInPath } from '#libs/sign-in/sign-in-dependencies.js';
import { brandAnswer } from '#libs/web/branding.js';
import { browserIdOf, ensureBrowserId } from '#libs/web/browser-binding.js';
import { sendErrorPage } from '#libs/web/error-page.js';
import type { AccountDependencies } from './account-dependencies.js';
import { accountRefusal } from './refusals.js';

type Form = Readonly<Record<string, unknown>>;

/** A form of the account pages that came with its token, from the browser and the session that it was made for. */
export interface Authorized {
  readonly session: BrowserSession;
  readonly browserId: string;
}

/** Where a confirmation leads back to: a page of the account, never an address that somebody typed (L24). */
export const returnTarget = (value: unknown): string => (isAccountPath(value) ? value : '/account');

/** The page that a form is on, where it posts to itself; else the account page. */
const pageOfForm = (path: string): string =>
  /^\/account\/(?:name|username|email|password|sessions|identities\/(?:link\/[a-z0-9-]+|[0-9a-f-]{36}\/unlink))$/.test(
    path,
  )
    ? path
    : '/account';

/**
 * A token's second part outlives the session: it shows that this server made the form, for this browser and this user.
 */
const draftScope = (userId: string): string => `form of ${userId}`;

/** Who may see and change what on the account pages. */
export class AccountGuard {
  constructor(private readonly dependencies: AccountDependencies) {}

  /** The browser's session, or an answer that sends the person to sign in, and then back here. */
  async session(request: Request, response: Response): Promise<BrowserSession | undefined> {
    const session = await this.dependencies.sessions.current(request, response);
    if (session) return session;
    this.dependencies.continuations.remember({ path: request.path }, request, response);
    this.#signIn(request, response);
    return undefined;
  }

  /** What the person's organization offers, in whose look the answer is then. */
  async organization({ organizationId }: BrowserSession, response: Response): Promise<OfferedWaysIn> {
    const organization = await loadOfferedProviders(this.dependencies.store, organizationId);
    brandAnswer(response, organization.branding);
    return organization;
  }

  /**
   * The session that a form was made for (L10). When that has ended meanwhile, the person is sent to sign in and back
   * to the form, with what was typed; anything else is refused.
   */
  async authorize(form: Form, request: Request, response: Response): Promise<Authorized | undefined> {
    const { sessions, cookies, csrf, continuations } = this.dependencies;
    const session = await sessions.current(request, response);
    const browserId = browserIdOf(request, cookies);
    const [token, userId = '', draft] = typeof form.csrf === 'string' ? form.csrf.split('.') : [];
    if (session && browserId && csrf.verify(token, browserId, session.sessionId)) return { session, browserId };
    const path = pageOfForm(request.path);
    if (csrf.verify(draft, browserId, draftScope(userId))) {
      continuations.remember({ path, userId, typed: typedIn(form) }, request, response);
      if (session?.userId === userId) response.redirect(303, path);
      else if (!session) this.#signIn(request, response);
      else this.refuse(response, 'form_expired');
    } else if (session) this.refuse(response, 'form_expired');
    else this.#signIn(request, response);
    return undefined;
  }

  /**
   * Whether the person proved again who they are, lately and strongly enough; if not, sends them to do so and back,
   * with what was typed (domain.md, "Recent").
   */
  async isRecent(session: BrowserSession, request: Request, response: Response): Promise<boolean> {
    if (await isRecentlyConfirmed(this.dependencies, session)) return true;
    const path = pageOfForm(request.path);
    const { userId } = session;
    if (request.method === 'POST') {
      this.dependencies.continuations.remember(
        { path, userId, typed: typedIn(request.body as Form) },
        request,
        response,
      );
    }
    response.redirect(303, `/account/confirm?return=${encodeURIComponent(path)}`);
    return false;
  }

  /** What was typed on this page before the person had to sign in or confirm; once. */
  typed(
    { userId }: BrowserSession,
    request: Request,
    response: Response,
  ): Readonly<Record<string, string>> | undefined {
    return this.dependencies.continuations.take(request.path, userId, request, response);
  }

  csrfFor({ sessionId, userId }: BrowserSession, request: Request, response: Response): string {
    const { csrf, cookies } = this.dependencies;
    const browserId = ensureBrowserId(request, response, cookies);
    return `${csrf.issue(browserId, sessionId)}.${userId}.${csrf.issue(browserId, draftScope(userId))}`;
  }

  refuse(response: Response, code: string, detail?: string): void {
    const correlationId = this.dependencies.newId();
    this.dependencies.logger.info({ correlationId, refusal: code, detail }, 'an account change was refused');
    sendErrorPage(response, accountRefusal(code, correlationId) ?? signInRefusal(code, correlationId));
  }

  /** To where this browser last signed in to account pages. */
  #signIn(request: Request, response: Response): void {
    response.redirect(
      303,
      signInPath(undefined, { organizationId: this.dependencies.continuations.organization(request) }),
    );
  }
}
