import type { Response } from 'express';
import type { VNode } from 'preact';
import { renderPage } from './layout.js';
import { languageOfAnswer } from './locale.js';
import { setPageHeaders } from './security-headers.js';

/** Answers with a page. @param options.formTargets origins that its forms may lead to @param options.status 422 for a form that came back */
export const sendPage = (
  response: Response,
  page: VNode,
  options: { readonly formTargets?: readonly string[]; readonly status?: number } = {},
): void => {
  setPageHeaders(response, options.formTargets);
  const html = renderPage(page, languageOfAnswer(response));
  response
    .status(options.status ?? 200)
    .set('vary', 'accept-language')
    .type('html')
    .send(html);
};
