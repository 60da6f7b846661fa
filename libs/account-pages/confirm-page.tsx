import type { VNode } from 'preact';
import { Field } from '#libs/web/form-field.js';
import { CsrfField, Page } from '#libs/web/layout.js';

export interface ConfirmIdentityPageProps {
  readonly returnTo: string;
  readonly hasPassword: boolean;
  /** Linked identities that the person can confirm with. */
  readonly identities: readonly { readonly claimId: string; readonly providerName: string }[];
  readonly csrf: string;
  readonly error?: string | undefined;
}

/** Before a sensitive change: prove again who you are. */
export const ConfirmIdentityPage = ({ returnTo, hasPassword, identities, csrf, error }: ConfirmIdentityPageProps): VNode => (
  <Page title="Confirm that it is you">
    <div class="card narrow">
      <h1>Confirm that it is you</h1>
      <p>You are about to change how your account can be used. You will not be asked again for ten minutes.</p>
      {hasPassword && (
        <form method="post" action="/account/confirm/password">
          <CsrfField token={csrf} />
          <input type="hidden" name="return" value={returnTo} />
          <Field name="password" label="Password" type="password" autocomplete="current-password" error={error} />
          <button class="wide" type="submit">
            Confirm
          </button>
        </form>
      )}
      {identities.map(({ claimId, providerName }) => (
        <form method="post" action={`/account/confirm/identities/${claimId}`} key={claimId}>
          <CsrfField token={csrf} />
          <input type="hidden" name="return" value={returnTo} />
          <button class={hasPassword ? 'wide quiet' : 'wide'} type="submit">{`Confirm with ${providerName}`}</button>
        </form>
      ))}
      <p>
        <a href="/account">Back to your account</a>
      </p>
    </div>
  </Page>
);
