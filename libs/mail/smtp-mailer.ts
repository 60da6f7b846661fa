import { createTransport } from 'nodemailer';
import type { Mailer } from './mailer.js';

/** Nobody's request waits for a mail server that hangs longer than this, in milliseconds. */
const TIMEOUT_MS = 10_000;

/**
 * Hands mails to an SMTP server.
 * @param url `smtps://user:password@host:465`, or `smtp://host:587`, which must offer STARTTLS unless it is on loopback
 * @param from what mails come from: an address, or `Name <address>`
 */
export const createSmtpMailer = (url: string, from: string): Mailer => {
  const { hostname } = new URL(url);
  const loopback = hostname === 'localhost' || hostname === '127.0.0.1' || hostname === '[::1]';
  const transport = createTransport(
    { url, connectionTimeout: TIMEOUT_MS, greetingTimeout: TIMEOUT_MS, socketTimeout: TIMEOUT_MS, requireTLS: !loopback },
    { from },
  );
  return {
    send: async ({ to, subject, text }) => {
      if (/[\r\n]/.test(to) || /[\r\n]/.test(subject)) throw new Error('A line break in the header of a mail');
      await transport.sendMail({ to, subject, text });
    },
  };
};
