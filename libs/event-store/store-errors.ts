import { ErrorType, WrongExpectedVersionError } from '@eventstore/db-client';

/**
 * What an error of the client means for us.
 * - `conflict`: another append was first
 * - `unknown_outcome`: it may or may not have been stored; the same events at the same revision settle it
 * - `away`: nothing was sent, or (for a read) the store cannot answer now
 * - `refused`: the store will never take this request
 * - `broken`: an answer that we do not know
 */
export type StoreErrorKind = 'conflict' | 'unknown_outcome' | 'away' | 'refused' | 'broken';

const KIND_BY_TYPE: Readonly<Record<string, StoreErrorKind>> = {
  [ErrorType.WRONG_EXPECTED_VERSION]: 'conflict',
  [ErrorType.TIMEOUT]: 'unknown_outcome',
  [ErrorType.DEADLINE_EXCEEDED]: 'unknown_outcome',
  [ErrorType.UNAVAILABLE]: 'unknown_outcome',
  [ErrorType.CANCELLED]: 'unknown_outcome',
  [ErrorType.NOT_LEADER]: 'unknown_outcome',
  [ErrorType.ACCESS_DENIED]: 'refused',
  [ErrorType.INVALID_ARGUMENT]: 'refused',
  [ErrorType.STREAM_DELETED]: 'refused',
  [ErrorType.MAXIMUM_APPEND_SIZE_EXCEEDED]: 'refused',
  [ErrorType.MISSING_REQUIRED_METADATA_PROPERTY]: 'refused',
  [ErrorType.UNSUPPORTED]: 'refused',
};

const GRPC_CANCELLED = 1;
const GRPC_UNAVAILABLE = 14;

/**
 * Classifies an error of `@eventstore/db-client` by type, code and message (H8, H9: not every error of the client is a
 * typed one).
 */
export const classify = (error: unknown): StoreErrorKind => {
  if (error instanceof StoreAwayError) return 'away';
  if (!(error instanceof Error)) return 'broken';
  const { type, code } = error as { type?: string; code?: number };
  // gRPC's answer to a request that comes to a channel which the client has just given up; not typed, nothing was sent.
  if (/Failed to discover|Channel has been shut down/i.test(error.message)) return 'away';
  // The last two are gRPC's words for a connection that was cut in the middle of an answer; the client calls them
  // "unknown".
  if (/Server Is Not Ready|Received HTTP status code|Received RST_STREAM/i.test(error.message))
    return 'unknown_outcome';
  if (type !== undefined && KIND_BY_TYPE[type]) return KIND_BY_TYPE[type];
  // What was pending on a client that we replaced; the client calls its own cancellation "unknown".
  if (type === ErrorType.UNKNOWN && code === GRPC_CANCELLED) return 'unknown_outcome';
  if (type === undefined && code === GRPC_UNAVAILABLE) return 'unknown_outcome';
  return 'broken';
};

/** Another node is the leader; the client asks that one the next time (H8). */
export const isNotLeader = (error: unknown): boolean =>
  (error as { type?: string } | undefined)?.type === ErrorType.NOT_LEADER;

/** The revision that the store reports in a conflict. */
export const actualRevisionOf = (error: unknown): bigint | 'no_stream' | undefined =>
  error instanceof WrongExpectedVersionError ? (error.actualVersion as bigint | 'no_stream') : undefined;

/** The store did not answer, in time or at all. Never reported as "not found". */
export class StoreAwayError extends Error {
  readonly code = 'event_store_unavailable';
  constructor(options?: ErrorOptions) {
    super('The event store cannot be reached', options);
  }
}

/** An append whose fate could not be learned before its deadline: the same command id will settle it later. */
export class UnknownOutcomeError extends Error {
  readonly code = 'outcome_unknown';
  constructor(options?: ErrorOptions) {
    super('It is not known whether the change was stored; repeating the same command settles it', options);
  }
}

/** The store refused a request for good: rights, size, a deleted stream. */
export class StoreRefusedError extends Error {
  readonly code = 'event_store_refused';
}
