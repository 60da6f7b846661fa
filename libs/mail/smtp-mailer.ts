import { createTransport } from 'nodemailer';
import { checkHeaders, MailNotSentError } from './mailer.js';
import type { Mailer } from './mailer.js';

export interface SmtpTimeouts {
  /** For each step of the conversation: connecting, the greeting, silence. */
  readonly stepMs: number;
  /** For a whole mail, however slowly a server drips. */
  readonly mailMs: number;
}

const TIMEOUTS: SmtpTimeouts = { stepMs: 10_000, mailMs: 30_000 };

/** What went wrong, without what the server wrote: that may name the receiver. */
const causeOf = (error: unknown): string => {
  const { code, responseCode, command } = error as { code?: string; responseCode?: number; command?: string };
  return [code ?? 'unknown', responseCode, command].filter((part) => part !== undefined).join(' ');
};

/**
 * Hands mails to an SMTP server, each on a connection of its own.
 * @param url `smtps://user:password@host:465`, or `smtp://host:587`, which must offer STARTTLS unless it is on loopback
 * @param from what mails come from: an address, or `Name <address>`
 */
export const createSmtpMailer = (url: string, from: string, { stepMs, mailMs }: SmtpTimeouts = TIMEOUTS): Mailer => {
  const { hostname } = new URL(url);
  const loopback = hostname === 'localhost' || hostname === '127.0.0.1' || hostname === '[::1]';
  const transport = createTransport(
    {
      url,
      requireTLS: !loopback,
      dnsTimeout: stepMs,
      connectionTimeout: stepMs,
      greetingTimeout: stepMs,
      socketTimeout: stepMs,
    },
    // No text is ever taken for a file's name or an address to fetch; nobody's out-of-office note answers (RFC 3834).
    { from, disableFileAccess: true, disableUrlAccess: true, headers: { 'auto-submitted': 'auto-generated' } },
  );
  return {
    send: async (mail) => {
      checkHeaders(mail);
      const { to, subject, text } = mail;
      try {
        await transport.sendMail({ to: { name: '', address: to }, subject, text, signal: AbortSignal.timeout(mailMs) });
      } catch (error) {
        throw new MailNotSentError(causeOf(error));
      }
    },
  };
};
