import type { VNode } from 'preact';
import { useLanguage } from '#libs/web/language.js';
import { CsrfField, Monogram } from '#libs/web/layout.js';
import { messageFor } from '#libs/web/messages.js';
import type { Message } from '#libs/web/messages.js';
import type { LinkedIdentity } from './account-dependencies.js';
import { AccountFrame, StepPage } from './account-frame.js';
import { ACCOUNT_TEXTS as texts, NOTICES } from './texts.js';

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
  readonly isAuditor: boolean;
}

interface ProfileRowProps {
  readonly label: Message;
  readonly value: string;
  readonly href: string;
  /** What the link says. */
  readonly action: Message;
  /** What the link says to whoever does not see what it stands beside. */
  readonly actionLabel: Message;
}

const ProfileRow = ({ label, value, href, action, actionLabel }: ProfileRowProps): VNode => {
  const { t } = useLanguage();
  return (
    <li>
      <span class="grow">
        <strong>{t(label)}</strong>
        <br />
        {value}
      </span>
      <a class="button quiet small" href={href} aria-label={t(actionLabel)}>
        {t(action)}
      </a>
    </li>
  );
};

const ProfileSection = ({ displayName, username, email, unverifiedEmail, password }: AccountPageProps): VNode => {
  const { t } = useLanguage();
  const addresses = [
    ...(email ? [t(texts.verifiedAddress, { address: email })] : []),
    ...(unverifiedEmail ? [t(texts.waitingAddress, { address: unverifiedEmail })] : []),
  ].join(', ');
  return (
    <section class="card" aria-labelledby="profile">
      <h2 id="profile">{t(texts.you)}</h2>
      <ul class="rows">
        <ProfileRow
          label={texts.name}
          value={displayName ?? t(texts.notTold)}
          href="/account/name"
          action={texts.change}
          actionLabel={texts.changeName}
        />
        <ProfileRow
          label={texts.username}
          value={username ?? t(texts.none)}
          href="/account/username"
          action={username ? texts.change : texts.choose}
          actionLabel={username ? texts.changeUsername : texts.chooseUsername}
        />
        <ProfileRow
          label={texts.email}
          value={addresses || t(texts.noVerifiedAddress)}
          href="/account/email"
          action={email ? texts.change : texts.add}
          actionLabel={email ? texts.changeEmail : texts.addEmail}
        />
        {password !== 'not_allowed' && (
          <ProfileRow
            label={texts.password}
            value={t(password === 'set' ? texts.passwordIsSet : texts.noPassword)}
            href="/account/password"
            action={password === 'set' ? texts.change : texts.set}
            actionLabel={password === 'set' ? texts.changePassword : texts.setPassword}
          />
        )}
      </ul>
    </section>
  );
};

const IdentitiesSection = ({ identities, csrf }: AccountPageProps): VNode => {
  const { t, date, moment } = useLanguage();
  return (
    <section class="card stack" aria-labelledby="identities">
      <h2 id="identities">{t(texts.linkedIdentities)}</h2>
      <p class="muted">{t(identities.length > 0 ? texts.linkedIdentitiesExplanation : texts.noLinkedIdentities)}</p>
      <ul class="rows" id="linked-identities" hidden={identities.length === 0}>
        {identities.map(({ claimId, providerName, nameAtProvider, linkedAt, lastUsedAt }) => (
          <li key={claimId}>
            <Monogram of={providerName} />
            <span class="grow">
              <strong>{providerName}</strong> {nameAtProvider}
              <br />
              <span class="muted">
                {lastUsedAt
                  ? t(texts.lastUsed, { day: date(linkedAt), moment: moment(lastUsedAt) })
                  : t(texts.notUsedYet, { day: date(linkedAt) })}
              </span>
            </span>
            <form method="post" action={`/account/identities/${claimId}/unlink`}>
              <CsrfField token={csrf} />
              <button
                class="danger small"
                type="submit"
                aria-label={t(texts.unlinkThis, { provider: providerName, name: nameAtProvider ?? '' })}
              >
                {t(texts.unlink)}
              </button>
            </form>
          </li>
        ))}
      </ul>
    </section>
  );
};

const LinkAnotherSection = ({ linkable, csrf }: AccountPageProps): VNode => {
  const { t } = useLanguage();
  return (
    <section class="card stack" aria-labelledby="link-another">
      <h2 id="link-another">{t(texts.linkAnother)}</h2>
      <p class="muted">{t(texts.linkAnotherExplanation)}</p>
      <div class="row">
        {linkable.map(({ id, displayName: provider }) => (
          <form method="post" action={`/account/identities/link/${id}`} key={id}>
            <CsrfField token={csrf} />
            <button class="quiet provider small" type="submit">
              <Monogram of={provider} />
              {t(texts.link, { provider })}
            </button>
          </form>
        ))}
      </div>
    </section>
  );
};

export const AccountPage = (props: AccountPageProps): VNode => {
  const { userId, displayName, linkable, csrf, isAuditor } = props;
  const { t } = useLanguage();
  return (
    <AccountFrame
      title={displayName ?? t(texts.yourAccount)}
      current="/account"
      csrf={csrf}
      isAuditor={isAuditor}
      notice={messageFor(NOTICES, props.notice ?? '')}
    >
      <ProfileSection {...props} />
      <IdentitiesSection {...props} />
      {linkable.length > 0 && <LinkAnotherSection {...props} />}
      <p class="muted">
        {t(texts.yourUserId)}{' '}
        <span class="code" id="user-id">
          {userId}
        </span>
      </p>
    </AccountFrame>
  );
};

interface ConfirmPageProps {
  readonly title: string;
  readonly explanation: string;
  readonly action: string;
  readonly button: string;
  readonly dangerous: boolean;
  readonly csrf: string;
}

/** After a re-authentication: what was about to be done, with a button to do it. */
const ConfirmPage = ({ title, explanation, action, button, dangerous, csrf }: ConfirmPageProps): VNode => (
  <StepPage title={title}>
    <p>{explanation}</p>
    <form method="post" action={action}>
      <CsrfField token={csrf} />
      <button class={dangerous ? 'wide danger' : 'wide'} type="submit">
        {button}
      </button>
    </form>
  </StepPage>
);

interface ConfirmLinkPageProps {
  readonly providerName: string;
  readonly action: string;
  readonly csrf: string;
}

export const ConfirmLinkPage = ({ providerName: provider, action, csrf }: ConfirmLinkPageProps): VNode => {
  const { t } = useLanguage();
  return (
    <ConfirmPage
      title={t(texts.link, { provider })}
      explanation={t(texts.linkExplanation, { provider })}
      action={action}
      button={t(texts.continueTo, { provider })}
      dangerous={false}
      csrf={csrf}
    />
  );
};

export interface ConfirmUnlinkPageProps {
  readonly identity: { readonly providerName: string; readonly nameAtProvider: string | null } | undefined;
  readonly action: string;
  readonly csrf: string;
}

export const ConfirmUnlinkPage = ({ identity, action, csrf }: ConfirmUnlinkPageProps): VNode => {
  const { t } = useLanguage();
  return (
    <ConfirmPage
      title={
        identity
          ? t(texts.unlinkThis, { provider: identity.providerName, name: identity.nameAtProvider ?? '' }).trim()
          : t(texts.unlinkTitle)
      }
      explanation={t(texts.unlinkExplanation)}
      action={action}
      button={t(texts.unlink)}
      dangerous={true}
      csrf={csrf}
    />
  );
};
