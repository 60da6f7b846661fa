import { randomUUID } from 'node:crypto';
import { ErrorType } from '@eventstore/db-client';
import type { Logger } from '#libs/platform/logger.js';
import type { StoreConnection } from './store-connection.js';

/** A revision at which no stream ends. */
const IMPOSSIBLE_REVISION = 9_007_199_254_740_991n;

/**
 * E1: whether the account in `EVENTSTORE_URL` may delete streams. Asked by deleting a stream that does not exist, at a
 * revision that it cannot have: the store checks rights first, so a conflict means that it would have been allowed.
 * Nothing changes.
 * @throws what the client throws when the store gives neither answer
 */
export const mayDelete = async (connection: StoreConnection): Promise<boolean> => {
  const stream = `accountCheck-${randomUUID()}`;
  try {
    await connection.read((client, deadline) =>
      client.deleteStream(stream, { expectedRevision: IMPOSSIBLE_REVISION, requiresLeader: true, deadline }),
    );
    return true;
  } catch (error) {
    const { type } = error as { type?: string };
    if (type === ErrorType.WRONG_EXPECTED_VERSION || type === ErrorType.STREAM_NOT_FOUND) return true;
    if (type === ErrorType.ACCESS_DENIED) return false;
    throw error;
  }
};

/**
 * Says at start when the account could rewrite history (E1 of the design's security rows).
 */
export const warnOfAccount = async (connection: StoreConnection, logger: Logger): Promise<void> => {
  const may = await mayDelete(connection).catch((error: Error) => {
    logger.warn({ reason: error.message }, 'it could not be learned whether the event store account may delete');
    return false;
  });
  if (!may) return;
  logger.warn(
    { code: 'account_may_delete' },
    'the event store account may delete streams: a taken-over server could rewrite history. Use an account that may append and read only (docs/operating.md, "A secured EventStoreDB")',
  );
};
