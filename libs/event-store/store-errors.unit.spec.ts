import { readFileSync } from 'node:fs';
import {
  AccessDeniedError,
  CancelledError,
  DeadlineExceededError,
  ErrorType,
  InvalidArgumentError,
  MaxAppendSizeExceededError,
  StreamDeletedError,
  TimeoutError,
  UnavailableError,
  UnknownError,
  UnsupportedError,
  WrongExpectedVersionError,
} from '@eventstore/db-client';
import { describe, expect, it } from '@jest/globals';
import { actualRevisionOf, classify, StoreAwayError, StoreRefusedError, UnknownOutcomeError } from './store-errors.js';
import type { StoreErrorKind } from './store-errors.js';

/** What gRPC hands to the client, and what the client hands on without typing it. */
const plain = (message: string, code?: number): Error =>
  Object.assign(new Error(message), code === undefined ? {} : { code });
const typed = (type: string, message = ''): Error => Object.assign(new Error(message), { type });
const versions = (current: bigint | 'no_stream') => ({ streamName: 'user-1', expected: 3n, current }) as never;

const kinds: Readonly<Record<ErrorType, StoreErrorKind>> = {
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
  // What no request of ours can be answered with; an answer that we do not know is never taken for one that we know.
  [ErrorType.UNKNOWN]: 'broken',
  [ErrorType.STREAM_NOT_FOUND]: 'broken',
  [ErrorType.NO_STREAM]: 'broken',
  [ErrorType.NOT_FOUND]: 'broken',
  [ErrorType.INVALID_TRANSACTION]: 'broken',
  [ErrorType.SCAVENGE_NOT_FOUND]: 'broken',
  [ErrorType.PERSISTENT_SUBSCRIPTION_FAILED]: 'broken',
  [ErrorType.PERSISTENT_SUBSCRIPTION_DOES_NOT_EXIST]: 'broken',
  [ErrorType.PERSISTENT_SUBSCRIPTION_EXISTS]: 'broken',
  [ErrorType.PERSISTENT_SUBSCRIPTION_DROPPED]: 'broken',
  [ErrorType.MAXIMUM_SUBSCRIBERS_REACHED]: 'broken',
  [ErrorType.USER_NOT_FOUND]: 'broken',
  [ErrorType.USER_CONFLICT]: 'broken',
};

describe('what an error of the client means', () => {
  it.each(Object.entries(kinds))('type %s: %s', (type, kind) => expect(classify(typed(type))).toBe(kind));

  it.each<[string, Error, StoreErrorKind]>([
    ['WrongExpectedVersionError', new WrongExpectedVersionError(undefined, versions(4n)), 'conflict'],
    ['TimeoutError', new TimeoutError(), 'unknown_outcome'],
    ['DeadlineExceededError', new DeadlineExceededError(), 'unknown_outcome'],
    ['UnavailableError', new UnavailableError(), 'unknown_outcome'],
    ['CancelledError', new CancelledError(), 'unknown_outcome'],
    ['AccessDeniedError, which comes without a message', new AccessDeniedError(), 'refused'],
    ['InvalidArgumentError', new InvalidArgumentError('no'), 'refused'],
    ['StreamDeletedError', StreamDeletedError.fromStreamName('user-1'), 'refused'],
    ['MaxAppendSizeExceededError', MaxAppendSizeExceededError.fromMaxAppendSize(1), 'refused'],
    ['UnsupportedError', new UnsupportedError('x', '99'), 'refused'],
    ['UnknownError', new UnknownError(), 'broken'],
  ])('the client’s own %s', (_title, error, kind) => expect(classify(error)).toBe(kind));

  it.each<[string, unknown, StoreErrorKind]>([
    [
      'H8: the leader was killed, appends in flight',
      typed('unavailable', '14 UNAVAILABLE: Connection dropped'),
      'unknown_outcome',
    ],
    ['H8: the new leader is not ready, typed', typed('unknown', '2 UNKNOWN: Server Is Not Ready'), 'unknown_outcome'],
    ['H8: the new leader is not ready, plain', plain('Server Is Not Ready'), 'unknown_outcome'],
    [
      'H9: a single node is down: a plain error of code 14',
      plain('14 UNAVAILABLE: No connection established', 14),
      'unknown_outcome',
    ],
    [
      'H3, H9: a cluster is away: discovery failed, without a code',
      plain('Failed to discover after 10 attempts.'),
      'away',
    ],
    ['H3: discovery failed, whatever the type says', typed('unknown', 'Failed to discover after 10 attempts.'), 'away'],
    [
      'H2: a request that came when the client had given up its connection',
      plain('Channel has been shut down'),
      'away',
    ],
    [
      'H2: an append in flight on a client that was replaced',
      Object.assign(typed('unknown', '1 CANCELLED: Cancelled on client'), { code: 1 }),
      'unknown_outcome',
    ],
    [
      'a connection that was cut after the headers of an answer',
      typed('unknown', '2 UNKNOWN: Received HTTP status code 200'),
      'unknown_outcome',
    ],
    [
      'a connection that was cut in the middle of an answer',
      typed('unknown', '13 INTERNAL: Received RST_STREAM with code 2'),
      'unknown_outcome',
    ],
    ['a plain error of another code', plain('13 INTERNAL', 13), 'broken'],
    ['a defect of ours', new TypeError('undefined is not a function'), 'broken'],
    ['what is no error', 'timeout', 'broken'],
    ['nothing', undefined, 'broken'],
  ])('%s', (_title, error, kind) => expect(classify(error)).toBe(kind));

  it('every error that the real one gave has the kind that its scenario says', () => {
    const fixture = (name: string): Record<string, unknown> =>
      JSON.parse(
        readFileSync(new URL(`../../apps/event-store/contract/fixtures/${name}`, import.meta.url), 'utf8'),
      ) as Record<string, unknown>;
    const found: Record<string, Set<StoreErrorKind>> = {};
    const collect = (value: unknown): void => {
      if (typeof value !== 'object' || value === null) return;
      const { class: name, type, code, message } = value as Record<string, string | number>;
      if (typeof name === 'string' && name.endsWith('Error')) {
        (found[String(type ?? `code ${code}`)] ??= new Set()).add(
          classify(Object.assign(new Error(String(message)), { type, code })),
        );
      }
      Object.values(value).forEach(collect);
    };
    collect(fixture('event-store-23.10.8.json'));
    collect(fixture('event-store-23.10.8-secured.json'));
    expect(found).toEqual({
      'wrong-expected-version': new Set(['conflict']),
      'maximum-append-size-exceeded': new Set(['refused']),
      // Reads turn it into "empty" before anybody classifies it.
      'stream-not-found': new Set(['broken']),
      'stream-deleted': new Set(['refused']),
      'deadline-exceeded': new Set(['unknown_outcome']),
      'access-denied': new Set(['refused']),
      // "Unexpected ReadAllResult" and "Could not recognize BadRequest": no request of ours is answered so.
      unknown: new Set(['broken']),
      'code 14': new Set(['unknown_outcome']),
    });
  });

  it('a conflict tells the revision that stands in the stream', () => {
    expect(actualRevisionOf(new WrongExpectedVersionError(undefined, versions(4n)))).toBe(4n);
    expect(actualRevisionOf(new WrongExpectedVersionError(undefined, versions('no_stream')))).toBe('no_stream');
    expect(actualRevisionOf(new UnavailableError())).toBeUndefined();
  });

  it('our own errors have stable codes', () => {
    expect(
      [new StoreAwayError(), new UnknownOutcomeError(), new StoreRefusedError('no')].map(({ code }) => code),
    ).toEqual(['event_store_unavailable', 'outcome_unknown', 'event_store_refused']);
  });
});
