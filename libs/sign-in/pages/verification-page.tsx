import type { VNode } from 'preact';
import { Field } from '#libs/web/form-field.js';
import { useLanguage } from '#libs/web/language.js';
import { Card, CsrfField, Page } from '#libs/web/layout.js';
import type { Message } from '#libs/web/messages.js';
import { SIGN_IN_TEXTS as texts } from '../texts.js';

export interface MailSentPageProps {
  readonly explanation: Message;
  readonly signInHref: string;
}

/** The same for every address, known or unknown (L25). */
export const MailSentPage = ({ explanation, signInHref }: MailSentPageProps): VNode => {
  const { t } = useLanguage();
  return (
    <Page title={t(texts.lookIntoMailbox)}>
      <Card>
        <h1>{t(texts.lookIntoMailbox)}</h1>
        <p>{t(explanation)}</p>
        <p class="foot">
          <a href={signInHref}>{t(texts.backToSignIn)}</a>
        </p>
      </Card>
    </Page>
  );
};

export interface VerificationPageProps {
  readonly action: string;
  readonly csrf: string;
  /** In a browser without a session of the account. */
  readonly asksPassword: boolean;
  readonly error?: Message | undefined;
}

/** Where a verification mail leads: opening it alone proves nothing, since mail scanners open links too. */
export const VerificationPage = ({ action, csrf, asksPassword, error }: VerificationPageProps): VNode => {
  const { t } = useLanguage();
  return (
    <Page title={t(texts.isThisYourAddress)}>
      <Card>
        <h1>{t(texts.isThisYourAddress)}</h1>
        <p>{t(texts.verificationExplanation)}</p>
        {asksPassword && <p>{t(texts.verificationByPassword)}</p>}
        <form method="post" action={action}>
          <CsrfField token={csrf} />
          {asksPassword && (
            <Field
              name="password"
              label={texts.password}
              type="password"
              autocomplete="current-password"
              error={error}
            />
          )}
          <button class="wide" type="submit">
            {t(texts.yesItIsMine)}
          </button>
        </form>
      </Card>
    </Page>
  );
};
