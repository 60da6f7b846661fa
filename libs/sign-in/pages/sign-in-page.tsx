import type { VNode } from 'preact';
import { Field, FormError } from '#libs/web/form-field.js';
import { useLanguage } from '#libs/web/language.js';
import { Card, CsrfField, Monogram, Page } from '#libs/web/layout.js';
import type { Message } from '#libs/web/messages.js';
import { SIGN_IN_TEXTS as texts } from '../texts.js';

export interface WaysInProps {
  /** `away`: it does not answer now (C7). */
  readonly providers: readonly { readonly id: string; readonly displayName: string; readonly away?: boolean }[];
  /** Where a provider's button posts to. */
  readonly actionOf: (providerId: string) => string;
  /** Where the password form posts to; none where passwords are not allowed. */
  readonly passwordAction: string | undefined;
  readonly loginNameLabel: Message;
  readonly csrf: string;
  readonly loginName?: string | undefined;
  readonly error?: Message | undefined;
}

/** The ways to sign in: password, providers, or both. */
export const WaysIn = ({
  providers,
  actionOf,
  passwordAction,
  loginNameLabel,
  csrf,
  loginName,
  error,
}: WaysInProps): VNode => {
  const { t } = useLanguage();
  return (
    <>
      <FormError text={error} />
      {passwordAction !== undefined && (
        <form method="post" action={passwordAction}>
          <CsrfField token={csrf} />
          <Field name="login" label={loginNameLabel} autocomplete="username" value={loginName} />
          <Field name="password" label={texts.password} type="password" autocomplete="current-password" />
          <button class="wide" type="submit">
            {t(texts.signIn)}
          </button>
        </form>
      )}
      {passwordAction !== undefined && providers.length > 0 && <div class="or">{t(texts.or)}</div>}
      {providers.length > 0 && (
        <div class="providers">
          {providers.map(({ id, displayName, away }) => (
            <form method="post" action={actionOf(id)} key={id}>
              <CsrfField token={csrf} />
              <button class="wide quiet provider" type="submit">
                <Monogram of={displayName} />
                {t(texts.continueWith, { provider: displayName })}
              </button>
              {away && (
                <p class="muted" role="status">
                  {t(texts.doesNotAnswer, { provider: displayName })}
                </p>
              )}
            </form>
          ))}
        </div>
      )}
    </>
  );
};

export interface SignInPageProps extends WaysInProps {
  /** The app that waits; none for the account pages. */
  readonly app: { readonly name: string; readonly abandonAction: string } | undefined;
  /** The app that asks for a fresh authentication; none asks for one. */
  readonly proofFor: string | undefined;
  /** What providers are called that are not offered because they cannot prove one. */
  readonly cannotProve: readonly string[];
  readonly registrationHref: string | undefined;
  readonly recoveryHref: string | undefined;
  /** Where somebody asks for a verification mail again, whose address is what they sign in with. */
  readonly verificationHref: string | undefined;
}

export const SignInPage = ({
  app,
  proofFor,
  cannotProve,
  registrationHref,
  recoveryHref,
  verificationHref,
  ...waysIn
}: SignInPageProps): VNode => {
  const { t } = useLanguage();
  return (
    <Page title={t(texts.signIn)}>
      <Card>
        <h1>{t(texts.signIn)}</h1>
        {app && <p class="muted">{t(texts.toContinueTo, { app: app.name })}</p>}
        {proofFor !== undefined && <p>{t(texts.signInAnew, { app: proofFor })}</p>}
        {cannotProve.length > 0 && <p class="muted">{t(texts.cannotProve, { providers: cannotProve.join(', ') })}</p>}
        {waysIn.providers.length === 0 && waysIn.passwordAction === undefined && <p>{t(texts.noWayIn)}</p>}
        <WaysIn {...waysIn} />
        {(recoveryHref ?? registrationHref ?? verificationHref) && (
          <div class="foot">
            {recoveryHref && <a href={recoveryHref}>{t(texts.forgotPassword)}</a>}
            {registrationHref && (
              <span>
                {t(texts.newHere)} <a href={registrationHref}>{t(texts.createAccount)}</a>
              </span>
            )}
            {verificationHref && <a href={verificationHref}>{t(texts.mailNeverCame)}</a>}
          </div>
        )}
      </Card>
      {app && (
        <form method="post" action={app.abandonAction}>
          <CsrfField token={waysIn.csrf} />
          <button class="as-link" type="submit">
            {t(texts.backToApp, { app: app.name })}
          </button>
        </form>
      )}
    </Page>
  );
};
