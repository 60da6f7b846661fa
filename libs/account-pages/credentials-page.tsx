import type { ComponentChildren, VNode } from 'preact';
import { Field } from '#libs/web/form-field.js';
import type { FieldProps } from '#libs/web/form-field.js';
import { useLanguage } from '#libs/web/language.js';
import { CsrfField, Page } from '#libs/web/layout.js';
import type { Message } from '#libs/web/messages.js';
import { ACCOUNT_TEXTS as texts } from './texts.js';

export interface ChangePageProps {
  readonly title: Message;
  readonly explanation?: Message;
  readonly action: string;
  readonly field: FieldProps;
  readonly button: Message;
  readonly csrf: string;
  readonly children?: ComponentChildren;
}

/** One thing of the account to change. */
export const ChangePage = ({ title, explanation, action, field, button, csrf, children }: ChangePageProps): VNode => {
  const { t } = useLanguage();
  return (
    <Page title={t(title)}>
      <div class="card narrow">
        <h1>{t(title)}</h1>
        {explanation && <p>{t(explanation)}</p>}
        <form method="post" action={action}>
          <CsrfField token={csrf} />
          <Field {...field} />
          <button class="wide" type="submit">
            {t(button)}
          </button>
        </form>
        {children}
        <p>
          <a href="/account">{t(texts.backToAccount)}</a>
        </p>
      </div>
    </Page>
  );
};

interface DangerousActionProps {
  readonly action: string;
  readonly button: Message;
  readonly csrf: string;
}

/** A second form of such a page. */
export const DangerousAction = ({ action, button, csrf }: DangerousActionProps): VNode => {
  const { t } = useLanguage();
  return (
    <form method="post" action={action}>
      <CsrfField token={csrf} />
      <button class="wide danger" type="submit">
        {t(button)}
      </button>
    </form>
  );
};

/** Where a verification mail leads: opening it alone proves nothing, since mail scanners open links too. */
export const VerificationPage = ({ action, csrf }: { readonly action: string; readonly csrf: string }): VNode => {
  const { t } = useLanguage();
  return (
    <Page title={t(texts.isThisYourAddress)}>
      <div class="card narrow">
        <h1>{t(texts.isThisYourAddress)}</h1>
        <p>{t(texts.verificationExplanation)}</p>
        <form method="post" action={action}>
          <CsrfField token={csrf} />
          <button class="wide" type="submit">
            {t(texts.yesItIsMine)}
          </button>
        </form>
        <p>
          <a href="/account">{t(texts.backToAccount)}</a>
        </p>
      </div>
    </Page>
  );
};
