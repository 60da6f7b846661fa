import type { Response } from 'express';
import type { VNode } from 'preact';
import { useLanguage } from '#libs/web/language.js';
import { Card, Page } from '#libs/web/layout.js';
import { sendSelfSubmittingPage, SubmitAtOnce } from '#libs/web/self-submitting-page.js';
import type { ExternalSignIn, ExternalSignInRefusal } from '../external-sign-in.js';
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

/** Sends the browser to the provider at which a flow was begun: by a redirect, or by a form that the browser posts. */
export const leaveForProvider = (response: Response, begun: Begun): void => {
  if (begun.kind === 'redirect') return response.redirect(303, begun.redirectTo);
  sendSelfSubmittingPage(response, <PostPage {...begun} />, new URL(begun.postTo).origin);
};
