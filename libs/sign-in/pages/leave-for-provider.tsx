import type { Response } from 'express';
import { Page } from '#libs/web/layout.js';
import { sendSelfSubmittingPage, SubmitAtOnce } from '#libs/web/self-submitting-page.js';
import type { ExternalSignIn, ExternalSignInRefusal } from '../external-sign-in.js';

const TEXTS = { title: 'To your identity provider', button: 'Continue' };

type Begun = Exclude<Awaited<ReturnType<ExternalSignIn['begin']>>, ExternalSignInRefusal>;

/** Sends the browser to the provider at which a flow was begun: by a redirect, or by a form that the browser posts. */
export const leaveForProvider = (response: Response, begun: Begun): void => {
  if (begun.kind === 'redirect') return response.redirect(303, begun.redirectTo);
  const page = (
    <Page title={TEXTS.title}>
      <div class="card narrow">
        <h1>{TEXTS.title}</h1>
        <form method="post" action={begun.postTo}>
          {Object.entries(begun.fields).map(([name, value]) => (
            <input key={name} type="hidden" name={name} value={value} />
          ))}
          <button class="wide">{TEXTS.button}</button>
        </form>
        <SubmitAtOnce />
      </div>
    </Page>
  );
  sendSelfSubmittingPage(response, page, new URL(begun.postTo).origin);
};
