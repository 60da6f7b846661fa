import type { Response } from 'express';
import type { VNode } from 'preact';
import { brandingOfAnswer } from './branding.js';
import { renderPage } from './layout.js';
import { languageOfAnswer } from './locale.js';
import { pageHeaders } from './security-headers.js';

/**
 * Answers with a page, in the language and the organization's look that the answer has (`preferUiLocales`,
 * `brandAnswer`).
 * @param options.formTargets origins that its forms may lead to
 * @param options.status 422 for a form that came back
 * @param options.scriptHash of the one script that the page may run (CSP Level 3, hash-source); none unless told
 */
export const sendPage = (
  response: Response,
  page: VNode,
  {
    formTargets,
    status = 200,
    scriptHash,
  }: { readonly formTargets?: readonly string[]; readonly status?: number; readonly scriptHash?: string } = {},
): void => {
  const branding = brandingOfAnswer(response);
  response
    .status(status)
    .set(pageHeaders(formTargets, branding?.logoUrl, scriptHash))
    .vary('accept-language')
    .type('html')
    .send(renderPage(page, { language: languageOfAnswer(response), branding }));
};
