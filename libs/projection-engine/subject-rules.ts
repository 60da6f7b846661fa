import type { StoredEvent } from '#libs/event-store/codec.js';

type Seen = Pick<StoredEvent, 'type' | 'stream'>;

/** What the engine has to know of people and organizations: no payload is decoded for it. */
export interface SubjectRules {
  /** The person whose personal values this event ends, in every generation of every projection. */
  readonly erasedBy: (event: Seen) => string | undefined;
  /** The person who must not sign in while this event waits to be applied, because it may take rights away. */
  readonly deniedBy: (event: Seen) => string | undefined;
  /**
   * The organization that an event belongs to, by its stream and what is stored in the open; none: the installation's
   * own, or not said. Must not throw: the event may be one that cannot be decoded.
   */
  readonly organizationOf: (event: StoredEvent) => string | null;
}
