import { describe, expect, it } from '@jest/globals';
import { fuzz } from '#test-support/fuzz/fuzz.js';
import { fuzzTargets } from '#test-support/fuzz/targets.js';

/** A small share of `npm run test:fuzz`, always the same one. */
const TRIES = 150;

describe('mutated answers of identity providers', () => {
  it.each(fuzzTargets)('$name: none is accepted, nothing throws', async ({ start }) => {
    const target = await start();
    try {
      const { accepted, crashes, refused } = await fuzz(target, TRIES, 20_261_127);
      expect({ accepted, crashes }).toEqual({ accepted: [], crashes: [] });
      expect(refused).toBeGreaterThan(TRIES / 2);
    } finally {
      await target.stop();
    }
  });
});
