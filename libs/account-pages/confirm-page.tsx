import type { VNode } from 'preact';
import { Field } from '#libs/web/form-field.js';
import { useLanguage } from '#libs/web/language.js';
import { CsrfField, Monogram } from '#libs/web/layout.js';
import type { Message } from '#libs/web/messages.js';
import { SIGN_IN_TEXTS } from '#libs/sign-in/texts.js';
import { StepPage } from './account-frame.js';
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
export const ConfirmIdentityPage = ({
  returnTo,
  hasPassword,
  identities,
  csrf,
  error,
}: ConfirmIdentityPageProps): VNode => {
  const { t } = useLanguage();
  return (
    <StepPage title={t(texts.confirmTitle)}>
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
      {hasPassword && identities.length > 0 && <div class="or">{t(SIGN_IN_TEXTS.or)}</div>}
      {identities.length > 0 && (
        <div class="providers">
          {identities.map(({ claimId, providerName }) => (
            <form method="post" action={`/account/confirm/identities/${claimId}`} key={claimId}>
              <CsrfField token={csrf} />
              <input type="hidden" name="return" value={returnTo} />
              <button class="wide quiet provider" type="submit">
                <Monogram of={providerName} />
                {t(texts.confirmWith, { provider: providerName })}
              </button>
            </form>
          ))}
        </div>
      )}
    </StepPage>
  );
};
