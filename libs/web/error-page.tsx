import type { Response } from 'express';
import type { VNode } from 'preact';
import { Page, renderPage } from './layout.js';
import { setPageHeaders } from './security-headers.js';

/** What a person sees when something did not work: what happened, what to do next, a stable code, and the id under which the log has the rest. */
export interface PageError {
  readonly status: number;
  /** Stable, snake_case. */
  readonly code: string;
  readonly title: string;
  readonly nextStep: string;
  readonly correlationId: string;
  readonly wayBack?: { readonly href: string; readonly label: string };
}

const ErrorPage = ({ code, title, nextStep, correlationId, wayBack }: PageError): VNode => (
  <Page title={title}>
    <div class="card narrow">
      <h1>{title}</h1>
      <p>{nextStep}</p>
      {wayBack && (
        <p>
          <a class="button" href={wayBack.href}>
            {wayBack.label}
          </a>
        </p>
      )}
      <p class="muted">
        Code <span class="code">{code}</span> · reference <span class="code">{correlationId}</span>
      </p>
    </div>
  </Page>
);

export const sendErrorPage = (response: Response, error: PageError): void => {
  setPageHeaders(response);
  response
    .status(error.status)
    .type('html')
    .send(renderPage(<ErrorPage {...error} />));
};
