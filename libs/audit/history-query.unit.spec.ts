import { describe, expect, it } from '@jest/globals';
import { mistakeOf } from '#libs/platform/query-mistake.js';
import { cursorOf, exportQuerySchema, historyQuerySchema } from './history-query.js';
import { momentSchema } from './moment.js';

const mistakeIn = (query: Record<string, unknown>): string | undefined => {
  const parsed = historyQuerySchema.safeParse(query);
  return parsed.success ? undefined : mistakeOf(parsed.error).parameter;
};

describe('a query of a history', () => {
  it('means everything, oldest first, a hundred at a time, unless told', () =>
    expect(historyQuerySchema.parse({})).toEqual({ order: 'asc', limit: 100 }));

  it('is taken in the words of the API', () =>
    expect(
      historyQuerySchema.parse({
        types: 'LoginSucceeded,LoginFailed',
        from: '2026-03-03T12:00:00Z',
        to: '2026-03-03T14:00:00+01:00',
        actor: 'admin:cli:ann',
        provider: 'acme',
        after: 'pos:1234',
        order: 'desc',
        limit: '7',
      }),
    ).toEqual({
      types: ['LoginSucceeded', 'LoginFailed'],
      from: new Date('2026-03-03T12:00:00Z'),
      to: new Date('2026-03-03T13:00:00Z'),
      actor: { type: 'admin', id: 'cli:ann' },
      provider: 'acme',
      after: 1234n,
      order: 'desc',
      limit: 7,
    }));

  it('cursors are read as they are written', () =>
    expect(historyQuerySchema.parse({ after: cursorOf(2n ** 63n - 1n) }).after).toBe(2n ** 63n - 1n));

  it.each([
    ['types', { types: 'LoginSuceeded' }],
    ['types', { types: '' }],
    ['from', { from: 'yesterday' }],
    ['from', { from: '2026-03-03' }],
    ['from', { from: '2026-03-03T12:00:00' }],
    ['from', { from: '2026-02-30T12:00:00Z' }],
    ['to', { to: '2026-03-03T25:00:00Z' }],
    ['from', { from: '2026-03-03T12:00:00.001Z', to: '2026-03-03T12:00:00Z' }],
    ['actor', { actor: 'nobody' }],
    ['actor', { actor: 'user:' }],
    ['provider', { provider: '' }],
    ['after', { after: '1234' }],
    ['after', { after: 'pos:' }],
    ['after', { after: 'pos:-1' }],
    ['after', { after: 'pos:0x10' }],
    ['after', { after: 'pos:9223372036854775808' }],
    ['after', { after: ['pos:1', 'pos:2'] }],
    ['limit', { limit: '0' }],
    ['limit', { limit: '1001' }],
    ['limit', { limit: 'many' }],
    ['order', { order: 'random' }],
    ['format', { format: 'csv' }],
    ['since', { since: '2026-03-03T12:00:00Z' }],
  ])('names %s, which cannot be used as in %j', (parameter, query) => expect(mistakeIn(query)).toBe(parameter));

  it('says what it should be', () => {
    const parsed = historyQuerySchema.safeParse({ types: 'LoginSuceeded' });
    expect(parsed.error && mistakeOf(parsed.error).detail).toBe('"types": There is no event type "LoginSuceeded".');
  });

  it('of an export has a format and no pages', () => {
    expect(exportQuerySchema.parse({})).toEqual({ order: 'asc', format: 'ndjson' });
    expect(exportQuerySchema.safeParse({ limit: '7' }).success).toBe(false);
    expect(exportQuerySchema.safeParse({ format: 'xml' }).success).toBe(false);
  });
});

describe('a moment', () => {
  it('is a position or a time', () => {
    expect(momentSchema.parse('pos:1234')).toEqual({ position: 1234n });
    expect(momentSchema.parse('2026-03-03T12:00:00Z')).toEqual({ time: new Date('2026-03-03T12:00:00Z') });
  });

  it.each(['', 'noon', 'pos:x', '1234', '2026-03-03', '2026-03-03T12:00:00', '2026-13-03T12:00:00Z'])(
    'is not "%s"',
    (text) => expect(momentSchema.safeParse(text).success).toBe(false),
  );
});
