import type { VNode } from 'preact';
import { Field } from '#libs/web/form-field.js';
import { useLanguage } from '#libs/web/language.js';
import { Card, CsrfField, Page } from '#libs/web/layout.js';
import type { Message } from '#libs/web/messages.js';
import { SIGN_IN_TEXTS as texts } from '../texts.js';

export interface NewPasswordPageProps {
  readonly action: string;
  readonly csrf: string;
  readonly error?: Message | undefined;
}

export const NewPasswordPage = ({ action, csrf, error }: NewPasswordPageProps): VNode => {
  const { t } = useLanguage();
  return (
    <Page title={t(texts.chooseNewPassword)}>
      <Card>
        <h1>{t(texts.chooseNewPassword)}</h1>
        <p>{t(texts.newPasswordExplanation)}</p>
        <form method="post" action={action}>
          <CsrfField token={csrf} />
          <Field
            name="password"
            label={texts.newPassword}
            type="password"
            autocomplete="new-password"
            hint={texts.passwordHint}
            error={error}
          />
          <button class="wide" type="submit">
            {t(texts.setThePassword)}
          </button>
        </form>
      </Card>
    </Page>
  );
};
