import type { ComponentChildren, VNode } from 'preact';
import { Field } from '#libs/web/form-field.js';
import type { FieldProps } from '#libs/web/form-field.js';
import { CsrfField, Page } from '#libs/web/layout.js';

export interface ChangePageProps {
  readonly title: string;
  readonly explanation?: string;
  readonly action: string;
  readonly field: FieldProps;
  readonly button: string;
  readonly csrf: string;
  readonly children?: ComponentChildren;
}

/** One thing of the account to change. */
export const ChangePage = ({ title, explanation, action, field, button, csrf, children }: ChangePageProps): VNode => (
  <Page title={title}>
    <div class="card narrow">
      <h1>{title}</h1>
      {explanation && <p>{explanation}</p>}
      <form method="post" action={action}>
        <CsrfField token={csrf} />
        <Field {...field} />
        <button class="wide" type="submit">
          {button}
        </button>
      </form>
      {children}
      <p>
        <a href="/account">Back to your account</a>
      </p>
    </div>
  </Page>
);

/** A second form of such a page. */
export const DangerousAction = ({
  action,
  button,
  csrf,
}: {
  readonly action: string;
  readonly button: string;
  readonly csrf: string;
}): VNode => (
  <form method="post" action={action}>
    <CsrfField token={csrf} />
    <button class="wide danger" type="submit">
      {button}
    </button>
  </form>
);

/** Where a verification mail leads: opening it alone proves nothing, since mail scanners open links too. */
export const VerificationPage = ({ action, csrf }: { readonly action: string; readonly csrf: string }): VNode => (
  <Page title="Is this your address?">
    <div class="card narrow">
      <h1>Is this your address?</h1>
      <p>The address that the mail came to becomes the verified address of your account.</p>
      <form method="post" action={action}>
        <CsrfField token={csrf} />
        <button class="wide" type="submit">
          Yes, it is mine
        </button>
      </form>
      <p>
        <a href="/account">Back to your account</a>
      </p>
    </div>
  </Page>
);
