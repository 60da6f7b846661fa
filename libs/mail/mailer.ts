export interface Mail {
  /** One address, as `parseEmailAddress` takes it. */
  readonly to: string;
  readonly subject: string;
  readonly text: string;
  /** The organization that it is sent for. */
  readonly organizationId: string;
}

/** The port through which mail leaves. */
export interface Mailer {
  /** Resolves when the mail was handed over. @throws {MailNotSentError} when it was not, or nobody knows */
  send(mail: Mail): Promise<void>;
}

/** A mail was not handed over. The message names the cause and no address: it is for the log. */
export class MailNotSentError extends Error {
  readonly code = 'mail_not_sent';
  constructor(cause: string) {
    super(`A mail could not be sent: ${cause}`);
  }
}

/**
 * What goes into a mail's head is one line without control characters, and its receiver is one address, so that nobody
 * adds a line or a receiver (header injection; L26).
 * @throws {MailNotSentError}
 */
export const checkHeaders = ({ to, subject }: Mail): void => {
  if (!/^[^\s\p{C}@,;:<>()[\]"\\]+@[^\s\p{C}@,;:<>()[\]"\\]+$/u.test(to))
    throw new MailNotSentError('its receiver is not one plain address');
  if (/[\p{Cc}\p{Zl}\p{Zp}]/u.test(subject)) throw new MailNotSentError('its subject has a control character');
};
