import type { VNode } from 'preact';
import { CsrfField, Page } from '#libs/web/layout.js';
import type { LinkedIdentity } from './account-dependencies.js';

const NOTICES: Readonly<Record<string, string>> = {
  linked: 'The identity is linked. You can sign in with it from now on.',
  already_linked: 'That identity was linked to your account already.',
  unlinked: 'The identity is unlinked, and the sessions that it had opened are ended.',
  password_set: 'The password is set, and all your other sessions are ended.',
  password_removed: 'The password is removed, and all your other sessions are ended.',
  email_sent: 'We sent a mail to that address. Open the page that it names in this browser.',
  email_verified: 'The address is verified. Check the identities below: unlink any that you do not know.',
  username_changed: 'The username is changed.',
  name_changed: 'The name is changed.',
};

const day = (date: Date): string => date.toISOString().slice(0, 10);
const minute = (date: Date): string => `${date.toISOString().slice(0, 16).replace('T', ' ')} UTC`;

export interface AccountPageProps {
  readonly userId: string;
  readonly displayName: string | null;
  readonly identities: readonly (LinkedIdentity & { readonly providerName: string })[];
  readonly linkable: readonly { readonly id: string; readonly displayName: string }[];
  readonly username: string | undefined;
  readonly email: string | undefined;
  readonly unverifiedEmail: string | undefined;
  readonly password: 'set' | 'none' | 'not_allowed';
  readonly notice: string | undefined;
  readonly csrf: string;
}

interface ProfileRowProps {
  readonly label: string;
  readonly value: string;
  readonly href: string;
  readonly action: string;
}

const ProfileRow = ({ label, value, href, action }: ProfileRowProps): VNode => (
  <li>
    <span class="grow">
      <strong>{label}</strong>
      <br />
      {value}
    </span>
    <a class="button quiet" href={href} aria-label={`${action} ${label.toLowerCase()}`}>
      {action}
    </a>
  </li>
);

const ProfileSection = ({ displayName, username, email, unverifiedEmail, password }: AccountPageProps): VNode => (
  <section class="card" aria-labelledby="profile">
    <h2 id="profile">You</h2>
    <ul class="plain">
      <ProfileRow label="Name" value={displayName ?? 'Not told'} href="/account/name" action="Change" />
      <ProfileRow label="Username" value={username ?? 'None'} href="/account/username" action={username ? 'Change' : 'Choose'} />
      <ProfileRow
        label="E-mail"
        value={`${email ? `${email} (verified)` : 'No verified address'}${unverifiedEmail ? `, ${unverifiedEmail} waits for its mail` : ''}`}
        href="/account/email"
        action={email ? 'Change' : 'Add'}
      />
      {password !== 'not_allowed' && (
        <ProfileRow
          label="Password"
          value={password === 'set' ? 'Set' : 'None'}
          href="/account/password"
          action={password === 'set' ? 'Change' : 'Set'}
        />
      )}
    </ul>
  </section>
);

export const AccountPage = (props: AccountPageProps): VNode => {
  const { userId, displayName, identities, linkable, notice, csrf } = props;
  return (
    <Page title="Your account">
      <nav>
        <h1 class="grow">{displayName ?? 'Your account'}</h1>
        <a href="/account/history">History</a>
        <form method="post" action="/account/sign-out">
          <CsrfField token={csrf} />
          <button class="quiet" type="submit">
            Sign out
          </button>
        </form>
      </nav>
      {notice && NOTICES[notice] && (
        <p class="notice" role="status">
          {NOTICES[notice]}
        </p>
      )}
      <ProfileSection {...props} />
      <section class="card" aria-labelledby="identities">
        <h2 id="identities">Linked identities</h2>
        <p class="muted">You can sign in with any of them; apps always see the same user.</p>
        <ul class="plain" id="linked-identities">
          {identities.map(({ claimId, providerName, nameAtProvider, linkedAt, lastUsedAt }) => (
            <li key={claimId}>
              <span class="grow">
                <strong>{providerName}</strong> {nameAtProvider}
                <br />
                <span class="muted">{`Since ${day(linkedAt)}${lastUsedAt ? `, last used ${minute(lastUsedAt)}` : ', not used yet'}`}</span>
              </span>
              <form method="post" action={`/account/identities/${claimId}/unlink`}>
                <CsrfField token={csrf} />
                <button class="danger" type="submit" aria-label={`Unlink ${providerName} ${nameAtProvider ?? ''}`}>
                  Unlink
                </button>
              </form>
            </li>
          ))}
        </ul>
      </section>
      {linkable.length > 0 && (
        <section class="card" aria-labelledby="link-another">
          <h2 id="link-another">Link another</h2>
          <div class="row">
            {linkable.map(({ id, displayName: name }) => (
              <form method="post" action={`/account/identities/link/${id}`} key={id}>
                <CsrfField token={csrf} />
                <button class="quiet" type="submit">{`Link ${name}`}</button>
              </form>
            ))}
          </div>
        </section>
      )}
      <p class="muted">
        Your user id:{' '}
        <span class="code" id="user-id">
          {userId}
        </span>
      </p>
    </Page>
  );
};

export interface ConfirmPageProps {
  readonly title: string;
  readonly explanation: string;
  readonly action: string;
  readonly button: string;
  readonly dangerous: boolean;
  readonly csrf: string;
}

/** After a re-authentication: what was about to be done, with a button to do it. */
export const ConfirmPage = ({ title, explanation, action, button, dangerous, csrf }: ConfirmPageProps): VNode => (
  <Page title={title}>
    <div class="card narrow">
      <h1>{title}</h1>
      <p>{explanation}</p>
      <form method="post" action={action}>
        <CsrfField token={csrf} />
        <button class={dangerous ? 'wide danger' : 'wide'} type="submit">
          {button}
        </button>
      </form>
      <p>
        <a href="/account">Back to your account</a>
      </p>
    </div>
  </Page>
);
