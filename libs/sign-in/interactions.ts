import type { Request, Response } from 'express';
import type { AskedAuthentication } from './asked-authentication.js';

/** What a relying party asked for and waits for: a sign-in. */
export interface SignInInteraction {
  readonly uid: string;
  readonly clientId: string;
  /** What people know the app as. */
  readonly appName: string;
  readonly organizationId: string;
  /** Where the browser goes when the interaction ends; forms of our pages may lead there. */
  readonly redirectOrigin?: string | undefined;
  /** The identity provider that the app wants the person to be sent to; its word only. */
  readonly idpHint?: string | undefined;
  /** Whom the app expects: what to put into the field for the login name. */
  readonly loginHint?: string | undefined;
  /** Languages that the app asked for, by preference (OIDC Core 1.0, section 3.1.2.1). */
  readonly uiLocales?: string | undefined;
  /** What the app asks of the authentication. */
  readonly asked: AskedAuthentication;
  /** When it asked. */
  readonly begunAt: Date;
}

/** The OpenID Provider's side of a sign-in. */
export interface SignInInteractions {
  /**
   * The interaction that this browser is in, by its cookie; nothing when it expired, is unknown, or belongs to another
   * browser.
   */
  findInteraction(request: Request, response: Response): Promise<SignInInteraction | undefined>;
  /**
   * An interaction by its id, for a flow that was begun from its sign-in page and is bound to that browser by its own
   * row.
   */
  interactionByUid(uid: string): Promise<SignInInteraction | undefined>;
  /**
   * Answers an interaction with an active session.
   * @returns where to send the browser, or nothing when either is over
   */
  finishInteraction(uid: string, sessionId: string): Promise<string | undefined>;
  /**
   * Ends an interaction without a sign-in: the person goes back to the app.
   * @param error the person's own choice (RFC 6749, section 4.1.2.1) unless told, or that what the app asked of the
   * authentication could not be proven (OpenID Connect Core 3.1.2.6)
   * @returns where to send the browser, or nothing when it is over
   */
  abandonInteraction(uid: string, error?: 'access_denied' | 'login_required'): Promise<string | undefined>;
}
