import { randomBytes } from 'node:crypto';
import type { Request, Response } from 'express';
import { readCookie, setCookie } from './cookies.js';
import type { CookiePolicy } from './cookies.js';

const COOKIE = 'ligature_browser';
const YEAR_MS = 365 * 24 * 3_600_000;
const shape = /^[A-Za-z0-9_-]{43}$/;

/**
 * The browser's random id, which flows are bound to (L10, L22); `undefined` when it has none. It proves nothing about a
 * person.
 */
export const browserIdOf = (request: Request, policy: CookiePolicy): string | undefined => {
  const value = readCookie(request, policy.name(COOKIE));
  return value && shape.test(value) ? value : undefined;
};

/** The browser's random id; given to it when it has none. */
export const ensureBrowserId = (request: Request, response: Response, policy: CookiePolicy): string => {
  const known = browserIdOf(request, policy);
  if (known) return known;
  const fresh = randomBytes(32).toString('base64url');
  setCookie(response, policy, COOKIE, fresh, { maxAgeMs: YEAR_MS });
  return fresh;
};
