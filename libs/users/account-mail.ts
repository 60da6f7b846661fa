import type { Mailer } from '#libs/mail/mailer.js';
import type { Logger } from '#libs/platform/logger.js';
import type { IndexKeys } from '#libs/privacy/index-key.js';
import type { Language } from '#libs/web/messages.js';
import { MAIL_TEXTS as texts } from './mail-texts.js';
import type { MailTarget, MailTokens } from './mail-tokens.postgres.js';
import type { PendingAddresses } from './pending-addresses.postgres.js';
import { pendingAddressKey } from './streams.js';

/**
 * The mails that prove that somebody owns an address. They name who asks, for what, and what to do when one did not ask
 * (L11).
 */
export interface AccountMail {
  /** From then on the mail can be asked for again. */
  sendVerification(
    to: { readonly address: string; readonly canonical: string },
    target: MailTarget,
    about: MailAbout,
  ): Promise<void>;
  sendRecovery(to: string, target: MailTarget, about: MailAbout): Promise<void>;
  /** Somebody asked for a recovery that a mail cannot give: the account has a way in that proves more (L30). */
  sendStrongerWayIn(to: string, organizationId: string, about: MailAbout): Promise<void>;
}

export interface MailAbout {
  /** What the organization is called. */
  readonly organizationName: string;
  /** The address of whoever asked, as far as it is known. */
  readonly requestedFrom: string | undefined;
  /** Of whoever asked. */
  readonly language: Language;
}

export interface AccountMailDependencies {
  readonly issuer: string;
  readonly mailer: Mailer;
  readonly mailTokens: MailTokens;
  readonly pendingAddresses: PendingAddresses;
  readonly indexKeys: IndexKeys;
  readonly logger: Logger;
}

export const createAccountMail = (dependencies: AccountMailDependencies): AccountMail => {
  const { issuer, mailer, mailTokens, pendingAddresses, indexKeys, logger } = dependencies;
  const send = async (to: string, subject: string, organizationId: string, lines: readonly string[]): Promise<void> => {
    try {
      await mailer.send({ to, subject, text: `${lines.join('\n\n')}\n`, organizationId });
    } catch (error) {
      // The person can ask again; an answer that told of it would tell that the address is known (L25).
      logger.error({ error: (error as Error).message, organizationId }, 'a mail could not be sent');
    }
  };
  const asked = ({ requestedFrom, language: { t } }: MailAbout): string =>
    requestedFrom ? t(texts.askedFrom, { address: requestedFrom }) : t(texts.asked);
  return {
    sendVerification: async ({ address, canonical }, target, about) => {
      const { t } = about.language;
      const organization = about.organizationName;
      const { userId, emailId, organizationId } = target;
      await pendingAddresses.remember(pendingAddressKey(indexKeys, organizationId, canonical), { userId, emailId });
      const token = await mailTokens.issue('verify_email', target);
      await send(address, t(texts.verificationSubject, { organization }), organizationId, [
        t(texts.verification, { address, organization }),
        `${issuer}/verify-email/${token}`,
        asked(about),
      ]);
    },
    sendRecovery: async (to, target, about) => {
      const { t } = about.language;
      const token = await mailTokens.issue('recover_account', target);
      await send(to, t(texts.recoverySubject, { organization: about.organizationName }), target.organizationId, [
        t(texts.recovery),
        `${issuer}/recovery/${token}`,
        asked(about),
      ]);
    },
    sendStrongerWayIn: (to, organizationId, about) =>
      send(to, about.language.t(texts.strongerWaySubject, { organization: about.organizationName }), organizationId, [
        about.language.t(texts.strongerWay),
        asked(about),
      ]),
  };
};
