import { describe, expect, it } from '@jest/globals';
import { decideAppend, decideDelete, needsKnownEvents } from './append-decision.js';
import type { KnownEvent } from './append-decision.js';
import { DELETED_STREAM_REVISION } from './event.js';
import type { ExpectedRevision } from './event.js';
import type { StreamHead } from './stream-head.js';

const head = (lastRevision: bigint, over: Partial<StreamHead> = {}): StreamHead => ({
  lastRevision,
  tombstoned: false,
  metadataRevision: -1n,
  metadataJson: null,
  metadata: {},
  ...over,
});
const missing = head(-1n);
const softDeleted = head(4n, { metadata: { truncateBefore: DELETED_STREAM_REVISION } });
const tombstoned = head(4n, { tombstoned: true });

/** Ids a, b, c … stand at revisions 0, 1, 2 … */
const stored =
  (...ids: readonly string[]) =>
  (id: string): KnownEvent[] =>
    ids.flatMap((each, n) => (each === id ? [{ revision: BigInt(n), position: BigInt(n + 1) * 64n }] : []));

const store = (firstRevision: bigint): object => ({ kind: 'store', firstRevision });
const conflict = (actual: bigint): object => ({ kind: 'conflict', actual });
const before = (revision: bigint): object => ({
  kind: 'stored-before',
  last: { revision, position: (revision + 1n) * 64n },
});

describe('an append of x and y', () => {
  const cases: readonly (readonly [StreamHead, ExpectedRevision, object])[] = [
    [missing, 'any', store(0n)],
    [missing, 'no_stream', store(0n)],
    [missing, 'stream_exists', conflict(-1n)],
    [missing, 0n, conflict(-1n)],
    [head(2n), 'any', store(3n)],
    [head(2n), 'stream_exists', store(3n)],
    [head(2n), 'no_stream', conflict(2n)],
    [head(2n), 1n, conflict(2n)],
    [head(2n), 2n, store(3n)],
    [head(2n), 3n, conflict(2n)],
    [softDeleted, 'any', store(5n)],
    [softDeleted, 'no_stream', store(5n)],
    [softDeleted, 'stream_exists', conflict(4n)],
    [softDeleted, 3n, conflict(4n)],
    [softDeleted, 4n, store(5n)],
    [tombstoned, 'any', { kind: 'deleted' }],
    [tombstoned, 4n, { kind: 'deleted' }],
  ];
  it.each(cases)('on %o at %s', (stream, expected, decision) => {
    expect(decideAppend(stream, expected, ['x', 'y'], stored('a', 'b', 'c', 'd', 'e'))).toEqual(decision);
  });
});

describe('a retry, on a stream that holds a, b, c', () => {
  const cases: readonly (readonly [ids: string, ExpectedRevision, object])[] = [
    ['abc', 'no_stream', before(2n)],
    ['ab', 'no_stream', before(1n)],
    ['abx', 'no_stream', conflict(2n)],
    ['bc', 0n, before(2n)],
    ['cb', 0n, conflict(2n)],
    ['bcx', 0n, conflict(2n)],
    ['bx', 0n, conflict(2n)],
    ['a', 2n, store(3n)],
    ['abc', 'any', before(2n)],
    ['bc', 'stream_exists', before(2n)],
    ['cx', 'any', conflict(2n)],
    ['xc', 'any', store(3n)],
  ];
  it.each(cases)('of %s at %s', (ids, expected, decision) => {
    expect(decideAppend(head(2n), expected, [...ids], stored('a', 'b', 'c'))).toEqual(decision);
  });
});

it('an append of nothing is taken at the end and conflicts behind it', () => {
  expect(decideAppend(head(2n), 2n, [], stored())).toEqual(store(3n));
  expect(decideAppend(head(2n), 1n, [], stored())).toEqual(conflict(2n));
});

describe('places of ids are needed', () => {
  it.each<readonly [ExpectedRevision, boolean]>([
    ['any', true],
    ['stream_exists', true],
    ['no_stream', true],
    [1n, true],
    [2n, false],
    [3n, false],
  ])('at %s of a stream whose last revision is 2: %s', (expected, needed) => {
    expect(needsKnownEvents(head(2n), expected)).toBe(needed);
  });

  it('not for the first append of a stream', () => {
    expect(needsKnownEvents(missing, 'no_stream')).toBe(false);
  });
});

describe('a deletion', () => {
  const cases: readonly (readonly ['soft-delete' | 'tombstone', StreamHead, ExpectedRevision, object])[] = [
    ['soft-delete', head(2n), 'any', { kind: 'delete' }],
    ['soft-delete', head(2n), 2n, { kind: 'delete' }],
    ['soft-delete', head(2n), 1n, conflict(2n)],
    ['soft-delete', missing, 'any', conflict(-1n)],
    ['soft-delete', missing, 'no_stream', conflict(-1n)],
    ['soft-delete', softDeleted, 'any', { kind: 'delete' }],
    ['tombstone', missing, 'any', { kind: 'delete' }],
    ['tombstone', missing, 'no_stream', { kind: 'delete' }],
    ['tombstone', missing, 'stream_exists', conflict(-1n)],
    ['tombstone', head(2n), 'no_stream', conflict(2n)],
    ['tombstone', softDeleted, 4n, { kind: 'delete' }],
    ['tombstone', tombstoned, 'any', { kind: 'deleted' }],
  ];
  it.each(cases)('%s of %o at %s', (kind, stream, expected, decision) => {
    expect(decideDelete(stream, expected, kind)).toEqual(decision);
  });
});
