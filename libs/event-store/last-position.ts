import { BACKWARDS, END } from '@eventstore/db-client';
import type { StoreConnection } from './store-connection.js';

/**
 * Commit position of the last event on streams with one of these prefixes; nothing when there is none. Reads backwards until it meets one.
 * @throws {StoreAwayError}
 */
export const lastPosition = (connection: StoreConnection, prefixes: readonly string[]): Promise<bigint | undefined> =>
  connection.read(async (client) => {
    for await (const { event } of client.readAll({ direction: BACKWARDS, fromPosition: END, maxCount: Number.MAX_SAFE_INTEGER })) {
      if (event && prefixes.some((prefix) => event.streamId.startsWith(prefix))) return event.position.commit;
    }
    return undefined;
  });
