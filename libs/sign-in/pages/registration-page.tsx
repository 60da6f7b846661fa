import type { VNode } from 'preact';
import { Field } from '#libs/web/form-field.js';
import { CsrfField, Page } from '#libs/web/layout.js';
import type { AccountFormNeeds, TypedAccount } from './account-form.js';
import { formText } from './sign-in-texts.js';

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
      label="Your name"
      autocomplete="name"
      value={typed.displayName}
      error={formText(errors.displayName)}
      required={false}
    />
    {needs.username !== 'none' && (
      <Field
        name="username"
        label="Username"
        autocomplete="username"
        value={typed.username}
        error={formText(errors.username)}
        required={needs.username === 'required'}
      />
    )}
    <Field
      name="email"
      label="E-mail"
      type="email"
      autocomplete="email"
      value={typed.email}
      error={formText(errors.email)}
      required={needs.email === 'required'}
    />
    {needs.password && (
      <Field
        name="password"
        label="Password"
        type="password"
        autocomplete="new-password"
        hint="At least 10 characters."
        error={formText(errors.password)}
      />
    )}
  </>
);

export interface RegistrationPageProps extends AccountFieldsProps {
  readonly organizationName: string;
  readonly action: string;
  readonly signInHref: string;
  readonly csrf: string;
}

export const RegistrationPage = ({ organizationName, action, signInHref, csrf, ...fields }: RegistrationPageProps): VNode => (
  <Page title="Create an account">
    <div class="card narrow">
      <p class="muted">{organizationName}</p>
      <h1>Create an account</h1>
      <form method="post" action={action}>
        <CsrfField token={csrf} />
        <AccountFields {...fields} />
        <button class="wide" type="submit">
          Create the account
        </button>
      </form>
      <p>
        Have one already? <a href={signInHref}>Sign in</a>
      </p>
    </div>
  </Page>
);
