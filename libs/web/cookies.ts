import type { Request, Response } from 'express';

/**
 * Cookie attributes for an issuer: `__Host-`, Secure and SameSite=Lax where it is https; plain names on http loopback
 * only, where browsers refuse Secure (security.md, "Server").
 */
export interface CookiePolicy {
  name(base: string): string;
  readonly secure: boolean;
}

export const cookiePolicy = (issuer: string): CookiePolicy => {
  const secure = new URL(issuer).protocol === 'https:';
  return { secure, name: (base) => (secure ? `__Host-${base}` : base) };
};

export const readCookie = (request: Request, name: string): string | undefined => {
  for (const pair of (request.headers.cookie ?? '').split(';')) {
    const at = pair.indexOf('=');
    if (at > 0 && pair.slice(0, at).trim() === name) return pair.slice(at + 1).trim();
  }
  return undefined;
};

/** Sets a cookie that scripts cannot read. @param options.maxAgeMs none: it goes with the browser session */
export const setCookie = (
  response: Response,
  policy: CookiePolicy,
  base: string,
  value: string,
  { maxAgeMs, path = '/' }: { readonly maxAgeMs?: number | undefined; readonly path?: string } = {},
): void => {
  response.cookie(policy.name(base), value, {
    httpOnly: true,
    secure: policy.secure,
    sameSite: 'lax',
    path,
    ...(maxAgeMs === undefined ? {} : { maxAge: maxAgeMs }),
  });
};

export const clearCookie = (response: Response, policy: CookiePolicy, base: string): void => {
  response.clearCookie(policy.name(base), { httpOnly: true, secure: policy.secure, sameSite: 'lax', path: '/' });
};
