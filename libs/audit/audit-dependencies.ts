import type { Request, Response } from 'express';
import type { FindUserDependencies } from './find-user.js';
import type { HistoryIndex } from './organization-events.js';

/** What the history API and the auditors' pages need from outside. Injected under this token. */
export const AUDIT_DEPENDENCIES = Symbol('AuditDependencies');

export interface AuditDependencies extends FindUserDependencies {
  readonly index: HistoryIndex;
  /** Who is signed in in a browser. */
  readonly sessions: {
    current(
      request: Request,
      response: Response,
    ): Promise<{ readonly userId: string; readonly organizationId: string; readonly sessionId: string } | undefined>;
  };
  /** Where the person goes on after signing in. */
  readonly continueAt: (path: string, request: Request, response: Response) => void;
}
