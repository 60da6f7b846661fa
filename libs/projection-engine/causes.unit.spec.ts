import { describe, expect, it } from '@jest/globals';
import { EventFormatError } from '#libs/event-store/codec.js';
import { SubjectKeyMissingError } from '#libs/privacy/subject-keys.js';
import { causeOf, failureOf, isAnEventsFault } from './causes.js';

const refused = (code: string, over: object = {}): Error =>
  Object.assign(new Error('invalid byte sequence: "Ada"'), {
    severity: 'ERROR',
    code,
    detail: 'Key (name)=(Ada)',
    ...over,
  });

describe('T2: what fails alike has one cause', () => {
  it.each<[string, Error, Error]>([
    ['the same refusal by PostgreSQL', refused('22P02'), refused('22P02')],
    ['the same constraint', refused('23514', { constraint: 'c' }), refused('23514', { constraint: 'c' })],
    [
      'unreadable events',
      new EventFormatError('A', 'displayName: too_big'),
      new EventFormatError('A', 'name: too_small'),
    ],
    ['missing keys', new SubjectKeyMissingError('ann'), new SubjectKeyMissingError('bea')],
    ['an exception of a handler', new TypeError('Ada is no function'), new TypeError('Bea is no function')],
    ['an error whose code is no name', Object.assign(new Error(), { code: 'Ada Lovelace' }), new Error('else')],
  ])('%s', (_, one, other) => expect(failureOf('UserRegistered', one)).toBe(failureOf('UserRegistered', other)));

  it('and differs by event type, SQLSTATE, constraint, column and class', () => {
    const all = [
      failureOf('A', refused('22P02')),
      failureOf('B', refused('22P02')),
      failureOf('A', refused('22021')),
      failureOf('A', refused('23514', { constraint: 'c' })),
      failureOf('A', refused('23514', { constraint: 'd' })),
      failureOf('A', refused('23502', { column: 'c' })),
      failureOf('A', new TypeError('x')),
      failureOf('A', new RangeError('x')),
      failureOf('A', new EventFormatError('A', 'x')),
    ];
    expect(new Set(all).size).toBe(all.length);
  });

  it('holds no value, whatever the error says', () => {
    const errors = [
      refused('22P02'),
      new Error('Ada'),
      Object.assign(new Error('Ada'), { code: 'Ada!', name: 'Ada ' }),
    ];
    for (const error of errors) expect(failureOf('UserRegistered', error)).not.toContain('Ada');
  });
});

describe('a failure', () => {
  it.each([
    ['22021', true],
    ['23505', true],
    ['54000', true],
    ['53100', false],
    ['40001', false],
    ['42P01', false],
  ])('with SQLSTATE %s is an event’s fault: %s', (code, isOfAnEvent) =>
    expect(isAnEventsFault(refused(code))).toBe(isOfAnEvent),
  );

  it('is told to operators without control characters, which PostgreSQL would not store, and within a bound', () => {
    expect(causeOf(new Error('a\0b\nc'))).toBe('a b c');
    expect(causeOf(new Error('x'.repeat(5_000)))).toHaveLength(500);
  });
});
