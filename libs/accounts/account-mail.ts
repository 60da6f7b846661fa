import type { Mailer } from '#libs/mail/mailer.js';
import type { Logger } from '#libs/platform/logger.js';
import type { MailTarget, MailTokens } from './mail-tokens.postgres.js';

/** The mails that prove that somebody owns an address. They name who asks, for what, and what to do when one did not ask (L11). */
export interface AccountMail {
  sendVerification(to: string, target: MailTarget, about: MailAbout): Promise<void>;
  sendRecovery(to: string, target: MailTarget, about: MailAbout): Promise<void>;
  /** Somebody asked for a recovery that a mail cannot give: the account has a way in that proves more (L30). */
  sendStrongerWayIn(to: string, organizationId: string, about: MailAbout): Promise<void>;
}

export interface MailAbout {
  /** What the organization is called. */
  readonly organizationName: string;
  /** The address of whoever asked, as far as it is known. */
  readonly requestedFrom: string | undefined;
}

export interface AccountMailDependencies {
  readonly issuer: string;
  readonly mailer: Mailer;
  readonly mailTokens: MailTokens;
  readonly logger: Logger;
}

export const createAccountMail = ({ issuer, mailer, mailTokens, logger }: AccountMailDependencies): AccountMail => {
  const send = async (to: string, subject: string, organizationId: string, lines: readonly string[]): Promise<void> => {
    try {
      await mailer.send({ to, subject, text: `${lines.join('\n\n')}\n`, organizationId });
    } catch (error) {
      // The person can ask again; an answer that told of it would tell that the address is known (L25).
      logger.error({ error: (error as Error).message, organizationId }, 'a mail could not be sent');
    }
  };
  const asked = ({ requestedFrom }: MailAbout): string =>
    `This was asked for${requestedFrom ? ` from the address ${requestedFrom}` : ''}. If it was not you, do nothing: without this mail nothing happens.`;
  return {
    sendVerification: async (to, target, about) => {
      const token = await mailTokens.issue('verify_email', target);
      await send(to, `${about.organizationName}: is this your e-mail address?`, target.organizationId, [
        `Somebody put ${to} on an account of ${about.organizationName}. If it was you, open this page in the browser that you are signed in with, within a day:`,
        `${issuer}/verify-email/${token}`,
        asked(about),
      ]);
    },
    sendRecovery: async (to, target, about) => {
      const token = await mailTokens.issue('recover_account', target);
      await send(to, `${about.organizationName}: a new password for your account`, target.organizationId, [
        'To choose a new password, open this page within half an hour. All sessions of the account end then.',
        `${issuer}/recovery/${token}`,
        asked(about),
      ]);
    },
    sendStrongerWayIn: (to, organizationId, about) =>
      send(to, `${about.organizationName}: how to get into your account`, organizationId, [
        'Your account has a way to sign in that is stronger than a mail: sign in with that one, and set a new password on your account page.',
        asked(about),
      ]),
  };
};
