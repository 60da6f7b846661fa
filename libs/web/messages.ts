/** The languages of the pages. The first is spoken to whoever asks for none of them. */
export const LOCALES = ['en', 'de'] as const;
export type Locale = (typeof LOCALES)[number];

/**
 * A text with `{placeholders}`; or two, chosen by `{count}` (CLDR plural categories: English and German know these).
 */
export type Pattern = string | { readonly one: string; readonly other: string };

/** A text in every language. `Placeholder`: what has to be told to say it. */
export interface Message<Placeholder extends string = never> {
  readonly patterns: Readonly<Record<Locale, Pattern>>;
  /** Never set: for the compiler, which keeps messages apart by what they need. */
  readonly needs?: Placeholder;
}

type PlaceholdersIn<Text> = Text extends `${string}{${infer Name}}${infer Rest}` ? Name | PlaceholdersIn<Rest> : never;
type PlaceholdersOf<P> = P extends { readonly one: infer One; readonly other: infer Other }
  ? 'count' | PlaceholdersIn<One> | PlaceholdersIn<Other>
  : PlaceholdersIn<P>;

/**
 * The texts of a context, by key, each in every language: one `texts.ts` (or `*-texts.ts`) per context, nothing to
 * register. That a key lacks a language or a page lacks a value is found by the compiler; that two languages name other
 * placeholders, by `texts.unit.spec.ts`.
 */
export const messages = <const T extends Readonly<Record<string, Readonly<Record<Locale, Pattern>>>>>(
  texts: T,
): { readonly [Key in keyof T]: Message<PlaceholdersOf<T[Key]['en']>> } =>
  Object.fromEntries(Object.entries(texts).map(([key, patterns]) => [key, { patterns }])) as {
    readonly [Key in keyof T]: Message<PlaceholdersOf<T[Key]['en']>>;
  };

/** The text of a key that may be anything; nothing when there is none. */
export const messageFor = (texts: Readonly<Record<string, Message>>, key: string): Message | undefined =>
  Object.hasOwn(texts, key) ? texts[key] : undefined;

/** Says a message. */
export type Translate = <Placeholder extends string>(
  message: Message<Placeholder>,
  ...values: [Placeholder] extends [never] ? [] : [Readonly<Record<Placeholder, string | number>>]
) => string;

/**
 * A language, for everything on a page that is not the same in all of them. Times are UTC: without script a server
 * knows no better.
 */
export interface Language {
  readonly locale: Locale;
  readonly t: Translate;
  /** A day. */
  date(at: Date): string;
  /** A day and a time, to the minute. */
  moment(at: Date): string;
}

const languageOf = (locale: Locale): Language => {
  const plural = new Intl.PluralRules(locale);
  const day = new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeZone: 'UTC' });
  const minute = new Intl.DateTimeFormat(locale, {
    dateStyle: 'medium',
    timeStyle: 'short',
    hourCycle: 'h23',
    timeZone: 'UTC',
  });
  const patternFor = (pattern: Pattern, count: unknown): string =>
    typeof pattern === 'string' ? pattern : pattern[plural.select(Number(count)) === 'one' ? 'one' : 'other'];
  return {
    locale,
    t: ({ patterns }, ...[values]) => {
      const told: Readonly<Record<string, string | number>> = values ?? {};
      return patternFor(patterns[locale], told.count).replace(/\{(\w+)\}/g, (_, name: string) => String(told[name]));
    },
    date: (at) => day.format(at),
    moment: (at) => `${minute.format(at)} UTC`,
  };
};

export const LANGUAGES: Readonly<Record<Locale, Language>> = { en: languageOf('en'), de: languageOf('de') };
