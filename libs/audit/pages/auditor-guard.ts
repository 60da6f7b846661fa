import type { Request, Response } from 'express';
import { loadAccount } from '#libs/accounts/queries/load-account.js';
import { loadOrganization } from '#libs/organizations/queries/load-organization.js';
import { isUuid } from '#libs/platform/ids.js';
import { brandAnswer } from '#libs/web/branding.js';
import { sendErrorPage } from '#libs/web/error-page.js';
import { contextOf } from '#libs/web/request-context.js';
import type { AuditDependencies } from '../audit-dependencies.js';
import type { HistoryAccess } from '../events.js';
import { isAuditor } from '../is-auditor.js';
import { recordAccess } from '../record-access.js';
import { AUDITOR_TEXTS as texts } from './texts.js';

/** A person who may read the histories of their organization. */
export interface Auditor {
  readonly organizationId: string;
  readonly organizationName: string;
  /** Stores that they read what they asked for; nothing is told before. */
  readonly record: (access: HistoryAccess['access'], userId?: string) => Promise<void>;
}

/** Who sees the auditors' pages: whoever is signed in and has the role `auditor`, of their own organization alone. */
export class AuditorGuard {
  constructor(private readonly dependencies: AuditDependencies) {}

  /** @returns nothing when the person was sent to sign in, or refused */
  async auditor(request: Request, response: Response): Promise<Auditor | undefined> {
    const { store, sessions, continueAt, newId } = this.dependencies;
    const session = await sessions.current(request, response);
    if (!session) {
      continueAt(request.path, request, response);
      response.redirect(303, '/sign-in');
      return undefined;
    }
    const { userId, organizationId } = session;
    const [{ state: account }, organization] = await Promise.all([loadAccount(store, userId), loadOrganization(store, organizationId)]);
    const organizationName = organization.displayName ?? organizationId;
    brandAnswer(response, { organizationName, ...organization.branding });
    if (!isAuditor(account, organizationId)) {
      sendErrorPage(response, {
        status: 403,
        code: 'auditor_role_required',
        title: texts.notAuditorTitle,
        nextStep: texts.notAuditorNext,
        correlationId: newId(),
        wayBack: { href: '/account', label: texts.yourAccount },
      });
      return undefined;
    }
    const context = contextOf(request, newId, { type: 'user', id: userId }, { organizationId });
    return {
      organizationId,
      organizationName,
      record: (access, whose) => recordAccess(store, organizationId, { access, userId: whose, query: request.query }, context),
    };
  }

  /** Whether it is a user of the auditor's organization; if not, that was answered: of another one is the same as unknown (invariant 11). */
  async isUserOf({ organizationId }: Auditor, userId: string, response: Response): Promise<boolean> {
    const { store, newId } = this.dependencies;
    if (isUuid(userId) && (await loadAccount(store, userId)).state.organizationId === organizationId) return true;
    sendErrorPage(response, {
      status: 404,
      code: 'user_not_found',
      title: texts.noSuchUserTitle,
      nextStep: texts.noSuchUserNext,
      correlationId: newId(),
      wayBack: { href: '/audit', label: texts.back },
    });
    return false;
  }
}
