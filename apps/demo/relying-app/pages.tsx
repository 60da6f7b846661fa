import type { VNode } from 'preact';
import { Layout } from '../layout.js';
import type { SignedIn } from './sessions.js';

const SITE = { site: 'app', siteName: 'Demo app' } as const;

export const welcomePage = (): VNode => (
  <Layout title="Welcome" {...SITE}>
    <p>
      This app knows nobody. It leaves that to Ligature, and gets back one and the same subject however a person signs
      in.
    </p>
    <p class="actions">
      <a class="button" href="/sign-in">
        Sign in
      </a>
    </p>
  </Layout>
);

const Claims = ({
  caption,
  claims,
}: {
  readonly caption: string;
  readonly claims: Readonly<Record<string, unknown>>;
}): VNode => (
  <section>
    <h2>{caption}</h2>
    <table>
      <tbody>
        {Object.entries(claims).map(([name, value]) => (
          <tr key={name}>
            <th scope="row">{name}</th>
            <td>{typeof value === 'string' ? value : JSON.stringify(value)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  </section>
);

export const signedInPage = ({
  signedIn,
  accountUrl,
}: {
  readonly signedIn: SignedIn;
  readonly accountUrl: string;
}): VNode => (
  <Layout title="You are signed in" {...SITE}>
    <p>
      Your subject here: <code id="sub">{String(signedIn.idTokenClaims.sub)}</code>
    </p>
    <form class="actions" method="post" action="/sign-out">
      <a class="button" href={accountUrl}>
        My account
      </a>
      <button class="quiet">Sign out</button>
    </form>
    <Claims caption="ID token" claims={signedIn.idTokenClaims} />
    <Claims caption="UserInfo" claims={signedIn.userInfo} />
  </Layout>
);

export const problemPage = ({ code, message }: { readonly code: string; readonly message: string }): VNode => (
  <Layout title="You are not signed in" {...SITE}>
    <p>{message}</p>
    <p class="soft">
      Code: <code id="error">{code}</code>
    </p>
    <p class="actions">
      <a class="button" href="/sign-in">
        Try again
      </a>
      <a href="/">Back to the start</a>
    </p>
  </Layout>
);
