import type { Response } from 'express';
import type { VNode } from 'preact';
import { useLanguage } from './language.js';
import { Card, Page } from './layout.js';
import type { Message } from './messages.js';
import { sendPage } from './send-page.js';
import { WEB_TEXTS } from './texts.js';

/**
 * What a person sees when something did not work: what happened, what to do next, a stable code, and the id under which
 * the log has the rest.
 */
export interface PageError {
  readonly status: number;
  /** Stable, snake_case. */
  readonly code: string;
  readonly title: Message;
  readonly nextStep: Message;
  readonly correlationId: string;
  readonly wayBack?: { readonly href: string; readonly label: Message };
}

/** Where the log has the rest. */
export const ErrorReference = ({
  code,
  correlationId,
}: {
  readonly code: string;
  readonly correlationId: string;
}): VNode => {
  const { t } = useLanguage();
  // The two stand in marked-up places of the sentence, whatever their order in a language.
  const parts = t(WEB_TEXTS.reference, { code: '\0code\0', reference: '\0reference\0' }).split('\0');
  return (
    <p class="muted">
      {parts.map((part) => {
        if (part === 'code') return <span class="code">{code}</span>;
        return part === 'reference' ? <span class="code">{correlationId}</span> : part;
      })}
    </p>
  );
};

const ErrorPage = ({ code, title, nextStep, correlationId, wayBack }: PageError): VNode => {
  const { t } = useLanguage();
  return (
    <Page title={t(title)}>
      <Card>
        <h1>{t(title)}</h1>
        <p>{t(nextStep)}</p>
        {wayBack && (
          <p>
            <a class="button wide" href={wayBack.href}>
              {t(wayBack.label)}
            </a>
          </p>
        )}
        <ErrorReference code={code} correlationId={correlationId} />
      </Card>
    </Page>
  );
};

export const sendErrorPage = (response: Response, error: PageError): void =>
  sendPage(response, <ErrorPage {...error} />, { status: error.status });
