import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '#libs/platform/clock.js';
import type { NewId } from '#libs/platform/ids.js';
import type { Mail, Mailer } from './mailer.js';

/** A mail as the outbox keeps it. */
export interface OutboxMail extends Mail {
  /** ISO 8601, UTC. */
  readonly sentAt: string;
}

/**
 * Writes each mail to a file of a directory instead of sending it: the embedded default. Only the owner of the process can read them, since they
 * hold what opens accounts.
 */
export const createOutboxMailer = (directory: string, clock: Clock, newId: NewId): Mailer => ({
  send: async (mail) => {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const stored: OutboxMail = { ...mail, sentAt: clock().toISOString() };
    await writeFile(join(directory, `${newId()}.json`), JSON.stringify(stored, null, 2), { mode: 0o600, flag: 'wx' });
  },
});

/** The mails of an outbox, newest first. @param limit at most so many */
export const listOutbox = async (directory: string, limit = 100): Promise<readonly OutboxMail[]> => {
  const files = await readdir(directory).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  // Names are UUIDv7, so that their order is the order of sending.
  const newest = files
    .filter((file) => file.endsWith('.json'))
    .sort()
    .reverse()
    .slice(0, limit);
  return Promise.all(newest.map(async (file) => JSON.parse(await readFile(join(directory, file), 'utf8')) as OutboxMail));
};
