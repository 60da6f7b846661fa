import type { VNode } from 'preact';
import { FormError } from '#libs/web/form-field.js';
import { CsrfField, Page } from '#libs/web/layout.js';
import { AccountFields } from './registration-page.js';
import type { AccountFieldsProps } from './registration-page.js';
import { WaysIn } from './sign-in-page.js';
import type { WaysInProps } from './sign-in-page.js';

export interface PendingLinkPageProps {
  readonly organizationName: string;
  readonly providerName: string;
  /** What the person is called there. */
  readonly nameAtProvider: string | undefined;
  /** Creating an account; none where that is not allowed. */
  readonly create: (AccountFieldsProps & { readonly action: string }) | undefined;
  /** Signing in to an account of one's own, to link; none where that is not allowed. */
  readonly link: WaysInProps | undefined;
  readonly declineAction: string;
  readonly csrf: string;
  readonly error?: string | undefined;
}

/**
 * An identity that nobody owns: create an account, or sign in to one and link. The page is the same whether or not an account was found that it
 * might belong to (L25).
 */
export const PendingLinkPage = (props: PendingLinkPageProps): VNode => {
  const { organizationName, providerName, nameAtProvider, create, link, declineAction, csrf, error } = props;
  return (
    <Page title="One more step">
      <div class="card narrow">
        <p class="muted">{organizationName}</p>
        <h1>One more step</h1>
        <p>
          You signed in at {providerName}
          {nameAtProvider ? ` as ${nameAtProvider}` : ''}. No account here is linked to it yet.
        </p>
        <FormError text={error} />
      </div>
      {link && (
        <section class="card narrow" aria-labelledby="link">
          <h2 id="link">I have an account</h2>
          <p class="muted">Sign in to it as you did before. {providerName} is linked to it then.</p>
          <WaysIn {...link} />
        </section>
      )}
      {create && (
        <section class="card narrow" aria-labelledby="create">
          <h2 id="create">I am new here</h2>
          <form method="post" action={create.action}>
            <CsrfField token={csrf} />
            <AccountFields {...create} />
            <button class="wide" type="submit">
              Create an account
            </button>
          </form>
        </section>
      )}
      <form method="post" action={declineAction} class="narrow">
        <CsrfField token={csrf} />
        <button class="wide quiet" type="submit">
          Do something else
        </button>
      </form>
    </Page>
  );
};
