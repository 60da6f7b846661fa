import { describe, expect, it } from '@jest/globals';
import { categoryOf, idOf, isStreamName, streamName } from './stream-name.js';

describe('stream names', () => {
  it('are category and id', () => {
    expect(streamName('userActivity', '0190-ab.c_d')).toBe('userActivity-0190-ab.c_d');
    expect(categoryOf('userActivity-0190-ab')).toBe('userActivity');
    expect(idOf('userActivity-0190-ab')).toBe('0190-ab');
  });

  it.each([
    ['user', ''],
    ['user', 'a b'],
    ['user', 'a\nb'],
    ['user', 'ann@acme.example'],
    ['user', 'ä'],
    ['user', 'x'.repeat(181)],
    ['user', 'a/../b'],
    ['', 'a'],
    ['$user', 'a'],
    ['User', 'a'],
  ])('H1: "%s" and "%s" are no stream name', (category, id) =>
    expect(() => streamName(category, id)).toThrow(RangeError),
  );

  it('H1: the refusal does not repeat what a stranger sent', () =>
    expect(() => streamName('user', 'ann@acme.example')).toThrow(
      expect.not.objectContaining({ message: expect.stringContaining('ann') }),
    ));

  it.each(['user-1', 'user-1-2'])('"%s" is one', (name) => expect(isStreamName(name)).toBe(true));
  it.each(['$all', '$$user-1', 'user', 'user-', '-1', 'user-1\n', 'user-1 '])('"%s" is none', (name) =>
    expect(isStreamName(name)).toBe(false),
  );
});
