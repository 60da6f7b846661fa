import { applyDecorators, createParamDecorator, Inject, Injectable, UseGuards } from '@nestjs/common';
import type { CanActivate, ExecutionContext } from '@nestjs/common';
import type { Request } from 'express';
import { loadAccount } from '#libs/users/queries/load-account.js';
import type { CommandContext } from '#libs/event-store/event-metadata.js';
import { loadOrganization } from '#libs/organizations/queries/load-organization.js';
import { declareAccess } from '#libs/web/access/access-metadata.js';
import { redirect } from '#libs/web/answer.js';
import { BrowserPipe } from '#libs/web/browser.js';
import type { Browser } from '#libs/web/browser.js';
import { Diverted, RefusedPage } from '#libs/web/refused.js';
import { AUDIT_DEPENDENCIES } from '../audit-dependencies.js';
import type { AuditDependencies } from '../audit-dependencies.js';
import { isAuditor } from '../is-auditor.js';
import { AUDITOR_TEXTS as texts } from './texts.js';

export const AUDIT_PATH = '/audit';

/** A user who may read the histories of their organization. */
export interface Auditor {
  readonly organizationId: string;
  readonly organizationName: string;
  /** For the forms of the answer. */
  readonly csrf: string;
  readonly meta: CommandContext;
  readonly browser: Browser;
}

const auditors = new WeakMap<Request, Auditor>();

/**
 * A user with a browser session and the role `auditor` in their own organization. A form must bear the token that was
 * issued to this browser in this session. The handler takes `@CurrentAuditor()`.
 */
export const AuditorsOnly = (): MethodDecorator & ClassDecorator =>
  applyDecorators(declareAccess({ kind: 'role', role: 'auditor' }), UseGuards(AuditorGuard));

export const CurrentAuditor = createParamDecorator((_data: unknown, context: ExecutionContext): Auditor => {
  const auditor = auditors.get(context.switchToHttp().getRequest<Request>());
  if (!auditor) throw new Error('A handler takes @CurrentAuditor() on a route without @AuditorsOnly()');
  return auditor;
});

@Injectable()
export class AuditorGuard implements CanActivate {
  constructor(
    @Inject(AUDIT_DEPENDENCIES) private readonly dependencies: AuditDependencies,
    @Inject(BrowserPipe) private readonly browsers: BrowserPipe,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const { store, sessions, continueAt } = this.dependencies;
    const browser = this.browsers.transform(context);
    const { method, path, request, response } = browser;
    const session = await sessions.current(request, response);
    if (!session) {
      continueAt(method === 'POST' ? AUDIT_PATH : path, request, response);
      throw new Diverted(redirect('/sign-in'));
    }
    const { userId, organizationId, sessionId } = session;
    const [{ state: account }, organization] = await Promise.all([
      loadAccount(store, userId),
      loadOrganization(store, organizationId),
    ]);
    const organizationName = organization.displayName ?? organizationId;
    browser.brand({ organizationName, ...organization.branding });
    if (!isAuditor(account, organizationId)) throw notAnAuditor();
    const form = request.body as Readonly<Record<string, unknown>>;
    if (method === 'POST' && !browser.holdsCsrf(form.csrf, sessionId)) throw formExpired();
    const meta = browser.meta({ type: 'user', id: userId }, { organizationId });
    auditors.set(request, { organizationId, organizationName, csrf: browser.issueCsrf(sessionId), meta, browser });
    return true;
  }
}

const notAnAuditor = (): RefusedPage =>
  new RefusedPage({
    status: 403,
    code: 'auditor_role_required',
    title: texts.notAuditorTitle,
    nextStep: texts.notAuditorNext,
    wayBack: { href: '/account', label: texts.yourAccount },
  });

const formExpired = (): RefusedPage =>
  new RefusedPage({
    status: 403,
    code: 'form_expired',
    title: texts.formExpiredTitle,
    nextStep: texts.formExpiredNext,
    wayBack: { href: AUDIT_PATH, label: texts.back },
  });
