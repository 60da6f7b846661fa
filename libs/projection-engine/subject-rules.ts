import type { StoredEvent } from '#libs/event-store/codec.js';

/** What the engine has to know of people, by an event's type and stream alone: no payload is decoded for it. */
export interface SubjectRules {
  /** The person whose personal values this event ends, in every generation of every projection. */
  readonly erasedBy: (event: Pick<StoredEvent, 'type' | 'stream'>) => string | undefined;
}
