import type { VNode } from 'preact';
import { CsrfField, Page } from '#libs/web/layout.js';
import type { Consent } from '../consents.postgres.js';
import { PROVIDER_TEXTS } from '../provider-texts.js';

export interface ConsentPageProps {
  readonly app: string;
  readonly asksFor: Consent;
  readonly action: string;
  readonly csrf: string;
}

/** What an app asks for, in words, and the person's answer. */
export const ConsentPage = ({ app, asksFor, action, csrf }: ConsentPageProps): VNode => {
  const texts = PROVIDER_TEXTS.consent;
  return (
    <Page title={texts.title}>
      <div class="card narrow">
        <h1>{texts.heading(app)}</h1>
        <p>{texts.explanation}</p>
        <ul>
          {asksFor.scopes.map((scope) => (
            <li key={scope}>{texts.scopes[scope] ?? scope}</li>
          ))}
          {Object.entries(asksFor.resources).map(([resource, scopes]) => (
            <li key={resource}>{texts.resource(resource, scopes)}</li>
          ))}
        </ul>
        <form method="post" action={action}>
          <CsrfField token={csrf} />
          <button class="wide" type="submit" name="answer" value="allow">
            {texts.allow}
          </button>
          <button class="wide quiet" type="submit" name="answer" value="deny">
            {texts.deny}
          </button>
        </form>
      </div>
    </Page>
  );
};
