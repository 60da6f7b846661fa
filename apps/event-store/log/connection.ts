/**
 * The connection URL for sessions on the log. Every statement on it is a range of an index; the planner must not
 * believe otherwise because a session prepared its statements when the table was still small.
 */
export const logConnectionString = (databaseUrl: string): string => {
  const url = new URL(databaseUrl);
  url.searchParams.set('options', '-c enable_seqscan=off -c enable_sort=off');
  return url.href;
};
