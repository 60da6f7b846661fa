import { describe, expect, it } from '@jest/globals';
import { FilterError, createFilter } from './filters.js';
import type { StoredEvent } from './log/event.js';

const event = (stream: string, type: string): StoredEvent => ({
  position: 64n,
  stream,
  revision: 0n,
  id: '',
  type,
  isJson: true,
  data: new Uint8Array(0),
  metadata: new Uint8Array(0),
  createdMs: 0,
});

describe('a filter', () => {
  it('goes by the stream or by the type', () => {
    expect(createFilter('stream', { prefixes: ['user-'] })(event('user-1', 'X'))).toBe(true);
    expect(createFilter('stream', { prefixes: ['user-'] })(event('x', 'user-1'))).toBe(false);
    expect(createFilter('type', { regex: '^User' })(event('x', 'UserRegistered'))).toBe(true);
    expect(createFilter('type', { regex: '^User' })(event('UserX', 'x'))).toBe(false);
  });

  it('gives the same answer for the same name again', () => {
    const filter = createFilter('type', { regex: '^[^$].*' });
    for (let n = 0; n < 3; n++) {
      expect(filter(event('s', '$metadata'))).toBe(false);
      expect(filter(event('s', 'Plain'))).toBe(true);
    }
  });

  it('answers in time where backtracking would take for ever', () => {
    const filter = createFilter('type', { regex: '^(a+)+$' });
    expect(filter(event('s', `${'a'.repeat(5_000)}!`))).toBe(false);
    expect(filter(event('s', 'a'.repeat(5_000)))).toBe(true);
  });

  it.each(['(', '[', '(?<=x)y', '(?=x)', '\\1', '((a{1,1000}){1,1000}){1,1000}', 'a'.repeat(1_001)])(
    'that cannot be used is refused: %s',
    (regex) => {
      expect(() => createFilter('type', { regex })).toThrow(FilterError);
    },
  );
});
