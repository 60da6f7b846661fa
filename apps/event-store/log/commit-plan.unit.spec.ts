import { describe, expect, it } from '@jest/globals';
import { CommitPlan, KnownPlaces, idsNeededBy, streamsNeededBy } from './commit-plan.js';
import type { ProposedEvent } from './event.js';
import type { StreamHead } from './stream-head.js';
import type { Write } from './write.js';

const NOTHING = new Uint8Array(0);
const proposed = (id: string): ProposedEvent => ({
  id,
  type: `T${id}`,
  isJson: true,
  data: NOTHING,
  metadata: NOTHING,
});
const append = (stream: string, ids: string, expected: Write['expected'], over: Partial<Write> = {}): Write =>
  ({ kind: 'append', stream, expected, events: [...ids].map(proposed), ...over }) as Write;
const head = (lastRevision: bigint): StreamHead => ({
  lastRevision,
  tombstoned: false,
  metadataRevision: -1n,
  metadataJson: null,
  metadata: {},
});

const plan = (heads: Readonly<Record<string, StreamHead>> = {}): CommitPlan => {
  let ids = 0;
  return new CommitPlan(
    (stream) => heads[stream] ?? head(-1n),
    new KnownPlaces(),
    640n,
    1_000,
    () => `new-${ids++}`,
  );
};
const rows = (planned: CommitPlan): string[] =>
  planned.events.map((event) => `${event.position} ${event.stream} ${event.revision} ${event.type}`);

describe('a group of writes', () => {
  it('is planned in order, each seeing those before it, at positions without gaps', () => {
    const group = plan();
    expect(group.add(append('s', 'ab', 'no_stream'))).toEqual({ kind: 'written', revision: 1n, position: 768n });
    expect(group.add(append('other', 'c', 'any'))).toEqual({ kind: 'written', revision: 0n, position: 832n });
    expect(group.add(append('s', 'd', 1n))).toEqual({ kind: 'written', revision: 2n, position: 896n });
    expect(group.add(append('s', 'e', 1n))).toEqual({ kind: 'conflict', actual: 2n });
    expect(rows(group)).toEqual(['704 s 0 Ta', '768 s 1 Tb', '832 other 0 Tc', '896 s 2 Td']);
    expect(group.movedHeads.get('s')?.lastRevision).toBe(2n);
  });

  it('knows a retry of what it has planned itself', () => {
    const group = plan();
    const first = group.add(append('s', 'ab', 'no_stream'));
    expect(group.add(append('s', 'ab', 'no_stream'))).toEqual(first);
    expect(group.add(append('s', 'ab', 'any'))).toEqual(first);
    expect(group.events).toHaveLength(2);
  });

  it('leaves out what has expired', () => {
    const group = plan();
    expect(group.add(append('s', 'a', 'any', { deadlineMs: 1_000 }))).toEqual({ kind: 'expired' });
    expect(group.add(append('s', 'b', 'any', { deadlineMs: 1_001 }))).toMatchObject({ kind: 'written' });
    expect(rows(group)).toEqual(['704 s 0 Tb']);
  });

  it('answers an append of nothing with the end of stream and log', () => {
    const group = plan({ s: head(3n) });
    expect(group.add(append('s', '', 'any'))).toEqual({ kind: 'written', revision: 3n, position: 640n });
    expect(group.add(append('none', '', 'any'))).toEqual({ kind: 'written', revision: -1n, position: 640n });
    expect(group.events).toEqual([]);
  });
});

describe('deletions in a group', () => {
  it('a soft delete writes metadata; the append after it shows only what is new', () => {
    const group = plan({ s: head(3n) });
    group.add({ kind: 'soft-delete', stream: 's', expected: 'any' });
    expect(group.add(append('s', 'a', 'no_stream'))).toEqual({ kind: 'written', revision: 4n, position: 768n });
    expect(rows(group)).toEqual(['704 $$s 0 $metadata', '768 s 4 Ta', '832 $$s 1 $metadata']);
    expect(group.events.map(({ data }) => Buffer.from(data).toString())).toEqual([
      '{"$tb":9223372036854775807}',
      '',
      '{"$tb":4}',
    ]);
  });

  it('new metadata for a soft-deleted stream does not bring its events back', () => {
    const group = plan({ s: head(3n) });
    group.add({ kind: 'soft-delete', stream: 's', expected: 'any' });
    const metadata = { ...proposed('m'), type: '$metadata', data: Buffer.from('{"$maxCount":5}') };
    group.add({ kind: 'append', stream: '$$s', expected: 'any', events: [metadata] });
    expect(group.events.map(({ data }) => Buffer.from(data).toString()).at(-1)).toBe('{"$maxCount":5,"$tb":4}');
    expect(group.movedHeads.get('s')?.metadata).toEqual({ maxCount: 5n, truncateBefore: 4n });
  });

  it('a tombstone refuses what comes after it, metadata included', () => {
    const group = plan();
    group.add({ kind: 'tombstone', stream: 's', expected: 'any' });
    expect(group.add(append('s', 'a', 'any'))).toEqual({ kind: 'deleted' });
    expect(group.add(append('$$s', 'a', 'any'))).toEqual({ kind: 'deleted' });
    expect(rows(group)).toEqual(['704 s 9223372036854775807 $streamDeleted']);
  });
});

describe('before a write is planned', () => {
  it('the head of its stream is needed, and for metadata that of the stream it is about', () => {
    expect(streamsNeededBy(append('s', 'a', 'any'))).toEqual(['s']);
    expect(streamsNeededBy(append('$$s', 'a', 'any'))).toEqual(['$$s', 's']);
  });

  it('the places of its ids are needed where it might be a retry', () => {
    expect(idsNeededBy(append('s', 'ab', 0n), head(3n))).toEqual(['a', 'b']);
    expect(idsNeededBy(append('s', 'ab', 3n), head(3n))).toEqual([]);
    expect(idsNeededBy({ kind: 'tombstone', stream: 's', expected: 'any' }, head(3n))).toEqual([]);
  });
});
