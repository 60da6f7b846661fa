import type { StoredEvent } from '#libs/event-store/codec.js';

type Seen = Pick<StoredEvent, 'type' | 'stream'>;

/** What the engine has to know of people, by an event's type and stream alone: no payload is decoded for it. */
export interface SubjectRules {
  /** The person whose personal values this event ends, in every generation of every projection. */
  readonly erasedBy: (event: Seen) => string | undefined;
  /** The person who must not sign in while this event waits to be applied, because it may take rights away. */
  readonly deniedBy: (event: Seen) => string | undefined;
}
