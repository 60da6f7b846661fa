import type { EventStoreDBClient } from '@eventstore/db-client';
import type { StoreConnection } from './store-connection.js';

/** Position and id of an event that was received (never a server checkpoint: H5). */
export interface Checkpoint {
  readonly position: bigint;
  readonly eventId: string;
}

/** What stands at a position, by the leader's own answer. */
export type EventAt = { readonly kind: 'event'; readonly id: string } | { readonly kind: 'none' };

/** The store does not hold the event that a checkpoint names: it was restored from an older backup, or replaced. */
export class NotTheStoreWeKnewError extends Error {
  readonly code = 'not_the_store_we_knew';
  constructor(
    readonly projection: string,
    checkpoint: Checkpoint,
    found: EventAt,
    storeEnd: bigint | undefined,
  ) {
    super(
      `${projection}: the event store has ${found.kind === 'event' ? `another event (${found.id})` : 'no event'} at position ${checkpoint.position} where event ` +
        `${checkpoint.eventId} was processed; ${storeEnd === undefined ? 'it is empty' : `its last event is at position ${storeEnd}`}. It was restored from an older ` +
        `backup or replaced. Nothing was written. Point EVENTSTORE_URL at the right store, or build the read model from this store: run ` +
        `"ligature projections replay ${projection}" and start the projector again.`,
    );
  }
}

/**
 * Compares a checkpoint with the store (the resume protocol: H5, H7).
 * @throws {NotTheStoreWeKnewError}; what the client throws when the store cannot answer
 */
export const checkCheckpoint = async (
  connection: StoreConnection,
  projection: string,
  checkpoint: Checkpoint,
): Promise<void> => {
  const found = await connection.read((client) => eventAt(client, checkpoint.position));
  if (isEvent(found, checkpoint)) return;
  const last = await connection.read(lastEvent);
  throw new NotTheStoreWeKnewError(projection, checkpoint, found, last?.position);
};

/**
 * Whether a store holds the event that a checkpoint names.
 * @throws what the client throws when the store cannot answer
 */
export const holds = async (client: EventStoreDBClient, checkpoint: Checkpoint): Promise<boolean> =>
  isEvent(await eventAt(client, checkpoint.position), checkpoint);

const isEvent = (found: EventAt, { eventId }: Checkpoint): boolean => found.kind === 'event' && found.id === eventId;

/** Whether this is the server's answer to a read from a position that belongs to no event. */
export const belongsToNoEvent = (error: unknown): boolean => /Unexpected ReadAllResult/.test((error as Error).message);

const eventAt = async (client: EventStoreDBClient, position: bigint): Promise<EventAt> => {
  let found: EventAt = { kind: 'none' };
  try {
    // Read to the end: a stream that is left early keeps the client's dispose() waiting for ever.
    for await (const { event } of client.readAll({
      fromPosition: { commit: position, prepare: position },
      maxCount: 1,
      requiresLeader: true,
    })) {
      if (event && event.position?.commit === position) found = { kind: 'event', id: event.id };
    }
  } catch (error) {
    // Any other error says nothing about the store's identity.
    if (!belongsToNoEvent(error)) throw error;
  }
  return found;
};

const PAGE = 500;

/** The last event that is not the store's own; `undefined` for a store without one among its last events. */
export const lastEvent = async (client: EventStoreDBClient): Promise<Checkpoint | undefined> => {
  let last: Checkpoint | undefined;
  // Read to the end: a stream that is left early keeps the client's dispose() waiting for ever.
  for await (const { event } of client.readAll({
    direction: 'backwards',
    fromPosition: 'end',
    maxCount: PAGE,
    requiresLeader: true,
  }))
    if (!last && event?.position && !event.streamId.startsWith('$'))
      last = { position: event.position.commit, eventId: event.id };
  return last;
};
