import { describe, expect, it } from '@jest/globals';
import { isDisplayName } from './display-name.js';

describe('a display name', () => {
  it.each(['Ann', 'Åsa Öberg', '李', 'x'.repeat(100), '😀'.repeat(100)])('may be %j', (name) => {
    expect(isDisplayName(name)).toBe(true);
  });

  it.each(['x'.repeat(101), '😀'.repeat(101), 'Ann\nBea', 'Ann\u0000', '\u001b[31mAnn', 'Ann\u0085'])(
    'is not %j',
    (name) => {
      expect(isDisplayName(name)).toBe(false);
    },
  );
});
