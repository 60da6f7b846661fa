import type { EventStore } from '#libs/event-store/event-store.js';
import type { NewId } from '#libs/platform/ids.js';
import type { VerifyAccessToken } from '#libs/web/api-access.js';

/** What the administration API needs from outside. Injected under this token. */
export const ADMINISTRATION_DEPENDENCIES = Symbol('AdministrationDependencies');

export interface AdministrationDependencies {
  readonly store: EventStore;
  readonly verifyAccessToken: VerifyAccessToken;
  readonly newId: NewId;
}
