import type { Request, Response } from 'express';
import type { SessionEndReason } from './events.js';

/**
 * A browser's session, as the OpenID Provider keeps it: the only kind there is (domain.md, "Sign-in against
 * revocation").
 */
export interface BrowserSession {
  readonly sessionId: string;
  readonly userId: string;
  readonly organizationId: string;
  /** The link that opened it, or renewed it last; none for a password. */
  readonly claimId?: string;
  /** Further links that it goes back to, since it was renewed: it ends with any of them (invariant 7). */
  readonly furtherClaimIds?: readonly string[];
  /** When the person authenticated; none: nobody knows, which is never recent. */
  readonly authTime?: Date;
  /** Revision of the user's stream that the sign-in was decided from. */
  readonly accountRevision: bigint;
}

/** A session that can be used now, as its person may see it. */
export interface ActiveSession extends BrowserSession {
  readonly startedAt: Date;
  readonly lastSeenAt: Date;
  /** Where it was begun, and with what; not always known. */
  readonly address?: string;
  readonly userAgent?: string;
}

/** How a person authenticated. */
export interface Authentication {
  readonly claimId?: string;
  readonly method: 'external' | 'password';
  /** When; none: nobody knows. */
  readonly authTime?: Date;
  readonly acr?: string;
  readonly amr: readonly string[];
  /** When the session ends at the latest. */
  readonly lifetimeS: number;
}

export interface PendingSession extends Authentication {
  readonly userId: string;
  readonly organizationId: string;
  /** Revision of the user's stream that the sign-in was decided from: an event after it may revoke the session. */
  readonly accountRevision: bigint;
  readonly address?: string | undefined;
  readonly userAgent?: string | undefined;
}

/**
 * Which sessions to end. `openedBefore`: those whose sign-in did not know the event of this revision of the user's
 * stream.
 */
export type SessionSelector =
  | { readonly sessionId: string }
  | { readonly userId: string; readonly claimId: string }
  | { readonly userId: string; readonly openedBefore: bigint; readonly except?: string | undefined };

/** What signing in and out needs of the session store. */
export interface BrowserSessions {
  /** Inserts a session that nobody can use yet. */
  insertPending(session: PendingSession): Promise<{ readonly sessionId: string }>;
  /** Compare-and-set from pending to active, with a fresh cookie (L22); false when the session was ended meanwhile. */
  activate(sessionId: string, request: Request, response: Response): Promise<boolean>;
  /**
   * Before the events of a renewal: from now on an active session ends with this link too, so that an unlink meanwhile
   * finds it. @returns false when the session has ended
   */
  prepareRenewal(sessionId: string, claimId: string | undefined): Promise<boolean>;
  /**
   * After the events of a renewal: the session is of this authentication from now on, with a fresh cookie (L22); its
   * grants stay. @returns false when the session was ended meanwhile
   */
  renew(sessionId: string, by: Authentication, request: Request, response: Response): Promise<boolean>;
  /** Gives the browser's session a fresh cookie, after a link or a re-authentication (L22). */
  rotate(sessionId: string, request: Request, response: Response): Promise<void>;
  /** The browser's active session. */
  current(request: Request, response: Response): Promise<BrowserSession | undefined>;
  /** A user's sessions, the one used last first. */
  activeSessions(userId: string): Promise<readonly ActiveSession[]>;
  /** Ends pending and active sessions, with the grants, codes and tokens obtained through them. */
  end(where: SessionSelector, reason: SessionEndReason): Promise<readonly BrowserSession[]>;
}
