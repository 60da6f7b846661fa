import type { Request, Response } from 'express';
import type { BrowserSession } from '#libs/sign-in/browser-sessions.js';
import { isRecentlyConfirmed } from '#libs/sign-in/recently-confirmed.js';
import { signInRefusal } from '#libs/sign-in/pages/refusals.js';
import { browserIdOf, ensureBrowserId } from '#libs/web/browser-binding.js';
import { sendErrorPage } from '#libs/web/error-page.js';
import type { AccountDependencies } from './account-dependencies.js';
import { accountRefusal } from './refusals.js';

/** A form of the account pages that came with its token, from the browser and the session that it was made for. */
export interface Authorized {
  readonly session: BrowserSession;
  readonly browserId: string;
}

const RETURN_TARGET = /^\/account(?:\/[a-z0-9-]+)*$/;

/** Where a confirmation leads back to: a page of the account, never an address that somebody typed (L24). */
export const returnTarget = (value: unknown): string => (typeof value === 'string' && RETURN_TARGET.test(value) ? value : '/account');

/** Who may see and change what on the account pages. */
export class AccountGuard {
  constructor(private readonly dependencies: AccountDependencies) {}

  /** The browser's session, or an answer that sends the person to sign in. */
  async session(request: Request, response: Response): Promise<BrowserSession | undefined> {
    const session = await this.dependencies.sessions.current(request, response);
    if (!session) response.redirect(303, '/sign-in');
    return session;
  }

  /** The session that a form was made for, or an answer that the person has to begin again. */
  async authorize(token: unknown, request: Request, response: Response): Promise<Authorized | undefined> {
    const session = await this.session(request, response);
    if (!session) return undefined;
    const browserId = browserIdOf(request, this.dependencies.cookies);
    if (browserId && this.dependencies.csrf.verify(token, browserId, session.sessionId)) return { session, browserId };
    this.refuse(response, 'form_expired');
    return undefined;
  }

  /** Whether the person proved again who they are, lately and strongly enough; if not, sends them to do so and back (domain.md, "Recent"). */
  async isRecent(session: BrowserSession, returnTo: string, response: Response): Promise<boolean> {
    if (await isRecentlyConfirmed(this.dependencies, session)) return true;
    response.redirect(303, `/account/confirm?return=${encodeURIComponent(returnTarget(returnTo))}`);
    return false;
  }

  csrfFor(session: BrowserSession, request: Request, response: Response): string {
    return this.dependencies.csrf.issue(ensureBrowserId(request, response, this.dependencies.cookies), session.sessionId);
  }

  refuse(response: Response, code: string, detail?: string): void {
    const correlationId = this.dependencies.newId();
    this.dependencies.logger.info({ correlationId, refusal: code, detail }, 'an account change was refused');
    sendErrorPage(response, accountRefusal(code, correlationId) ?? signInRefusal(code, correlationId));
  }
}
