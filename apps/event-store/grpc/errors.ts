import { Metadata, status } from '@grpc/grpc-js';
import type { StatusObject } from '@grpc/grpc-js';

/**
 * Errors of a call as EventStoreDB reports them: a gRPC status, and trailers from which clients make their typed errors
 * (`exception` names the kind). The texts are EventStoreDB's own.
 */
export class CallError extends Error {
  override readonly name = 'CallError';

  constructor(
    readonly code: status,
    message: string,
    /** Trailers by name. */
    readonly trailers: Readonly<Record<string, string>> = {},
  ) {
    super(message);
  }
}

// Trailers are ASCII (gRPC over HTTP/2, "ASCII-Value"); a stream name need not be.
const trailerValue = (value: string): string => (/^[\x20-\x7e]*$/.test(value) ? value : encodeURIComponent(value));

/**
 * What grpc-js sends for an error that a handler threw. Anything but a {@link CallError} is a fault of this node, and
 * says no more than that.
 */
export const toStatus = (error: unknown): StatusObject & Error => {
  const known = error instanceof CallError ? error : new CallError(status.UNKNOWN, 'Unexpected error');
  const metadata = new Metadata();
  for (const [name, value] of Object.entries(known.trailers)) metadata.set(name, trailerValue(value));
  return Object.assign(new Error(known.message), { code: known.code, details: known.message, metadata });
};

export const accessDenied = (): CallError =>
  new CallError(status.PERMISSION_DENIED, 'Access Denied', { exception: 'access-denied' });

export const unauthenticated = (): CallError => new CallError(status.UNAUTHENTICATED, 'Unauthenticated');

export const invalidArgument = (message: string): CallError => new CallError(status.INVALID_ARGUMENT, message);

/** PostgreSQL is away: what was asked may or may not have happened. */
export const unavailable = (): CallError => new CallError(status.UNAVAILABLE, 'Server Is Not Ready');

export const deadlineExceeded = (): CallError => new CallError(status.DEADLINE_EXCEEDED, 'Deadline exceeded');

/** Hazard H6. */
export const consumerTooSlow = (): CallError => new CallError(status.ABORTED, 'Operation timed out: Consumer too slow');

export const streamDeleted = (stream: string): CallError =>
  new CallError(status.FAILED_PRECONDITION, `Event stream '${stream}' is deleted.`, {
    exception: 'stream-deleted',
    'stream-name': stream,
  });

/** @param expected as EventStoreDB numbers them: -2 any, -1 no stream, -4 stream exists */
export const wrongExpectedVersion = (
  operation: 'Append' | 'Delete',
  stream: string,
  expected: bigint,
  actual: bigint,
): CallError =>
  new CallError(
    status.FAILED_PRECONDITION,
    `${operation} failed due to WrongExpectedVersion. Stream: ${stream}, Expected version: ${expected}, Actual version: ${actual}`,
    {
      exception: 'wrong-expected-version',
      'stream-name': stream,
      'expected-version': String(expected),
      'actual-version': String(actual),
    },
  );

export const maximumAppendSizeExceeded = (limit: number): CallError =>
  new CallError(status.INVALID_ARGUMENT, `Maximum Append Size of ${limit} Exceeded.`, {
    exception: 'maximum-append-size-exceeded',
    'maximum-append-size': String(limit),
  });

export const requiredMetadataPropertyMissing = (property: string): CallError =>
  new CallError(status.INVALID_ARGUMENT, `Required Metadata Property '${property}' is missing`, {
    exception: 'missing-required-metadata-property',
    'required-metadata-properties': 'type,content-type',
  });

/** A read that EventStoreDB's storage refuses; the text is all that it says. */
export const unexpectedReadResult = (read: 'ReadStreamResult' | 'ReadAllResult'): CallError =>
  new CallError(status.UNKNOWN, `Unexpected ${read}: Error`);
