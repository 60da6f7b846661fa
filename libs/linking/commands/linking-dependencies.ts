import type { EventStore } from '#libs/event-store/event-store.js';
import type { Clock } from '#libs/platform/clock.js';
import type { NewId } from '#libs/platform/ids.js';
import type { IndexKeys } from '#libs/privacy/index-key.js';

/** What the linking commands need from outside. Injected into their handlers under this token. */
export const LINKING_DEPENDENCIES = Symbol('LinkingDependencies');

export interface LinkingDependencies {
  readonly store: EventStore;
  readonly indexKeys: IndexKeys;
  readonly clock: Clock;
  readonly newId: NewId;
}
