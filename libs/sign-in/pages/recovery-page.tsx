import type { VNode } from 'preact';
import { Field } from '#libs/web/form-field.js';
import { CsrfField, Page } from '#libs/web/layout.js';

export interface RecoveryRequestPageProps {
  readonly csrf: string;
  readonly organizationId: string;
  readonly email?: string | undefined;
  readonly error?: string | undefined;
}

export const RecoveryRequestPage = ({ csrf, organizationId, email, error }: RecoveryRequestPageProps): VNode => (
  <Page title="Forgot your password?">
    <div class="card narrow">
      <h1>Forgot your password?</h1>
      <p>Tell us the verified e-mail address of your account. We send you a mail with which you can choose a new password.</p>
      <form method="post" action="/recovery">
        <CsrfField token={csrf} />
        <input type="hidden" name="organization" value={organizationId} />
        <Field name="email" label="E-mail" type="email" autocomplete="email" value={email} error={error} />
        <button class="wide" type="submit">
          Send the mail
        </button>
      </form>
      <p>
        <a href="/sign-in">Back to sign-in</a>
      </p>
    </div>
  </Page>
);

/** The same for every address, known or unknown (L25). */
export const RecoverySentPage = (): VNode => (
  <Page title="Look into your mailbox">
    <div class="card narrow">
      <h1>Look into your mailbox</h1>
      <p>If an account has this verified address, a mail is on its way. It can be used for half an hour.</p>
      <p>
        <a href="/sign-in">Back to sign-in</a>
      </p>
    </div>
  </Page>
);

export interface NewPasswordPageProps {
  readonly action: string;
  readonly csrf: string;
  readonly error?: string | undefined;
}

export const NewPasswordPage = ({ action, csrf, error }: NewPasswordPageProps): VNode => (
  <Page title="Choose a new password">
    <div class="card narrow">
      <h1>Choose a new password</h1>
      <p>Every session of the account ends with it, and identities that were linked before its e-mail address was verified are unlinked.</p>
      <form method="post" action={action}>
        <CsrfField token={csrf} />
        <Field
          name="password"
          label="New password"
          type="password"
          autocomplete="new-password"
          hint="At least 10 characters."
          error={error}
        />
        <button class="wide" type="submit">
          Set the password
        </button>
      </form>
    </div>
  </Page>
);
