import { describe, expect, it } from '@jest/globals';
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { LANGUAGES, LOCALES, messages } from './messages.js';
import type { Message, Pattern } from './messages.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const files = ['libs', 'apps']
  .flatMap((top) =>
    readdirSync(`${root}/${top}`, { recursive: true, encoding: 'utf8' }).map((path) => `${top}/${path}`),
  )
  .filter((path) => /(^|[/-])texts\.ts$/.test(path));

const isMessage = (value: unknown): value is Message =>
  typeof value === 'object' && value !== null && 'patterns' in value;
const wordingsOf = (pattern: Pattern): readonly string[] =>
  typeof pattern === 'string' ? [pattern] : [pattern.one, pattern.other];
const placeholdersOf = (pattern: Pattern): readonly string[] =>
  [
    ...new Set(wordingsOf(pattern).flatMap((text) => [...text.matchAll(/\{(\w+)\}/g)].map(([, name]) => name ?? ''))),
  ].sort();

const catalogue = (
  await Promise.all(
    files.map(async (path) => {
      const texts = (await import(`${root}/${path}`)) as Record<string, unknown>;
      return Object.values(texts)
        .flatMap((value) => Object.entries(typeof value === 'object' && value !== null ? value : {}))
        .filter((entry): entry is [string, Message] => isMessage(entry[1]))
        .map(([key, message]) => [`${path} ${key}`, message] as const);
    }),
  )
).flat();

describe('the message catalogue', () => {
  it('is found', () => {
    expect(files).toContain('libs/web/texts.ts');
    expect(catalogue.length).toBeGreaterThan(files.length);
  });

  it('says everything in every language, with the same placeholders', () => {
    const wrong = catalogue.filter(([, { patterns }]) => {
      const [first] = LOCALES;
      return LOCALES.some(
        (locale) =>
          wordingsOf(patterns[locale]).some((text) => text.trim() === '') ||
          placeholdersOf(patterns[locale]).join() !== placeholdersOf(patterns[first]).join() ||
          typeof patterns[locale] !== typeof patterns[first],
      );
    });
    expect(wrong.map(([key]) => key)).toEqual([]);
  });

  it('says no sentence in English to a German reader', () => {
    const same = catalogue.filter(
      ([, { patterns }]) => patterns.en === patterns.de && String(patterns.en).includes(' '),
    );
    expect(same.map(([key]) => key)).toEqual([]);
  });
});

describe('saying a message', () => {
  const texts = messages({
    hello: { en: 'Hello {name}', de: 'Guten Tag {name}' },
    sessions: {
      en: { one: '{count} session', other: '{count} sessions' },
      de: { one: '{count} Sitzung', other: '{count} Sitzungen' },
    },
  });

  it('puts values into their places, and only there', () => {
    expect(LANGUAGES.de.t(texts.hello, { name: '{name} $& <b>' })).toBe('Guten Tag {name} $& <b>');
  });

  it.each([
    [0, '0 Sitzungen'],
    [1, '1 Sitzung'],
    [2, '2 Sitzungen'],
  ])('counts %i', (count, said) => {
    expect(LANGUAGES.de.t(texts.sessions, { count })).toBe(said);
  });

  it('tells days and times', () => {
    const at = new Date('2026-03-09T17:05:09Z');
    expect([LANGUAGES.en.date(at), LANGUAGES.en.moment(at)]).toEqual(['Mar 9, 2026', 'Mar 9, 2026, 17:05 UTC']);
    expect([LANGUAGES.de.date(at), LANGUAGES.de.moment(at)]).toEqual(['09.03.2026', '09.03.2026, 17:05 UTC']);
  });
});
