import type { KoaContextWithOIDC } from 'oidc-provider';
import type { VNode } from 'preact';
import { ErrorReference } from '#libs/web/error-page.js';
import { useLanguage } from '#libs/web/language.js';
import { Card, Page, renderPage } from '#libs/web/layout.js';
import { languageFor } from '#libs/web/locale.js';
import type { Message } from '#libs/web/messages.js';
import { pageHeaders } from '#libs/web/security-headers.js';
import { OPENID_TEXTS as texts } from './texts.js';

/** Answers with a page, in the person's language. @param formTargets origins that its forms may lead to */
const render = (ctx: KoaContextWithOIDC, page: VNode, formTargets: readonly string[] = []): string => {
  ctx.set(pageHeaders(formTargets));
  ctx.vary('accept-language');
  ctx.type = 'html';
  return renderPage(page, { language: languageFor(ctx, ctx.oidc?.params?.ui_locales), branding: undefined });
};

const SignOutPage = ({ action, xsrf }: { readonly action: string; readonly xsrf: string }): VNode => {
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

/** Asks whether to sign out (RP-Initiated Logout 1.0, section 2: the OP asks, P7). @param form oidc-provider's form, id `op.logoutForm` */
export const signOutPage = (ctx: KoaContextWithOIDC, form: string): string => {
  const target = ctx.oidc.session?.state?.postLogoutRedirectUri;
  return render(ctx, <SignOutPage {...formFields(form)} />, typeof target === 'string' ? [new URL(target).origin] : []);
};

const SignedOutPage = (): VNode => {
  const { t } = useLanguage();
  return (
    <Page title={t(texts.signedOut)}>
      <Card>
        <h1>{t(texts.youAreSignedOut)}</h1>
        <p>{t(texts.closeThisPage)}</p>
      </Card>
    </Page>
  );
};

export const signedOutPage = (ctx: KoaContextWithOIDC): string => render(ctx, <SignedOutPage />);

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
export const errorPage = (ctx: KoaContextWithOIDC, error: ErrorPageProps): string => render(ctx, <ErrorPage {...error} />);

/** oidc-provider hands its form over as HTML; we render our own with its two values. */
const formFields = (form: string): { action: string; xsrf: string } => {
  const [action, xsrf] = [/action="([^"]*)"/.exec(form)?.[1], /name="xsrf" value="([^"]*)"/.exec(form)?.[1]];
  if (action === undefined || xsrf === undefined) throw new Error('oidc-provider changed its sign-out form');
  return { action, xsrf };
};
