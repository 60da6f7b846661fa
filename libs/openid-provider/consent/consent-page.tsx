import type { VNode } from 'preact';
import { useLanguage } from '#libs/web/language.js';
import { Card, CsrfField, Page } from '#libs/web/layout.js';
import { messageFor } from '#libs/web/messages.js';
import type { Consent } from '../consents.postgres.js';
import { OPENID_TEXTS as texts, SCOPE_TEXTS } from '../texts.js';

export interface ConsentPageProps {
  readonly app: string;
  readonly asksFor: Consent;
  readonly action: string;
  readonly csrf: string;
}

/** What an app asks for, in words, and the person's answer. */
export const ConsentPage = ({ app, asksFor, action, csrf }: ConsentPageProps): VNode => {
  const { t } = useLanguage();
  const inWords = (scope: string): string => {
    const message = messageFor(SCOPE_TEXTS, scope);
    return message ? t(message) : scope;
  };
  return (
    <Page title={t(texts.allowAccess)}>
      <Card>
        <h1>{t(texts.consentQuestion, { app })}</h1>
        <p>{t(texts.consentExplanation)}</p>
        <ul>
          {asksFor.scopes.map((scope) => (
            <li key={scope}>{inWords(scope)}</li>
          ))}
          {Object.entries(asksFor.resources).map(([resource, scopes]) => (
            <li key={resource}>{t(texts.consentResource, { scopes: scopes.join(', '), resource })}</li>
          ))}
        </ul>
        <form method="post" action={action}>
          <CsrfField token={csrf} />
          <div class="providers">
            <button class="wide" type="submit" name="answer" value="allow">
              {t(texts.allow)}
            </button>
            <button class="wide quiet" type="submit" name="answer" value="deny">
              {t(texts.doNotAllow)}
            </button>
          </div>
        </form>
      </Card>
    </Page>
  );
};
