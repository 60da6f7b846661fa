import { accountFold } from '#libs/users/state.js';
import type { Account, UserStreamEvent } from '#libs/users/state.js';
import type { RecordedEvent } from '#libs/event-store/recorded-event.js';
import type { Part } from './stream-part.js';

/**
 * An identifier (username, verified e-mail, external identity), by the key of its streams, and the part of the log in
 * which it was this user's.
 */
export interface OwnedIdentifier extends Part {
  readonly key: string;
}

const FOR_EVER = 2n ** 63n - 1n;

const keysOf = ({ status, username, verifiedEmail, links }: Account): ReadonlySet<string> =>
  new Set(
    status === 'erasing' || status === 'erased'
      ? []
      : [username?.usernameKey, verifiedEmail?.emailKey, ...links.map(({ identityKey }) => identityKey)].filter(
          (key) => key !== undefined,
        ),
  );

/**
 * Which identifiers a user owned, and when, by the user's stream: attempts on an identifier belong to the history of
 * whoever owned it then, and to nobody else's, also when it changed hands.
 */
export const ownedIdentifiers = (events: readonly RecordedEvent<UserStreamEvent>[]): readonly OwnedIdentifier[] => {
  const ended: OwnedIdentifier[] = [];
  const owned = new Map<string, bigint>();
  let account = accountFold.initial;
  for (const recorded of events) {
    account = accountFold.evolve(account, recorded.event, recorded);
    const keys = keysOf(account);
    for (const [key, after] of owned) {
      if (keys.has(key)) continue;
      owned.delete(key);
      ended.push({ key, after, upTo: recorded.position });
    }
    for (const key of keys) if (!owned.has(key)) owned.set(key, recorded.position);
  }
  return [...ended, ...[...owned].map(([key, after]) => ({ key, after, upTo: FOR_EVER }))];
};
