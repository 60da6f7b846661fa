import type { VNode } from 'preact';
import { Field } from '#libs/web/form-field.js';
import { useLanguage } from '#libs/web/language.js';
import { Card, CsrfField, Page } from '#libs/web/layout.js';
import type { Message } from '#libs/web/messages.js';
import { SIGN_IN_TEXTS as texts } from '../texts.js';

export interface MailRequestPageProps {
  readonly title: Message;
  readonly explanation: Message;
  readonly action: string;
  readonly csrf: string;
  readonly organizationId: string;
  readonly signInHref: string;
  readonly email?: string | undefined;
  readonly error?: Message | undefined;
}

/** Asks for an address to send a mail to: one that recovers an account, or one that proves an address. */
export const MailRequestPage = ({
  title,
  explanation,
  action,
  csrf,
  organizationId,
  signInHref,
  email,
  error,
}: MailRequestPageProps): VNode => {
  const { t } = useLanguage();
  return (
    <Page title={t(title)}>
      <Card>
        <h1>{t(title)}</h1>
        <p>{t(explanation)}</p>
        <form method="post" action={action}>
          <CsrfField token={csrf} />
          <input type="hidden" name="organization" value={organizationId} />
          <Field name="email" label={texts.email} type="email" autocomplete="email" value={email} error={error} />
          <button class="wide" type="submit">
            {t(texts.sendTheMail)}
          </button>
        </form>
        <p class="foot">
          <a href={signInHref}>{t(texts.backToSignIn)}</a>
        </p>
      </Card>
    </Page>
  );
};
