import type { EventStore } from '#libs/event-store/event-store.js';
import type { RemovalDependencies } from '#libs/identity-providers/commands/remove-identity-provider.js';
import type { HttpPolicy } from '#libs/platform/guarded-http.js';
import type { Clock } from '#libs/platform/clock.js';

/** What the administration API needs from outside. Injected under this token. */
export const ADMINISTRATION_DEPENDENCIES = Symbol('AdministrationDependencies');

export interface AdministrationDependencies {
  readonly store: EventStore;
  readonly clock: Clock;
  /** Which addresses of identity providers may be asked. */
  readonly policy: HttpPolicy;
  readonly linkedUsers: RemovalDependencies['linkedUsers'];
}
