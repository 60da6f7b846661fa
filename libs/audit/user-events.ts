import type { UserStreamEvent } from '#libs/users/state.js';
import { userActivityStream, userStream } from '#libs/users/streams.js';
import type { EventStore } from '#libs/event-store/event-store.js';
import type { RecordedEvent } from '#libs/event-store/recorded-event.js';
import { signInAttemptsStream } from '#libs/sign-in/streams.js';
import { ownedIdentifiers } from './owned-identifiers.js';
import { isWithin, merged, readPart } from './stream-part.js';
import type { Order, Part } from './stream-part.js';

export interface UserEventsOptions {
  readonly order: Order;
  /** Goes on behind this position, in the order asked for. */
  readonly after?: bigint | undefined;
  /** How many events of a stream are read at once; about as many as the caller will take. */
  readonly piece: number;
}

/**
 * Everything that happened to a user up to now: the account's stream, the activity, and the attempts on identifiers
 * while they were the user's, replayed and merged by position.
 *
 * The end of the log is read before any stream, and nothing beyond it is told. So what is told up to a position never
 * changes, whatever arrives meanwhile in whichever stream, and a position is all that a cursor needs.
 */
export async function* userEvents(
  store: EventStore,
  userId: string,
  options: UserEventsOptions,
): AsyncGenerator<RecordedEvent, void> {
  const { order, after } = options;
  const end = await store.endOfLog();
  const told: Part =
    order === 'asc'
      ? { after: after ?? -1n, upTo: end }
      : { after: -1n, upTo: after === undefined || after > end ? end : after - 1n };
  const account = (await store.read(userStream(userId))) as readonly RecordedEvent<UserStreamEvent>[];
  const attempts = ownedIdentifiers(account)
    .map(({ key, after, upTo }) => ({ key, part: { after: max(after, told.after), upTo: min(upTo, told.upTo) } }))
    .filter(({ part }) => part.after < part.upTo);
  yield* merged(
    [
      inMemory(account, told, order),
      readPart(store, userActivityStream(userId), told, options),
      ...attempts.map(({ key, part }) => readPart(store, signInAttemptsStream(key), part, options)),
    ],
    order,
  );
}

async function* inMemory(
  events: readonly RecordedEvent[],
  part: Part,
  order: Order,
): AsyncGenerator<RecordedEvent, void> {
  const within = events.filter(({ position }) => isWithin(part, position));
  yield* order === 'asc' ? within : within.toReversed();
}

const max = (a: bigint, b: bigint): bigint => (a > b ? a : b);
const min = (a: bigint, b: bigint): bigint => (a < b ? a : b);
