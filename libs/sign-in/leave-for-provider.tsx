import type { Response } from 'express';
import type { VNode } from 'preact';
import { signInOriginsOf } from '#libs/identity-providers/settings.js';
import type { IdentityProviderSettings } from '#libs/identity-providers/settings.js';
import { useLanguage } from '#libs/web/language.js';
import { Card, Page } from '#libs/web/layout.js';
import { page, redirect } from '#libs/web/answer.js';
import type { PageAnswer, RedirectAnswer } from '#libs/web/answer.js';
import { bodyOf } from '#libs/web/rendering.interceptor.js';
import { selfSubmittingPage, SubmitAtOnce } from '#libs/web/self-submitting-page.js';
import type { ExternalSignIn, ExternalSignInRefusal } from './external-sign-in.js';
import { SIGN_IN_TEXTS as texts } from './texts.js';

type Begun = Exclude<Awaited<ReturnType<ExternalSignIn['begin']>>, ExternalSignInRefusal>;

const PostPage = ({ postTo, fields }: Extract<Begun, { kind: 'post' }>): VNode => {
  const { t } = useLanguage();
  return (
    <Page title={t(texts.toYourProvider)}>
      <Card>
        <h1>{t(texts.toYourProvider)}</h1>
        <form method="post" action={postTo}>
          {Object.entries(fields).map(([name, value]) => (
            <input key={name} type="hidden" name={name} value={value} />
          ))}
          <button class="wide">{t(texts.continue)}</button>
        </form>
        <SubmitAtOnce />
      </Card>
    </Page>
  );
};

const OnwardPage = ({ to }: { readonly to: string }): VNode => {
  const { t } = useLanguage();
  return (
    <Page title={t(texts.toYourProvider)}>
      <Card>
        <h1>{t(texts.toYourProvider)}</h1>
        <a class="button wide" href={to}>
          {t(texts.continue)}
        </a>
      </Card>
    </Page>
  );
};

/**
 * Leads the browser to the provider at which a flow was begun: by a redirect, or by a form that the browser posts. A
 * page's `form-action` governs the redirect that answers its form too (CSP Level 3, section 6.4.1), and the page could
 * name the origins that are in the provider's settings only: to another one, which its discovery document named, the
 * browser goes on from a page of its own.
 * @param method of the request that is answered
 */
export const leavingForProvider = (
  begun: Begun,
  settings: IdentityProviderSettings,
  method: string,
): PageAnswer | RedirectAnswer => {
  if (begun.kind === 'post') return selfSubmittingPage(<PostPage {...begun} />, new URL(begun.postTo).origin);
  const { redirectTo } = begun;
  if (method !== 'POST' || signInOriginsOf(settings).includes(new URL(redirectTo).origin)) return redirect(redirectTo);
  return page(<OnwardPage to={redirectTo} />, { headers: { refresh: `0; url=${redirectTo}` } });
};

/** @see leavingForProvider */
export const leaveForProvider = (response: Response, begun: Begun, settings: IdentityProviderSettings): void => {
  response.send(bodyOf(leavingForProvider(begun, settings, response.req.method), response));
};
