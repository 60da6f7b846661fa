import type { KoaContextWithOIDC } from 'oidc-provider';
import type { VNode } from 'preact';
import { Page, renderPage } from '#libs/web/layout.js';
import { pageHeaders } from '#libs/web/security-headers.js';

const prepare = (ctx: KoaContextWithOIDC, formTargets: readonly string[] = []): void => {
  ctx.set(pageHeaders(formTargets));
  ctx.type = 'html';
};

/** Asks whether to sign out (RP-Initiated Logout 1.0, section 2: the OP asks, P7). @param form oidc-provider's form, id `op.logoutForm` */
export const signOutPage = (ctx: KoaContextWithOIDC, form: string): string => {
  const { action, xsrf } = formFields(form);
  const target = ctx.oidc.session?.state?.postLogoutRedirectUri;
  prepare(ctx, typeof target === 'string' ? [new URL(target).origin] : []);
  const page: VNode = (
    <Page title="Sign out">
      <div class="card narrow">
        <h1>Sign out?</h1>
        <p>You are about to sign out of every app that you use with this account in this browser.</p>
        <form method="post" action={action}>
          <input type="hidden" name="xsrf" value={xsrf} />
          <button class="wide" type="submit" name="logout" value="yes">
            Sign out
          </button>
          <button class="wide quiet" type="submit">
            Stay signed in
          </button>
        </form>
      </div>
    </Page>
  );
  return renderPage(page);
};

export const signedOutPage = (ctx: KoaContextWithOIDC): string => {
  prepare(ctx);
  return renderPage(
    <Page title="Signed out">
      <div class="card narrow">
        <h1>You are signed out</h1>
        <p>You can close this page.</p>
      </div>
    </Page>,
  );
};

/** Nothing but the code and the reference: details of a protocol error are for the log (P11). */
export const errorPage = (
  ctx: KoaContextWithOIDC,
  { code, correlationId, next }: { code: string; correlationId: string; next?: { href: string; text: string } | undefined },
): string => {
  prepare(ctx);
  return renderPage(
    <Page title="That did not work">
      <div class="card narrow">
        <h1>That did not work</h1>
        <p>The request could not be answered. Go back to the app and start again.</p>
        {next && (
          <p>
            <a href={next.href}>{next.text}</a>
          </p>
        )}
        <p class="muted">
          Code <span class="code">{code}</span> · reference <span class="code">{correlationId}</span>
        </p>
      </div>
    </Page>,
  );
};

/** oidc-provider hands its form over as HTML; we render our own with its two values. */
const formFields = (form: string): { action: string; xsrf: string } => {
  const [action, xsrf] = [/action="([^"]*)"/.exec(form)?.[1], /name="xsrf" value="([^"]*)"/.exec(form)?.[1]];
  if (action === undefined || xsrf === undefined) throw new Error('oidc-provider changed its sign-out form');
  return { action, xsrf };
};
