import type { VNode } from 'preact';
import { CsrfField, Page } from '#libs/web/layout.js';

export interface SignInPageProps {
  readonly organizationName: string;
  readonly providers: readonly { readonly id: string; readonly displayName: string }[];
  /** Where a provider's button posts to. */
  readonly actionOf: (providerId: string) => string;
  readonly csrf: string;
}

export const SignInPage = ({ organizationName, providers, actionOf, csrf }: SignInPageProps): VNode => (
  <Page title="Sign in">
    <div class="card narrow">
      <p class="muted">{organizationName}</p>
      <h1>Sign in</h1>
      {providers.length === 0 && <p>Nobody can sign in here yet: this organization offers no identity provider. Ask its administrator.</p>}
      {providers.map(({ id, displayName }) => (
        <form method="post" action={actionOf(id)} key={id}>
          <CsrfField token={csrf} />
          <button class="wide" type="submit">{`Continue with ${displayName}`}</button>
        </form>
      ))}
    </div>
  </Page>
);
