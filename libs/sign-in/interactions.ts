import type { Request, Response } from 'express';

/** What a relying party asked for and waits for: a sign-in. */
export interface SignInInteraction {
  readonly uid: string;
  readonly clientId: string;
  readonly organizationId: string;
  /** Where the browser goes when the interaction ends; forms of our pages may lead there. */
  readonly redirectOrigin?: string | undefined;
}

/** The OpenID Provider's side of a sign-in. */
export interface SignInInteractions {
  /** The interaction that this browser is in; nothing when it expired, is unknown, or belongs to another browser. */
  find(request: Request, response: Response): Promise<SignInInteraction | undefined>;
  /** Sends the browser back to the relying party, signed in by an active session. */
  finish(request: Request, response: Response, sessionId: string): Promise<void>;
}
