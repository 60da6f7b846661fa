import type { Response } from 'express';
import type { VNode } from 'preact';
import { brandingOfAnswer } from './branding.js';
import { renderPage } from './layout.js';
import { languageOfAnswer } from './locale.js';
import { pageHeaders } from './security-headers.js';

/**
 * Answers with a page, in the language and the organization's look that the answer has (`preferUiLocales`, `brandAnswer`).
 * @param options.formTargets origins that its forms may lead to
 * @param options.status 422 for a form that came back
 */
export const sendPage = (
  response: Response,
  page: VNode,
  { formTargets, status = 200 }: { readonly formTargets?: readonly string[]; readonly status?: number } = {},
): void => {
  const branding = brandingOfAnswer(response);
  response
    .status(status)
    .set(pageHeaders(formTargets, branding?.logoUrl))
    .vary('accept-language')
    .type('html')
    .send(renderPage(page, { language: languageOfAnswer(response), branding }));
};
