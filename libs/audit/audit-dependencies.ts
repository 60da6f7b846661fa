import type { EventStore } from '#libs/event-store/event-store.js';
import type { Logger } from '#libs/platform/logger.js';
import type { NewId } from '#libs/platform/ids.js';
import type { VerifyAccessToken } from '#libs/web/api-access.js';

/** What the history API needs from outside. Injected under this token. */
export const AUDIT_DEPENDENCIES = Symbol('AuditDependencies');

export interface AuditDependencies {
  readonly store: EventStore;
  readonly verifyAccessToken: VerifyAccessToken;
  readonly newId: NewId;
  readonly logger: Logger;
}
