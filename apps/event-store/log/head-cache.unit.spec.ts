import { expect, it } from '@jest/globals';
import { HeadCache } from './head-cache.js';
import type { StreamHead } from './stream-head.js';

const head = (lastRevision: bigint): StreamHead => ({
  lastRevision,
  tombstoned: false,
  metadataRevision: -1n,
  metadataJson: null,
  metadata: {},
});

it('forgets the heads that were used longest ago, and only when it is trimmed', () => {
  const cache = new HeadCache(2);
  cache.set('a', head(1n));
  cache.set('b', head(2n));
  cache.get('a');
  cache.set('c', head(3n));
  expect([cache.get('b')?.lastRevision]).toEqual([2n]);
  cache.trim();
  expect(['a', 'b', 'c'].map((stream) => cache.get(stream)?.lastRevision)).toEqual([undefined, 2n, 3n]);
  cache.clear();
  expect(cache.get('c')).toBeUndefined();
});
