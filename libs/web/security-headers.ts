import type { Response } from 'express';

/**
 * Headers of every page of ours: no scripts at all, no framing, no caching, no referrer.
 * @param formTargets origins that a form of this page may lead to, redirects included (`form-action` governs the redirect after a POST too)
 */
export const pageHeaders = (formTargets: readonly string[] = []): Record<string, string> => ({
  'content-security-policy': [
    `default-src 'none'`,
    `style-src 'self'`,
    `img-src 'self' data:`,
    `form-action ${["'self'", ...new Set(formTargets)].join(' ')}`,
    `frame-ancestors 'none'`,
    `base-uri 'none'`,
  ].join('; '),
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-store',
  'cross-origin-opener-policy': 'same-origin',
});

export const setPageHeaders = (response: Response, formTargets?: readonly string[]): void => {
  response.set(pageHeaders(formTargets));
};

export const originOf = (url: string): string => new URL(url).origin;
