import type { KoaContextWithOIDC } from 'oidc-provider';
import type { VNode } from 'preact';
import type { Branding } from '#libs/web/branding.js';
import { ErrorReference } from '#libs/web/error-page.js';
import { Field, FormError } from '#libs/web/form-field.js';
import { useLanguage } from '#libs/web/language.js';
import { Card, Page, renderPage } from '#libs/web/layout.js';
import { languageFor } from '#libs/web/locale.js';
import type { Message } from '#libs/web/messages.js';
import { pageHeaders } from '#libs/web/security-headers.js';
import { OPENID_TEXTS as texts } from './texts.js';

/** Of the organization that a page is about; nothing where that is not known. */
type Look = Branding | undefined;

/** Answers with a page, in the person's language. @param formTargets origins that its forms may lead to */
const render = (ctx: KoaContextWithOIDC, branding: Look, page: VNode, formTargets: readonly string[] = []): string => {
  ctx.set(pageHeaders(formTargets, branding?.logoUrl));
  ctx.vary('accept-language');
  ctx.type = 'html';
  return renderPage(page, { language: languageFor(ctx, ctx.oidc?.params?.ui_locales), branding });
};

const SignOutPage = ({ action, xsrf }: FormFields): VNode => {
  const { t } = useLanguage();
  return (
    <Page title={t(texts.signOut)}>
      <Card>
        <h1>{t(texts.signOutQuestion)}</h1>
        <p>{t(texts.signOutExplanation)}</p>
        <form method="post" action={action}>
          <input type="hidden" name="xsrf" value={xsrf} />
          <div class="providers">
            <button class="wide" type="submit" name="logout" value="yes">
              {t(texts.signOut)}
            </button>
            <button class="wide quiet" type="submit">
              {t(texts.staySignedIn)}
            </button>
          </div>
        </form>
      </Card>
    </Page>
  );
};

/**
 * Asks whether to sign out (RP-Initiated Logout 1.0, section 2: the OP asks, P7).
 * @param form oidc-provider's form, id `op.logoutForm`
 */
export const signOutPage = (ctx: KoaContextWithOIDC, branding: Look, form: string): string => {
  const target = ctx.oidc.session?.state?.postLogoutRedirectUri;
  return render(
    ctx,
    branding,
    <SignOutPage {...formFields(form)} />,
    typeof target === 'string' ? [new URL(target).origin] : [],
  );
};

const AnsweredPage = ({ title, heading }: { readonly title: Message; readonly heading: Message }): VNode => {
  const { t } = useLanguage();
  return (
    <Page title={t(title)}>
      <Card>
        <h1>{t(heading)}</h1>
        <p>{t(texts.closeThisPage)}</p>
      </Card>
    </Page>
  );
};

export const signedOutPage = (ctx: KoaContextWithOIDC, branding: Look): string =>
  render(ctx, branding, <AnsweredPage title={texts.signedOut} heading={texts.youAreSignedOut} />);

/** The person chose to stay, and no app waits for them. */
export const stillSignedInPage = (ctx: KoaContextWithOIDC, branding: Look): string =>
  render(ctx, branding, <AnsweredPage title={texts.stillSignedIn} heading={texts.youAreStillSignedIn} />);

interface ErrorPageProps {
  readonly code: string;
  readonly correlationId: string;
  readonly next?: { readonly href: string; readonly label: Message } | undefined;
}

const ErrorPage = ({ code, correlationId, next }: ErrorPageProps): VNode => {
  const { t } = useLanguage();
  return (
    <Page title={t(texts.didNotWork)}>
      <Card>
        <h1>{t(texts.didNotWork)}</h1>
        <p>{t(texts.goBackToTheApp)}</p>
        {next && (
          <p>
            <a href={next.href}>{t(next.label)}</a>
          </p>
        )}
        <ErrorReference code={code} correlationId={correlationId} />
      </Card>
    </Page>
  );
};

/** Nothing but the code and the reference: details of a protocol error are for the log (P11). */
export const errorPage = (ctx: KoaContextWithOIDC, branding: Look, error: ErrorPageProps): string =>
  render(ctx, branding, <ErrorPage {...error} />);

interface DeviceCodePageProps {
  readonly userCode?: string | undefined;
  readonly error?: Message | undefined;
}

const DeviceCodePage = ({ action, xsrf, userCode, error }: FormFields & DeviceCodePageProps): VNode => {
  const { t } = useLanguage();
  return (
    <Page title={t(texts.connectDevice)}>
      <Card>
        <h1>{t(texts.connectDevice)}</h1>
        <p>{t(texts.typeDeviceCode)}</p>
        <FormError text={error} />
        <form method="post" action={action}>
          <input type="hidden" name="xsrf" value={xsrf} />
          <Field name="user_code" label={texts.deviceCode} autocomplete="off" value={userCode} />
          <button class="wide" type="submit">
            {t(texts.continue)}
          </button>
        </form>
      </Card>
    </Page>
  );
};

/**
 * Asks for the code that a device shows (RFC 8628, section 3.3).
 * @param form oidc-provider's form, id `op.deviceInputForm`
 */
export const deviceCodePage = (
  ctx: KoaContextWithOIDC,
  branding: Look,
  form: string,
  props: DeviceCodePageProps,
): string => render(ctx, branding, <DeviceCodePage {...formFields(form)} {...props} />);

const DeviceConfirmPage = ({
  action,
  xsrf,
  app,
  userCode,
}: FormFields & { readonly app: string; readonly userCode: string }): VNode => {
  const { t } = useLanguage();
  return (
    <Page title={t(texts.connectDevice)}>
      <Card>
        <h1>{t(texts.deviceQuestion, { app })}</h1>
        <p>{t(texts.deviceExplanation, { app })}</p>
        <p>
          <strong class="code">{userCode}</strong>
        </p>
        <p class="notice error" role="alert">
          {t(texts.deviceWarning)}
        </p>
        <form method="post" action={action}>
          <input type="hidden" name="xsrf" value={xsrf} />
          <input type="hidden" name="user_code" value={userCode} />
          <div class="providers">
            <button class="wide" type="submit" name="confirm" value="yes">
              {t(texts.deviceConfirm)}
            </button>
            <button class="wide quiet" type="submit" name="abort" value="yes">
              {t(texts.cancel)}
            </button>
          </div>
        </form>
      </Card>
    </Page>
  );
};

/**
 * Shows which app asks, the code, and what it means to go on (P10; RFC 8628, section 5.4).
 * @param form oidc-provider's form, id `op.deviceConfirmForm`
 */
export const deviceConfirmPage = (
  ctx: KoaContextWithOIDC,
  branding: Look,
  form: string,
  props: { app: string; userCode: string },
): string => render(ctx, branding, <DeviceConfirmPage {...formFields(form)} {...props} />);

const DeviceDonePage = (): VNode => {
  const { t } = useLanguage();
  return (
    <Page title={t(texts.deviceConnected)}>
      <Card>
        <h1>{t(texts.deviceConnected)}</h1>
        <p>{t(texts.goBackToTheDevice)}</p>
      </Card>
    </Page>
  );
};

export const deviceDonePage = (ctx: KoaContextWithOIDC, branding: Look): string =>
  render(ctx, branding, <DeviceDonePage />);

interface FormFields {
  readonly action: string;
  readonly xsrf: string;
}

/** oidc-provider hands its forms over as HTML; we render our own with their two values. */
const formFields = (form: string): FormFields => {
  const [action, xsrf] = [/action="([^"]*)"/.exec(form)?.[1], /name="xsrf" value="([^"]*)"/.exec(form)?.[1]];
  if (action === undefined || xsrf === undefined) throw new Error('oidc-provider changed its forms');
  return { action, xsrf };
};
