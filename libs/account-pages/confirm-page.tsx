import type { VNode } from 'preact';
import { Field } from '#libs/web/form-field.js';
import { useLanguage } from '#libs/web/language.js';
import { CsrfField, Page } from '#libs/web/layout.js';
import type { Message } from '#libs/web/messages.js';
import { ACCOUNT_TEXTS as texts } from './texts.js';

export interface ConfirmIdentityPageProps {
  readonly returnTo: string;
  readonly hasPassword: boolean;
  /** Linked identities that the person can confirm with. */
  readonly identities: readonly { readonly claimId: string; readonly providerName: string }[];
  readonly csrf: string;
  readonly error?: Message | undefined;
}

/** Before a sensitive change: prove again who you are. */
export const ConfirmIdentityPage = ({ returnTo, hasPassword, identities, csrf, error }: ConfirmIdentityPageProps): VNode => {
  const { t } = useLanguage();
  return (
    <Page title={t(texts.confirmTitle)}>
      <div class="card narrow">
        <h1>{t(texts.confirmTitle)}</h1>
        <p>{t(texts.confirmExplanation)}</p>
        {hasPassword && (
          <form method="post" action="/account/confirm/password">
            <CsrfField token={csrf} />
            <input type="hidden" name="return" value={returnTo} />
            <Field name="password" label={texts.password} type="password" autocomplete="current-password" error={error} />
            <button class="wide" type="submit">
              {t(texts.confirm)}
            </button>
          </form>
        )}
        {identities.map(({ claimId, providerName }) => (
          <form method="post" action={`/account/confirm/identities/${claimId}`} key={claimId}>
            <CsrfField token={csrf} />
            <input type="hidden" name="return" value={returnTo} />
            <button class={hasPassword ? 'wide quiet' : 'wide'} type="submit">
              {t(texts.confirmWith, { provider: providerName })}
            </button>
          </form>
        ))}
        <p>
          <a href="/account">{t(texts.backToAccount)}</a>
        </p>
      </div>
    </Page>
  );
};
