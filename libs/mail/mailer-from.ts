import { z } from 'zod';
import type { Clock } from '#libs/platform/clock.js';
import type { NewId } from '#libs/platform/ids.js';
import type { Mailer } from './mailer.js';
import { createOutboxMailer } from './outbox-mailer.js';
import { createSmtpMailer } from './smtp-mailer.js';

/** The environment of mail: an SMTP server, or a directory that mails are written to. */
export const mailShape = {
  LIGATURE_SMTP_URL: z.url({ protocol: /^smtps?$/, error: 'must look like smtps://user:password@host:465' }).optional(),
  LIGATURE_MAIL_FROM: z.string().min(3).optional(),
  LIGATURE_MAIL_OUTBOX: z.string().min(1).optional(),
} as const;

export interface MailConfiguration {
  readonly LIGATURE_SMTP_URL?: string | undefined;
  readonly LIGATURE_MAIL_FROM?: string | undefined;
  readonly LIGATURE_MAIL_OUTBOX?: string | undefined;
}

/** No mail can be sent; whoever needs one is told so in the log. */
export class MailNotConfiguredError extends Error {
  readonly code = 'mail_not_configured';
  constructor() {
    super('Mail is not configured: set LIGATURE_SMTP_URL and LIGATURE_MAIL_FROM (or LIGATURE_MAIL_OUTBOX, for development)');
  }
}

/** SMTP where it is configured, else the outbox, else nothing that works. */
export const mailerFrom = (config: MailConfiguration, clock: Clock, newId: NewId): Mailer => {
  const { LIGATURE_SMTP_URL: url, LIGATURE_MAIL_FROM: from, LIGATURE_MAIL_OUTBOX: outbox } = config;
  if (url !== undefined && from !== undefined) return createSmtpMailer(url, from);
  if (outbox !== undefined) return createOutboxMailer(outbox, clock, newId);
  return { send: () => Promise.reject(new MailNotConfiguredError()) };
};
