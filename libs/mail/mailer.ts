export interface Mail {
  readonly to: string;
  readonly subject: string;
  readonly text: string;
  /** The organization that it is sent for. */
  readonly organizationId: string;
}

/** The port through which mail leaves. */
export interface Mailer {
  /** Resolves when the mail was handed over. @throws when it was not */
  send(mail: Mail): Promise<void>;
}
