import type { Response } from 'express';
import type { VNode } from 'preact';
import { brandingOfAnswer } from './branding.js';
import { renderPage } from './layout.js';
import { languageOfAnswer } from './locale.js';
import { pageHeaders } from './security-headers.js';

export interface PageOptions {
  /** Origins that its forms may lead to. */
  readonly formTargets?: readonly string[];
  /** 422 for a form that came back; 200 by default. */
  readonly status?: number;
  /** Of the one script that the page may run (CSP Level 3, hash-source); none by default. */
  readonly scriptHash?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/**
 * Prepares an answer for a page: status and headers, in the language and the organization's look of the answer
 * (`preferUiLocales`, `brandAnswer`).
 * @returns the page's HTML
 */
export const preparePage = (
  response: Response,
  page: VNode,
  { formTargets, status = 200, scriptHash, headers = {} }: PageOptions = {},
): string => {
  const branding = brandingOfAnswer(response);
  response
    .status(status)
    .set({ ...pageHeaders(formTargets, branding?.logoUrl, scriptHash), ...headers })
    .vary('accept-language')
    .type('html');
  return renderPage(page, { language: languageOfAnswer(response), branding });
};

/** Answers with a page. @see preparePage */
export const sendPage = (response: Response, page: VNode, options?: PageOptions): void => {
  response.send(preparePage(response, page, options));
};
