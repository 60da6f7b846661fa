import { USER_ACTIVITY_CATEGORY, USER_CATEGORY } from '#libs/users/streams.js';
import { eventCatalog } from '#libs/event-catalog/event-catalog.js';
import type { Actor, Source } from '#libs/event-store/event-metadata.js';
import type { DomainEvent } from '#libs/event-store/event-definition.js';
import type { RecordedEvent } from '#libs/event-store/recorded-event.js';
import { categoryOf, idOf } from '#libs/event-store/stream-name.js';
import { facetsOf } from '#libs/event-catalog/facets.js';
import { sentenceFor } from './sentences.js';

/**
 * What stands in the place of a value whose subject was erased. The entry's `erased` says which these are: a person may
 * be called so.
 */
export const ERASED = 'erased';

/** One event of a history, as it was stored; never with a secret. */
export interface HistoryEntry {
  /** Commit position; order is position, always. A decimal string, because it may exceed what JSON numbers hold. */
  readonly position: string;
  readonly eventId: string;
  /** ISO 8601, UTC. */
  readonly occurredAt: string;
  readonly type: string;
  readonly sentence: string;
  /** Whose account or activity it is about; none for a setting, or an attempt on an identifier. */
  readonly userId?: string | undefined;
  readonly actor: Actor;
  readonly organizationId?: string | undefined;
  readonly providerId?: string | undefined;
  /** The relying party through which it came. */
  readonly clientId?: string | undefined;
  readonly source?: Source | typeof ERASED | undefined;
  readonly correlationId: string;
  readonly payload: object;
  /** Fields of the payload, or `source`, that can no longer be read because their subject was erased. */
  readonly erased: readonly string[];
}

/** The event with what was erased marked as such. */
export const withErasedMarked = <E extends DomainEvent>({ event, erased }: RecordedEvent<E>): E => {
  const personal = eventCatalog.get(event.type)?.personalFields ?? [];
  const marks = erased.filter((field) => personal.includes(field)).map((field) => [field, ERASED]);
  return marks.length === 0 ? event : { ...event, data: { ...event.data, ...Object.fromEntries(marks) } };
};

export const entryOf = (recorded: RecordedEvent): HistoryEntry => {
  const { metadata, erased } = recorded;
  const event = withErasedMarked(recorded);
  const { type, occurredAt, actor, organizationId, providerId } = facetsOf(recorded);
  const secrets = eventCatalog.get(type)?.secretFields ?? [];
  return {
    position: recorded.position.toString(),
    eventId: recorded.id,
    occurredAt,
    type,
    sentence: sentenceFor(event, erased),
    ...(isOfUser(recorded) ? { userId: idOf(recorded.stream) } : {}),
    actor,
    organizationId,
    providerId,
    clientId: metadata.clientId,
    source: metadata.source ?? (erased.includes('source') ? ERASED : undefined),
    correlationId: metadata.$correlationId,
    payload: Object.fromEntries(Object.entries(event.data).filter(([field]) => !secrets.includes(field))),
    erased: erased.filter((field) => !secrets.includes(field)),
  };
};

const isOfUser = ({ stream }: RecordedEvent): boolean =>
  [USER_CATEGORY, USER_ACTIVITY_CATEGORY].includes(categoryOf(stream));
