/** What `datetime-local` sends: without a zone, which on these pages is UTC, and perhaps without seconds. */
const LOCAL_TIME = /^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2})(:\d{2}(?:\.\d+)?)?$/;

const withZone = (text: string): string =>
  text.replace(LOCAL_TIME, (_, minute: string, seconds: string | undefined) => `${minute}${seconds ?? ':00'}Z`);

/** A form's query in the words of the API: fields that were left empty are not there, times have their zone. */
export const apiQueryOf = (query: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> =>
  Object.fromEntries(
    Object.entries(query)
      .filter(([, value]) => value !== '')
      .map(([name, value]) => [name, typeof value === 'string' ? withZone(value) : value]),
  );

/**
 * The first whole second that is not before a time, in UTC, as `datetime-local` takes it: what happened at the time has
 * happened by then.
 */
export const localTime = (at: Date): string =>
  new Date(Math.ceil(at.getTime() / 1_000) * 1_000).toISOString().slice(0, 19);

/** A time as auditors read it: to the second, in UTC, in any language. */
export const secondOf = (occurredAt: string): string => `${occurredAt.slice(0, 19).replace('T', ' ')} UTC`;
