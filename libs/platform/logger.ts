import { pino } from 'pino';
import type { Logger } from 'pino';

export type { Logger } from 'pino';

/** Field names that may hold a secret or a person's data; their values never reach a log (security.md, "Server"). */
const REDACTED = [
  'password',
  'token',
  'accessToken',
  'idToken',
  'refreshToken',
  'assertion',
  'clientSecret',
  'authorization',
  'cookie',
  'email',
  'code',
];

/**
 * One JSON line per entry on standard output. `LIGATURE_LOG_LEVEL` (pino's names) sets the level, `info` by default.
 * @param name the process, e.g. `identity`
 */
export const createLogger = (name: string): Logger =>
  pino({
    name,
    level: process.env.LIGATURE_LOG_LEVEL ?? 'info',
    base: null,
    redact: { paths: REDACTED.flatMap((field) => [field, `*.${field}`]), censor: '[redacted]' },
  });

/** A logger that writes nothing, for tests of code that must have one. */
export const silentLogger: Logger = pino({ level: 'silent' });
