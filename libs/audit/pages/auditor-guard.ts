import type { Request, Response } from 'express';
import { loadAccount } from '#libs/accounts/queries/load-account.js';
import type { CommandContext } from '#libs/event-store/event-metadata.js';
import { loadOrganization } from '#libs/organizations/queries/load-organization.js';
import { isUuid } from '#libs/platform/ids.js';
import { brandAnswer } from '#libs/web/branding.js';
import { browserIdOf, ensureBrowserId } from '#libs/web/browser-binding.js';
import { sendErrorPage } from '#libs/web/error-page.js';
import { contextOf } from '#libs/web/request-context.js';
import type { AuditDependencies } from '../audit-dependencies.js';
import type { HistoryAccess } from '../events.js';
import { isAuditor } from '../is-auditor.js';
import { recordAccess } from '../record-access.js';
import { AUDITOR_TEXTS as texts } from './texts.js';

const AUDIT_PATH = '/audit';

/** A person who may read the histories of their organization. */
export interface Auditor {
  readonly organizationId: string;
  readonly organizationName: string;
  readonly sessionId: string;
  /** Of the forms that this browser is given in this session. */
  readonly csrf: string;
  readonly context: CommandContext;
  /** Stores that they read what they asked for; nothing is told before. @param query where it is not the address's */
  readonly record: (
    access: HistoryAccess['access'],
    userId?: string,
    query?: Readonly<Record<string, unknown>>,
  ) => Promise<void>;
}

/** Who sees the auditors' pages: whoever is signed in and has the role `auditor`, of their own organization alone. */
export class AuditorGuard {
  constructor(private readonly dependencies: AuditDependencies) {}

  /**
   * @param comesBackTo where the person goes on after signing in
   * @returns nothing when the person was sent to sign in, or refused
   */
  async auditor(request: Request, response: Response, comesBackTo = request.path): Promise<Auditor | undefined> {
    const { store, sessions, continueAt, newId, csrf, cookies } = this.dependencies;
    const session = await sessions.current(request, response);
    if (!session) {
      continueAt(comesBackTo, request, response);
      response.redirect(303, '/sign-in');
      return undefined;
    }
    const { userId, organizationId, sessionId } = session;
    const [{ state: account }, organization] = await Promise.all([
      loadAccount(store, userId),
      loadOrganization(store, organizationId),
    ]);
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
      sessionId,
      csrf: csrf.issue(ensureBrowserId(request, response, cookies), sessionId),
      context,
      record: (access, whose, query = request.query) =>
        recordAccess(store, organizationId, { access, userId: whose, query }, context),
    };
  }

  /**
   * The auditor who sent a form of theirs: from the browser and the session that it was made for; anything else was
   * answered.
   */
  async sender(
    form: Readonly<Record<string, unknown>>,
    request: Request,
    response: Response,
  ): Promise<Auditor | undefined> {
    const { csrf, cookies, newId } = this.dependencies;
    const auditor = await this.auditor(request, response, AUDIT_PATH);
    if (!auditor) return undefined;
    if (csrf.verify(form.csrf, browserIdOf(request, cookies), auditor.sessionId)) return auditor;
    sendErrorPage(response, {
      status: 403,
      code: 'form_expired',
      title: texts.formExpiredTitle,
      nextStep: texts.formExpiredNext,
      correlationId: newId(),
      wayBack: { href: AUDIT_PATH, label: texts.back },
    });
    return undefined;
  }

  /**
   * Whether it is a user of the auditor's organization; if not, that was answered: of another one is the same as
   * unknown (invariant 11).
   */
  async isUserOf({ organizationId }: Auditor, userId: string, response: Response): Promise<boolean> {
    const { store } = this.dependencies;
    if (isUuid(userId) && (await loadAccount(store, userId)).state.organizationId === organizationId) return true;
    this.refuseUnknown(response);
    return false;
  }

  /** The one answer for whoever is not a user of the organization, however they were asked for. */
  refuseUnknown(response: Response): void {
    sendErrorPage(response, {
      status: 404,
      code: 'user_not_found',
      title: texts.noSuchUserTitle,
      nextStep: texts.noSuchUserNext,
      correlationId: this.dependencies.newId(),
      wayBack: { href: AUDIT_PATH, label: texts.back },
    });
  }
}
