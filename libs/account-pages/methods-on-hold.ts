import { accountFold, methodsOnHold } from '#libs/users/state.js';
import type { UserStreamEvent } from '#libs/users/state.js';
import { userStream } from '#libs/users/streams.js';
import type { EventStore } from '#libs/event-store/event-store.js';
import type { RecordedEvent } from '#libs/event-store/recorded-event.js';

/** A sign-in method that a recovery put on hold, with what its owner may recognize it by. */
export interface MethodOnHold {
  readonly claimId: string;
  readonly providerId: string;
  readonly nameAtProvider: string | undefined;
  readonly linkedAt: Date;
  /** Where it was linked from, and with what; not always known. */
  readonly address: string | undefined;
  readonly userAgent: string | undefined;
}

/** What waits for the owner's review (L32), oldest first. Read from the user's stream, at the leader. */
export const loadMethodsOnHold = async (store: EventStore, userId: string): Promise<readonly MethodOnHold[]> => {
  const history = (await store.read(userStream(userId))) as readonly RecordedEvent<UserStreamEvent>[];
  const account = history.reduce(
    (state, recorded) => accountFold.evolve(state, recorded.event, recorded),
    accountFold.initial,
  );
  return methodsOnHold(account).flatMap(({ claimId, providerId }) =>
    history.flatMap(({ event, metadata: { occurredAt, source } }) =>
      event.type === 'ExternalIdentityLinked' && event.data.claimId === claimId
        ? [
            {
              claimId,
              providerId,
              nameAtProvider: event.data.nameAtProvider,
              linkedAt: new Date(occurredAt),
              address: source?.address,
              userAgent: source?.userAgent,
            },
          ]
        : [],
    ),
  );
};
