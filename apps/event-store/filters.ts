import { RE2JS } from 're2js';
import type { StoredEvent } from './log/event.js';

/** Whether a reader wants an event. */
export type EventFilter = (event: StoredEvent) => boolean;

/** A filter that cannot be used; the message says why. */
export class FilterError extends Error {
  override readonly name = 'FilterError';
}

/**
 * Regular expressions come from clients: RE2 matches in linear time, and its programs are bounded with their source.
 */
const REGEX_MAX_LENGTH = 1_000;

const compile = (regex: string): RE2JS => {
  if (regex.length > REGEX_MAX_LENGTH)
    throw new FilterError(`A filter's regular expression is at most ${REGEX_MAX_LENGTH} characters long`);
  try {
    return RE2JS.compile(regex);
  } catch (error) {
    throw new FilterError(
      `A filter's regular expression must be one that RE2 understands: ${(error as Error).message}`,
    );
  }
};

/**
 * A filter on the stream name or the event type: by prefixes, or by a regular expression found anywhere in it (RE2
 * syntax).
 * @throws FilterError
 */
export const createFilter = (
  on: 'stream' | 'type',
  expression: { readonly prefixes: readonly string[] } | { readonly regex: string },
): EventFilter => {
  if ('prefixes' in expression) {
    const { prefixes } = expression;
    return (event) => prefixes.some((prefix) => event[on].startsWith(prefix));
  }
  const pattern = compile(expression.regex);
  // Not `test`, whose automaton grows with the names that it sees.
  return (event) => pattern.matcher(event[on]).find();
};
