import type { EventStore } from '#libs/event-store/event-store.js';
import type { Logger } from '#libs/platform/logger.js';
import type { NewId } from '#libs/platform/ids.js';

/** What the history API needs from outside. Injected under this token. */
export const AUDIT_DEPENDENCIES = Symbol('AuditDependencies');

/** Checks a bearer token of our own OpenID Provider. */
export type VerifyAccessToken = (
  token: string,
  required: { readonly scope: string },
) => Promise<
  | { readonly kind: 'valid'; readonly clientId: string; readonly organizationId: string }
  | { readonly kind: 'refused'; readonly code: 'invalid_token' | 'insufficient_scope' }
>;

export interface AuditDependencies {
  readonly store: EventStore;
  readonly verifyAccessToken: VerifyAccessToken;
  readonly newId: NewId;
  readonly logger: Logger;
}
