/**
 * Classes of SQLSTATE that say something of a statement's own values (PostgreSQL, appendix A): data exceptions,
 * violated constraints and cardinalities, and what a deadlock or a conflict took back. The others say something of the
 * server.
 */
const CLASSES: ReadonlySet<string> = new Set(['21', '22', '23', '40']);

/** Whether PostgreSQL refused a statement for its own values, so that others may go through. */
export const isRefusedStatement = (error: unknown): boolean =>
  CLASSES.has(String((error as { code?: unknown }).code).slice(0, 2));
