import { cookiePolicy } from '#libs/web/cookies.js';

export const sessionCookieName = (issuer: string): string => cookiePolicy(issuer).name('ligature_session');

/** These cookies are bound to a path, which `__Host-` forbids. */
export const pathCookieName = (issuer: string, base: string): string =>
  cookiePolicy(issuer).secure ? `__Secure-${base}` : base;

export const cookieOptions = (issuer: string) => ({
  httpOnly: true,
  sameSite: 'lax' as const,
  secure: cookiePolicy(issuer).secure,
  overwrite: true,
});
