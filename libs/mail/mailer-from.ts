import { z } from 'zod';
import type { Clock } from '#libs/platform/clock.js';
import { ConfigurationError } from '#libs/platform/configuration.js';
import type { NewId } from '#libs/platform/ids.js';
import { MailNotSentError } from './mailer.js';
import type { Mailer } from './mailer.js';
import { createOutboxMailer } from './outbox-mailer.js';
import { createSmtpMailer } from './smtp-mailer.js';

/** The environment of mail: an SMTP server, or a directory that mails are written to. */
export const mailShape = {
  LIGATURE_SMTP_URL: z
    .url({ protocol: /^smtps?$/, hostname: /^.+$/, error: 'must look like smtps://user:password@host:465' })
    .optional(),
  LIGATURE_MAIL_FROM: z
    .string()
    .regex(
      /^(?:[^\p{C}<>@"]+ <[^\s\p{C}<>@"]+@[^\s\p{C}<>@"]+>|[^\s\p{C}<>@"]+@[^\s\p{C}<>@"]+)$/u,
      'must look like id@example.org or Name <id@example.org>',
    )
    .optional(),
  LIGATURE_MAIL_OUTBOX: z.string().min(1).optional(),
  /** Opens the page that shows the outbox; without it there is none. */
  LIGATURE_OUTBOX_TOKEN: z.string().min(20).optional(),
} as const;

export interface MailConfiguration {
  readonly LIGATURE_SMTP_URL?: string | undefined;
  readonly LIGATURE_MAIL_FROM?: string | undefined;
  readonly LIGATURE_MAIL_OUTBOX?: string | undefined;
}

/** Where mails are written to instead of being sent, if they are. */
export const outboxOf = ({ LIGATURE_SMTP_URL, LIGATURE_MAIL_OUTBOX }: MailConfiguration): string | undefined =>
  LIGATURE_SMTP_URL === undefined ? LIGATURE_MAIL_OUTBOX : undefined;

/**
 * SMTP where it is configured, else the outbox, else nothing that works: whoever needs a mail is told so in the log.
 * @throws {ConfigurationError} for an SMTP server without a sender
 */
export const mailerFrom = (config: MailConfiguration, clock: Clock, newId: NewId): Mailer => {
  const { LIGATURE_SMTP_URL: url, LIGATURE_MAIL_FROM: from } = config;
  if (url !== undefined) {
    if (from === undefined) throw new ConfigurationError(['LIGATURE_MAIL_FROM: is not set, and LIGATURE_SMTP_URL is']);
    return createSmtpMailer(url, from);
  }
  const outbox = outboxOf(config);
  if (outbox !== undefined) return createOutboxMailer(outbox, clock, newId);
  const hint = 'set LIGATURE_SMTP_URL and LIGATURE_MAIL_FROM (or LIGATURE_MAIL_OUTBOX, for development)';
  return { send: () => Promise.reject(new MailNotSentError(`mail is not configured; ${hint}`)) };
};
