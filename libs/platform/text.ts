/**
 * The one rule for text (security row T1): well-formed Unicode, no control characters (Cc) but tab and newline where a
 * text has lines, and a bound on its length. PostgreSQL refuses NUL and lone surrogates, logs and terminals obey the
 * rest. Unassigned code points are allowed: an emoji may be newer than our tables.
 */
export const MOST_TEXT = 65_536;

const UNFIT = /[\p{Cs}\p{Cc}]/u;
const UNFIT_IN_LINES = /[\p{Cs}\u0000-\u0008\u000b-\u001f\u007f-\u009f]/u;

/** Whether a text that has one line keeps the rule. */
export const isLine = (text: string, most = MOST_TEXT): boolean => text.length <= most && !UNFIT.test(text);

/** Whether a text that may have several lines keeps the rule. */
export const isText = (text: string, most = MOST_TEXT): boolean => text.length <= most && !UNFIT_IN_LINES.test(text);

/**
 * What can be kept of a text that somebody else cut or garbled: control characters go, half a character becomes U+FFFD,
 * and the rest is cut where it is too long. Only for what is shown: two texts may become one, so a key, a signature or a
 * hash is never made of it.
 * @param most in UTF-16 code units
 */
export const repairedLine = (text: string, most: number): string =>
  text
    .slice(0, most)
    .toWellFormed()
    .replace(/\p{Cc}/gu, '');

/** As it was stored before the rule was: each code unit that breaks it is shown as U+FFFD. */
const replaced = (text: string): string => text.toWellFormed().replace(new RegExp(UNFIT_IN_LINES, 'gu'), '\ufffd');

/** The first string in a JSON value, keys included, that breaks the rule for lines; its path, such as `a.b`. */
export const unfitPath = (value: unknown, path = ''): string | undefined => {
  if (typeof value === 'string') return isText(value) ? undefined : path;
  if (typeof value !== 'object' || value === null) return undefined;
  for (const [key, inner] of Object.entries(value)) {
    // A key that breaks the rule is not named.
    if (!isText(key)) return path;
    const found = unfitPath(inner, path === '' ? key : `${path}.${key}`);
    if (found !== undefined) return found;
  }
  return undefined;
};

/** A JSON value as readers may have it, whatever was stored; the very same where nothing breaks the rule. */
export const readable = <T>(value: T): T => {
  if (typeof value === 'string') return (UNFIT_IN_LINES.test(value) ? replaced(value) : value) as T;
  if (typeof value !== 'object' || value === null || unfitPath(value) === undefined) return value;
  if (Array.isArray(value)) return value.map(readable) as T;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [readable(key), readable(inner)])) as T;
};
