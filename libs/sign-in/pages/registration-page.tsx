import type { VNode } from 'preact';
import { Field, FormError } from '#libs/web/form-field.js';
import { useLanguage } from '#libs/web/language.js';
import { Card, CsrfField, Page } from '#libs/web/layout.js';
import type { AccountFormNeeds, TypedAccount } from './account-form.js';
import { formText, SIGN_IN_TEXTS as texts } from '../texts.js';

export interface AccountFieldsProps {
  readonly typed: TypedAccount;
  readonly errors: Readonly<Record<string, string>>;
  readonly needs: AccountFormNeeds;
}

/** The fields of a new account. */
export const AccountFields = ({ typed, errors, needs }: AccountFieldsProps): VNode => (
  <>
    <Field
      name="displayName"
      label={texts.yourName}
      autocomplete="name"
      value={typed.displayName}
      error={formText(errors.displayName)}
      required={false}
    />
    {needs.username !== 'none' && (
      <Field
        name="username"
        label={texts.username}
        autocomplete="username"
        value={typed.username}
        error={formText(errors.username)}
        required={needs.username === 'required'}
      />
    )}
    <Field
      name="email"
      label={texts.email}
      type="email"
      autocomplete="email"
      value={typed.email}
      error={formText(errors.email)}
      required={needs.email === 'required'}
    />
    {needs.password && (
      <Field
        name="password"
        label={texts.password}
        type="password"
        autocomplete="new-password"
        hint={texts.passwordHint}
        error={formText(errors.password)}
      />
    )}
  </>
);

export interface RegistrationPageProps extends AccountFieldsProps {
  readonly action: string;
  readonly signInHref: string;
  readonly csrf: string;
}

export const RegistrationPage = ({ action, signInHref, csrf, ...fields }: RegistrationPageProps): VNode => {
  const { t } = useLanguage();
  return (
    <Page title={t(texts.createAccount)}>
      <Card>
        <h1>{t(texts.createAccount)}</h1>
        <FormError text={formText(fields.errors.form)} />
        <form method="post" action={action}>
          <CsrfField token={csrf} />
          <AccountFields {...fields} />
          <button class="wide" type="submit">
            {t(texts.createTheAccount)}
          </button>
        </form>
        <p class="foot">
          <span>
            {t(texts.haveOneAlready)} <a href={signInHref}>{t(texts.signIn)}</a>
          </span>
        </p>
      </Card>
    </Page>
  );
};
