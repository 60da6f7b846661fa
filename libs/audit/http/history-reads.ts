import { Inject, Injectable } from '@nestjs/common';
import { loadAccount } from '#libs/users/queries/load-account.js';
import { isUuid } from '#libs/platform/ids.js';
import type { ClientCall } from '#libs/web/access/client-call.js';
import { RefusedCall } from '#libs/web/refused.js';
import { AUDIT_DEPENDENCIES } from '../audit-dependencies.js';
import type { AuditDependencies } from '../audit-dependencies.js';
import type { HistoryAccess } from '#libs/audit-access/events.js';
import { recordAccess } from '#libs/audit-access/record-access.js';

/** The scope that lets a client read histories of its organization and its users. */
export const HISTORY_SCOPE = 'history:read';

/** A query as it was asked, for the record. */
export type Asked = Readonly<Record<string, unknown>>;

/** What every read of the history API does before it answers. */
@Injectable()
export class HistoryReads {
  constructor(@Inject(AUDIT_DEPENDENCIES) private readonly dependencies: AuditDependencies) {}

  /**
   * A user of another organization is not found, like one that does not exist (invariant 11).
   * @throws {RefusedCall} `user_not_found`
   */
  async requireUser({ organizationId }: ClientCall, userId: string): Promise<void> {
    const { store } = this.dependencies;
    if (isUuid(userId) && (await loadAccount(store, userId)).state.organizationId === organizationId) return;
    throw new RefusedCall(404, 'user_not_found', 'There is no such user', { parameter: 'id' });
  }

  /** Stores who reads what, before anything of it is returned. */
  record(
    { organizationId, meta }: ClientCall,
    access: HistoryAccess['access'],
    asked: Asked,
    userId?: string,
  ): Promise<void> {
    return recordAccess(this.dependencies.store, organizationId, { access, userId, query: asked }, meta);
  }
}
