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

/**
 * SQLSTATE classes that an event's values can cause: data exception, integrity constraint violation, program limit
 * exceeded (a value too long for an index).
 */
const OF_VALUES = /^(22|23|54)/;

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

/** Characters of a sentence that operators read; PostgreSQL stores no NUL. */
const LONGEST_SENTENCE = 500;

/** What went wrong, as a sentence without values: what PostgreSQL says of a value may be personal. */
export const causeOf = (error: unknown): string => {
  const sentence = isFromPostgres(error)
    ? `PostgreSQL refused it (${refusalOf(error).join(', ')})`
    : (error as Error).message;
  return sentence.replaceAll(/\p{Cc}/gu, ' ').slice(0, LONGEST_SENTENCE);
};

const refusalOf = ({ code, constraint, column }: DatabaseError): readonly string[] =>
  [code, constraint, column].filter((part) => part !== undefined);

/** What the name of a kind of failure may look like; anything else might be, or hold, a value. */
const NAME = /^[A-Za-z0-9_.-]{1,64}$/;

/**
 * Names what events that fail alike have in common: the event type, and SQLSTATE, constraint and column where
 * PostgreSQL refused a value, else the error's code or class. Never a value or a sentence, which a client could vary
 * without end: two failures have one cause when, and only when, this is equal (security row T2).
 */
export const failureOf = (eventType: string, error: unknown): string => {
  if (isFromPostgres(error)) return [eventType, ...refusalOf(error)].join(' ');
  const { code, name } = error as { readonly code?: unknown; readonly name?: unknown };
  const kind = [code, name].find((part) => typeof part === 'string' && NAME.test(part));
  return `${eventType} ${kind === undefined ? 'Error' : String(kind)}`;
};
