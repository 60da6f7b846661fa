import type { Actor } from '#libs/event-store/event-metadata.js';
import { categoryOf, idOf } from '#libs/event-store/stream-name.js';
import type { RecordedEvent } from '#libs/event-store/recorded-event.js';

/** What histories are filtered by: nothing personal, so that an index may hold it. */
export interface Facets {
  readonly type: string;
  /** ISO 8601, UTC. */
  readonly occurredAt: string;
  readonly actor: Actor;
  /** The organization that it belongs to, where it says so. */
  readonly organizationId: string | undefined;
  /** The identity provider that the event names. */
  readonly providerId: string | undefined;
}

/** Streams named after the organization that they are about. */
const OF_AN_ORGANIZATION = ['organization', 'auditAccess'];

export const facetsOf = ({ stream, event, metadata }: RecordedEvent): Facets => {
  const data = event.data as {
    readonly organizationId?: string;
    readonly providerId?: string;
    readonly proof?: { readonly providerId?: string } | string;
    readonly givenBy?: { readonly providerId?: string };
  };
  const isNamed = OF_AN_ORGANIZATION.includes(categoryOf(stream));
  return {
    organizationId: isNamed ? idOf(stream) : (data.organizationId ?? metadata.organizationId),
    type: event.type,
    occurredAt: metadata.occurredAt,
    actor: metadata.actor,
    providerId:
      data.providerId ??
      data.givenBy?.providerId ??
      (typeof data.proof === 'object' ? data.proof.providerId : undefined),
  };
};

/** Which events of a history are wanted; all of them unless told. */
export interface HistoryFilter {
  readonly types?: readonly string[] | undefined;
  /** Both included. */
  readonly from?: Date | undefined;
  readonly to?: Date | undefined;
  /** Any actor of the type, where no id is given. */
  readonly actor?: { readonly type: Actor['type']; readonly id?: string | undefined } | undefined;
  readonly provider?: string | undefined;
}

export const matches = ({ types, from, to, actor, provider }: HistoryFilter, facets: Facets): boolean => {
  const at = Date.parse(facets.occurredAt);
  return (
    (!types || types.includes(facets.type)) &&
    (!from || at >= from.getTime()) &&
    (!to || at <= to.getTime()) &&
    (!actor || (actor.type === facets.actor.type && (actor.id === undefined || actor.id === facets.actor.id))) &&
    (provider === undefined || provider === facets.providerId)
  );
};
