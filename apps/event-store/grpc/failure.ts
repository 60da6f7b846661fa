import type { Logger } from '#libs/platform/logger.js';
import { LogUnavailableError } from '../log/unavailable.js';
import { CallError, toStatus, unavailable } from './errors.js';

/** Turns whatever a handler threw into the answer of its call. What is not meant for clients goes to the log. */
export const answerForFailure = (error: unknown, logger: Logger, method: string): ReturnType<typeof toStatus> => {
  if (error instanceof CallError) return toStatus(error);
  if (error instanceof LogUnavailableError) {
    logger.warn({ err: error, method }, 'A call failed: PostgreSQL did not answer');
    return toStatus(unavailable());
  }
  logger.error({ err: error, method }, 'A call failed unexpectedly');
  return toStatus(error);
};
