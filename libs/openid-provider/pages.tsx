import type { KoaContextWithOIDC } from 'oidc-provider';
import type { ComponentChildren, VNode } from 'preact';
import { Field, FormError } from '#libs/web/form-field.js';
import { Page, renderPage } from '#libs/web/layout.js';
import { pageHeaders } from '#libs/web/security-headers.js';
import { PROVIDER_TEXTS } from './provider-texts.js';

const render = (ctx: KoaContextWithOIDC, page: VNode, formTargets: readonly string[] = []): string => {
  ctx.set(pageHeaders(formTargets));
  ctx.type = 'html';
  return renderPage(page);
};

const Card = ({ title, children }: { readonly title: string; readonly children: ComponentChildren }): VNode => (
  <Page title={title}>
    <div class="card narrow">{children}</div>
  </Page>
);

/** Asks whether to sign out (RP-Initiated Logout 1.0, section 2: the OP asks, P7). @param form oidc-provider's form, id `op.logoutForm` */
export const signOutPage = (ctx: KoaContextWithOIDC, form: string): string => {
  const texts = PROVIDER_TEXTS.signOut;
  const { action, xsrf } = formFields(form);
  const target = ctx.oidc.session?.state?.postLogoutRedirectUri;
  return render(
    ctx,
    <Card title={texts.title}>
      <h1>{texts.question}</h1>
      <p>{texts.explanation}</p>
      <form method="post" action={action}>
        <input type="hidden" name="xsrf" value={xsrf} />
        <button class="wide" type="submit" name="logout" value="yes">
          {texts.confirm}
        </button>
        <button class="wide quiet" type="submit">
          {texts.stay}
        </button>
      </form>
    </Card>,
    typeof target === 'string' ? [new URL(target).origin] : [],
  );
};

export const signedOutPage = (ctx: KoaContextWithOIDC): string => {
  const texts = PROVIDER_TEXTS.signedOut;
  return render(
    ctx,
    <Card title={texts.title}>
      <h1>{texts.heading}</h1>
      <p>{texts.explanation}</p>
    </Card>,
  );
};

/** Nothing but the code and the reference: details of a protocol error are for the log (P11). */
export const errorPage = (
  ctx: KoaContextWithOIDC,
  { code, correlationId, next }: { code: string; correlationId: string; next?: { href: string; text: string } | undefined },
): string => {
  const texts = PROVIDER_TEXTS.error;
  return render(
    ctx,
    <Card title={texts.title}>
      <h1>{texts.title}</h1>
      <p>{texts.explanation}</p>
      {next && (
        <p>
          <a href={next.href}>{next.text}</a>
        </p>
      )}
      <p class="muted">
        Code <span class="code">{code}</span> · reference <span class="code">{correlationId}</span>
      </p>
    </Card>,
  );
};

/** Asks for the code that a device shows (RFC 8628, section 3.3). @param form oidc-provider's form, id `op.deviceInputForm` */
export const deviceCodePage = (
  ctx: KoaContextWithOIDC,
  form: string,
  { userCode, error }: { userCode?: string; error?: string },
): string => {
  const texts = PROVIDER_TEXTS.deviceCode;
  const { action, xsrf } = formFields(form);
  return render(
    ctx,
    <Card title={texts.title}>
      <h1>{texts.heading}</h1>
      <p>{texts.explanation}</p>
      <FormError text={error} />
      <form method="post" action={action}>
        <input type="hidden" name="xsrf" value={xsrf} />
        <Field name="user_code" label={texts.label} autocomplete="off" value={userCode} />
        <button class="wide" type="submit">
          {texts.submit}
        </button>
      </form>
    </Card>,
  );
};

/** Shows which app asks, the code, and what it means to go on (P10; RFC 8628, section 5.4). @param form oidc-provider's form, id `op.deviceConfirmForm` */
export const deviceConfirmPage = (ctx: KoaContextWithOIDC, form: string, { app, userCode }: { app: string; userCode: string }): string => {
  const texts = PROVIDER_TEXTS.deviceConfirm;
  const { action, xsrf } = formFields(form);
  return render(
    ctx,
    <Card title={texts.title}>
      <h1>{texts.heading(app)}</h1>
      <p>{texts.explanation(app)}</p>
      <p>
        <strong class="code">{userCode}</strong>
      </p>
      <p class="notice error" role="alert">
        {texts.warning}
      </p>
      <form method="post" action={action}>
        <input type="hidden" name="xsrf" value={xsrf} />
        <input type="hidden" name="user_code" value={userCode} />
        <button class="wide" type="submit" name="confirm" value="yes">
          {texts.confirm}
        </button>
        <button class="wide quiet" type="submit" name="abort" value="yes">
          {texts.abort}
        </button>
      </form>
    </Card>,
  );
};

export const deviceDonePage = (ctx: KoaContextWithOIDC): string => {
  const texts = PROVIDER_TEXTS.deviceDone;
  return render(
    ctx,
    <Card title={texts.title}>
      <h1>{texts.heading}</h1>
      <p>{texts.explanation}</p>
    </Card>,
  );
};

/** oidc-provider hands its forms over as HTML; we render our own with their two values. */
const formFields = (form: string): { action: string; xsrf: string } => {
  const [action, xsrf] = [/action="([^"]*)"/.exec(form)?.[1], /name="xsrf" value="([^"]*)"/.exec(form)?.[1]];
  if (action === undefined || xsrf === undefined) throw new Error('oidc-provider changed its forms');
  return { action, xsrf };
};
