import { describe, expect, it } from '@jest/globals';
import { DELETED_STREAM_REVISION } from './log/event.js';
import {
  firstReadableRevision,
  isSoftDeleted,
  readStreamMetadata,
  recreatedMetadata,
  softDeletedMetadata,
} from './stream-metadata.js';

const json = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value));
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('utf8');

describe('metadata', () => {
  it('says what can still be read', () => {
    expect(readStreamMetadata('s', json({ $maxCount: 2, $maxAge: 60, $tb: 3, other: 1 }))).toEqual({
      maxCount: 2n,
      maxAgeSeconds: 60,
      truncateBefore: 3n,
    });
  });

  it.each([
    ['no metadata', null],
    ['no bytes', new Uint8Array(0)],
    ['no JSON', Buffer.from('{')],
    ['no object', json([1])],
    ['null', json(null)],
    ['other types', json({ $maxCount: '2', $maxAge: null, $tb: {} })],
    ['numbers that make no sense', json({ $maxCount: 0, $maxAge: -1, $tb: 1.5 })],
  ])('hides nothing when it is %s', (_title, bytes) => {
    expect(readStreamMetadata('s', bytes)).toEqual({});
  });

  it('of a metadata stream is fixed: its last event', () => {
    expect(readStreamMetadata('$$s', json({ $maxCount: 100 }))).toEqual({ maxCount: 1n });
  });
});

describe('a soft delete', () => {
  it('keeps other properties, and is recognised although JSON rounds its number', () => {
    const deleted = softDeletedMetadata(json({ custom: { a: 1 }, $tb: 2 }));
    expect(text(deleted)).toBe('{"custom":{"a":1},"$tb":9223372036854775807}');
    expect(readStreamMetadata('s', deleted).truncateBefore).toBe(DELETED_STREAM_REVISION);
    expect(isSoftDeleted(readStreamMetadata('s', deleted))).toBe(true);
    expect(text(softDeletedMetadata(null))).toBe('{"$tb":9223372036854775807}');
  });

  it('is lifted from the first new revision on', () => {
    expect(text(recreatedMetadata(softDeletedMetadata(json({ custom: 1 })), 5n))).toBe('{"custom":1,"$tb":5}');
    expect(isSoftDeleted(readStreamMetadata('s', recreatedMetadata(null, 5n)))).toBe(false);
  });
});

it('the first readable revision is the higher of what count and truncation leave', () => {
  expect(firstReadableRevision({}, 9n)).toBe(0n);
  expect(firstReadableRevision({ maxCount: 3n }, 9n)).toBe(7n);
  expect(firstReadableRevision({ truncateBefore: 8n, maxCount: 3n }, 9n)).toBe(8n);
  expect(firstReadableRevision({ truncateBefore: 2n, maxCount: 3n }, 9n)).toBe(7n);
  expect(firstReadableRevision({ maxCount: 30n }, 9n)).toBe(0n);
});
