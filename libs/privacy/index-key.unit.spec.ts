import { expect, it } from '@jest/globals';
import { createIndexKeys } from './index-key.js';

const keys = createIndexKeys(Buffer.alloc(32, 7));

it('T1: a part that is no well-formed text gives no name: as bytes every half of a pair is the same', () => {
  expect(() => keys.of('category', 'organization', 'a\ud83d')).toThrow('no well-formed text');
  expect(keys.of('category', 'organization', 'a🎩')).not.toBe(keys.of('category', 'organization', 'a\ufffd'));
});
