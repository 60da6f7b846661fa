import { createHmac, timingSafeEqual } from 'node:crypto';

/**
 * Tokens for forms: an HMAC over the browser's id and what the form belongs to, so that nothing has to be stored
 * (OWASP, signed double submit).
 */
export interface CsrfTokens {
  /** @param scope what the form belongs to, such as the session: a token of another one is refused */
  issue(browserId: string, scope: string): string;
  verify(token: unknown, browserId: string | undefined, scope: string): boolean;
}

export const createCsrfTokens = (secret: Buffer): CsrfTokens => {
  const issue = (browserId: string, scope: string): string =>
    createHmac('sha256', secret)
      .update(JSON.stringify(['csrf', browserId, scope]))
      .digest('base64url');
  return {
    issue,
    verify: (token, browserId, scope) => {
      if (typeof token !== 'string' || browserId === undefined) return false;
      const expected = Buffer.from(issue(browserId, scope));
      const given = Buffer.from(token);
      return given.length === expected.length && timingSafeEqual(given, expected);
    },
  };
};
