import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { createRequire } from 'node:module';
import { textArray } from './text-array.js';

/** As the driver sends a parameter; its types do not know of it. */
const { prepareValue: sent } = createRequire(import.meta.url)('pg/lib/utils') as {
  prepareValue(value: unknown): unknown;
};

describe('textArray', () => {
  it('is what the driver makes of the same list, whatever stands in it', () => {
    const awkward = fc.constantFrom('"', '\\', ',', '{', '}', ' ', 'NULL', '', '\n', '","', 'é', '🙂');
    const text = fc.oneof(
      fc.string(),
      awkward,
      fc.array(awkward).map((parts) => parts.join('')),
      fc.uuid(),
    );
    fc.assert(fc.property(fc.array(fc.option(text)), (values) => sent(textArray(values)) === sent(values)));
  });

  it('writes lists of ids itself, and leaves to the driver what has to be escaped', () => {
    expect(textArray(['a', 'NULL', ''])).toBe('{"a","NULL",""}');
    for (const values of [['a"b'], ['a\\b'], ['a', null], []]) expect(textArray(values)).toBe(values);
  });
});
