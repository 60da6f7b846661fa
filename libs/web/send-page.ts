import type { Response } from 'express';
import type { VNode } from 'preact';
import { brandingOfAnswer } from './branding.js';
import { renderPage } from './layout.js';
import type { PageFrame } from './layout.js';
import { languageOfAnswer } from './locale.js';
import { pageHeaders } from './security-headers.js';

/** The language and the organization's look that the answer has (`preferUiLocales`, `brandAnswer`). */
export const frameOfAnswer = (response: Response): PageFrame => ({
  language: languageOfAnswer(response),
  branding: brandingOfAnswer(response),
});

/**
 * Answers with a page.
 * @param options.formTargets origins that its forms may lead to
 * @param options.status 422 for a form that came back
 */
export const sendPage = (
  response: Response,
  page: VNode,
  { formTargets, status = 200 }: { readonly formTargets?: readonly string[]; readonly status?: number } = {},
): void => {
  const frame = frameOfAnswer(response);
  response
    .status(status)
    .set(pageHeaders(formTargets, frame.branding?.logoUrl))
    .vary('accept-language')
    .type('html')
    .send(renderPage(page, frame));
};
