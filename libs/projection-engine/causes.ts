import { EventFormatError } from '#libs/event-store/codec.js';
import { classify } from '#libs/event-store/store-errors.js';
import { NotTheStoreWeKnewError } from '#libs/event-store/store-identity.js';
import { isDatabaseUnreachable } from '#libs/platform/postgres/unreachable.js';
import { SubjectKeyMissingError } from '#libs/privacy/subject-keys.js';
import { WrongMasterKeyError } from '#libs/privacy/subject-keys.postgres.js';
import { CheckpointLostError } from './generations.postgres.js';

interface DatabaseError extends Error {
  readonly code?: string;
  readonly severity?: string;
  readonly constraint?: string;
  readonly column?: string;
}

const isFromPostgres = (error: unknown): error is DatabaseError =>
  typeof (error as DatabaseError).severity === 'string';

/** An event that is at fault is tried again after these pauses, in milliseconds, before its stream is parked. */
export const RETRIES_MS: readonly number[] = [50, 200, 800];

/** SQLSTATE classes that an event's values can cause: data exception, integrity constraint violation. */
const OF_VALUES = /^2[23]/;

/**
 * Whether a batch failed because of an event in it, and would fail again. A database that is full or away, a store that
 * does not answer, a lost checkpoint, tables that are not what the handlers expect: nothing of that is an event's
 * fault, and nothing is parked for it.
 */
export const isAnEventsFault = (error: unknown): boolean => {
  if (error instanceof EventFormatError || error instanceof SubjectKeyMissingError) return true;
  if (
    error instanceof CheckpointLostError ||
    error instanceof NotTheStoreWeKnewError ||
    error instanceof WrongMasterKeyError
  )
    return false;
  if (isFromPostgres(error)) return OF_VALUES.test(error.code ?? '');
  if (isDatabaseUnreachable(error)) return false;
  return !['away', 'unknown_outcome'].includes(classify(error));
};

/** What went wrong, without values: what PostgreSQL says of a value may be personal. */
export const causeOf = (error: unknown): string => {
  if (!isFromPostgres(error)) return (error as Error).message;
  const { code, constraint, column } = error;
  return `PostgreSQL refused it (${[code, constraint, column].filter((part) => part !== undefined).join(', ')})`;
};
