import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { Clock } from '#libs/platform/clock.js';
import type { NewId } from '#libs/platform/ids.js';
import { checkHeaders } from './mailer.js';
import type { Mailer } from './mailer.js';

const outboxMailSchema = z.object({
  to: z.string(),
  subject: z.string(),
  text: z.string(),
  organizationId: z.string(),
  /** ISO 8601, UTC. */
  sentAt: z.iso.datetime(),
});

/** A mail as the outbox keeps it. */
export type OutboxMail = Readonly<z.infer<typeof outboxMailSchema>>;

/**
 * Writes each mail to a file of a directory instead of sending it: the embedded default. Only the owner of the process
 * can read them, since they hold what opens accounts.
 */
export const createOutboxMailer = (directory: string, clock: Clock, newId: NewId): Mailer => ({
  send: async (mail) => {
    checkHeaders(mail);
    const { to, subject, text, organizationId } = mail;
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const stored: OutboxMail = { to, subject, text, organizationId, sentAt: clock().toISOString() };
    const file = join(directory, `${newId()}.json`);
    // Whoever lists the outbox meanwhile must not meet half a mail.
    await writeFile(`${file}.incomplete`, `${JSON.stringify(stored, null, 2)}\n`, { mode: 0o600, flag: 'wx' });
    await rename(`${file}.incomplete`, file);
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
  return Promise.all(
    newest.map(async (file) => outboxMailSchema.parse(JSON.parse(await readFile(join(directory, file), 'utf8')))),
  );
};
