/** PostgreSQL did not answer, or ended the session: try again later. */
export class LogUnavailableError extends Error {
  override readonly name = 'LogUnavailableError';
  constructor(cause: unknown) {
    super('PostgreSQL did not answer', { cause });
  }
}

/**
 * SQLSTATE classes that say nothing about the statement: connection, resources, operator intervention (PostgreSQL
 * manual, appendix A).
 */
const AWAY = /^(08|53|57)/;

/**
 * An error of a query on the log, as what it means: errors without an SQLSTATE come from the connection or the driver.
 */
export const asLogError = (error: unknown): unknown => {
  const { code, severity } = error as { readonly code?: unknown; readonly severity?: unknown };
  const isStatementError = typeof severity === 'string' && typeof code === 'string' && !AWAY.test(code);
  return isStatementError ? error : new LogUnavailableError(error);
};
