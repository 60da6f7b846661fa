import type { VNode } from 'preact';
import { Field, FormError } from '#libs/web/form-field.js';
import { CsrfField, Page } from '#libs/web/layout.js';

export interface WaysInProps {
  readonly providers: readonly { readonly id: string; readonly displayName: string }[];
  /** Where a provider's button posts to. */
  readonly actionOf: (providerId: string) => string;
  /** Where the password form posts to; none where passwords are not allowed. */
  readonly passwordAction: string | undefined;
  readonly loginNameLabel: string;
  readonly csrf: string;
  readonly loginName?: string | undefined;
  readonly error?: string | undefined;
}

/** The ways to sign in: password, providers, or both. */
export const WaysIn = ({ providers, actionOf, passwordAction, loginNameLabel, csrf, loginName, error }: WaysInProps): VNode => (
  <>
    <FormError text={error} />
    {passwordAction !== undefined && (
      <form method="post" action={passwordAction}>
        <CsrfField token={csrf} />
        <Field name="login" label={loginNameLabel} autocomplete="username" value={loginName} />
        <Field name="password" label="Password" type="password" autocomplete="current-password" />
        <button class="wide" type="submit">
          Sign in
        </button>
      </form>
    )}
    {passwordAction !== undefined && providers.length > 0 && <div class="or">or</div>}
    {providers.map(({ id, displayName }) => (
      <form method="post" action={actionOf(id)} key={id}>
        <CsrfField token={csrf} />
        <button class={passwordAction === undefined ? 'wide' : 'wide quiet'} type="submit">{`Continue with ${displayName}`}</button>
      </form>
    ))}
  </>
);

export interface SignInPageProps extends WaysInProps {
  readonly organizationName: string;
  readonly registrationHref: string | undefined;
  readonly recoveryHref: string | undefined;
}

export const SignInPage = ({ organizationName, registrationHref, recoveryHref, ...waysIn }: SignInPageProps): VNode => (
  <Page title="Sign in">
    <div class="card narrow">
      <p class="muted">{organizationName}</p>
      <h1>Sign in</h1>
      {waysIn.providers.length === 0 && waysIn.passwordAction === undefined && (
        <p>Nobody can sign in here yet: this organization offers no way to. Ask its administrator.</p>
      )}
      <WaysIn {...waysIn} />
      {recoveryHref && (
        <p>
          <a href={recoveryHref}>Forgot your password?</a>
        </p>
      )}
      {registrationHref && (
        <p>
          New here? <a href={registrationHref}>Create an account</a>
        </p>
      )}
    </div>
  </Page>
);
