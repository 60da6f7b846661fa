const CODES: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  '57P01',
  '57P02',
  '57P03',
]);

/** What `pg` says without a code. */
const MESSAGES = /timeout exceeded when trying to connect|Connection terminated|Query read timeout|is not queryable/;

/**
 * Whether an error of `pg` says that the server cannot be reached, is starting, or is shutting down: try again, nothing
 * is wrong with the request.
 */
export const isDatabaseUnreachable = (error: unknown): boolean => {
  // A host with several addresses fails with one error for each.
  const causes: unknown[] = error instanceof AggregateError ? error.errors : [error];
  return causes.some((cause) => {
    const { code, message } = (cause ?? {}) as { code?: string; message?: string };
    return CODES.has(code ?? '') || MESSAGES.test(message ?? '');
  });
};
