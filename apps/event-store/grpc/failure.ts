import type { Logger } from '#libs/platform/logger.js';
import { CallError, toStatus, unavailable } from './errors.js';

interface SystemError {
  readonly code?: unknown;
  readonly severity?: unknown;
}

// PostgreSQL away: errors of sockets (ECONNREFUSED, …), of the driver (no code at all), and SQLSTATE classes 08, 53, 57.
const isDatabaseAway = (error: unknown): boolean => {
  const { code, severity } = error as SystemError;
  if (typeof severity === 'string') return typeof code === 'string' && /^(08|53|57)/.test(code);
  return (typeof code === 'string' && code.startsWith('E')) || /connection|timeout/i.test((error as Error).message);
};

/** Turns whatever a handler threw into the answer of its call. What is not meant for clients goes to the log. */
export const answerForFailure = (error: unknown, logger: Logger, method: string): ReturnType<typeof toStatus> => {
  if (error instanceof CallError) return toStatus(error);
  if (isDatabaseAway(error)) {
    logger.warn({ err: error, method }, 'PostgreSQL did not answer');
    return toStatus(unavailable());
  }
  logger.error({ err: error, method }, 'A call failed unexpectedly');
  return toStatus(error);
};
