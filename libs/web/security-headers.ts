export const originOf = (url: string): string => new URL(url).origin;

/**
 * Headers of every page of ours: no scripts at all, no framing, no caching, no referrer.
 * @param formTargets origins that a form of this page may lead to, redirects included (`form-action` governs the
 * redirect after a POST too)
 * @param logoUrl the organization's logo: the only picture, and the only thing that may come from elsewhere
 */
export const pageHeaders = (
  formTargets: readonly string[] = [],
  logoUrl?: string,
  scriptHash?: string,
): Record<string, string> => ({
  'content-security-policy': [
    `default-src 'none'`,
    `style-src 'self'`,
    ...(logoUrl === undefined ? [] : [`img-src ${originOf(logoUrl)}`]),
    ...(scriptHash === undefined ? [] : [`script-src '${scriptHash}'`]),
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
