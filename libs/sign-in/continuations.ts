import type { Request, Response } from 'express';
import { z } from 'zod';
import type { Clock } from '#libs/platform/clock.js';
import { slugSchema } from '#libs/platform/slug.js';
import { open, seal } from '#libs/privacy/sealed.js';
import { browserIdOf, ensureBrowserId } from '#libs/web/browser-binding.js';
import { clearCookie, readCookie, setCookie } from '#libs/web/cookies.js';
import type { CookiePolicy } from '#libs/web/cookies.js';

/**
 * What a person was at when something came first, a sign-in or a review: a page of the account, with what they had
 * typed there, or the interaction of an app that goes on.
 */
export interface Continuation {
  readonly path: string;
  /** Whose form it was. */
  readonly userId?: string | undefined;
  /** What was typed; never a password. */
  readonly typed?: Readonly<Record<string, string>> | undefined;
}

/**
 * Where to go on after a sign-in, so that nothing is lost when a session expires. It is kept by the browser, sealed and
 * bound to it, and not by the server: what somebody typed and never sent is nowhere else, and nobody but this server
 * can say where a person is led (L24).
 */
export interface Continuations {
  remember(continuation: Continuation, request: Request, response: Response): void;
  /** Where to go on, once. What was typed stays for the page there. */
  leave(request: Request, response: Response): string;
  /** What this user had typed on this page; once. */
  take(
    path: string,
    userId: string,
    request: Request,
    response: Response,
  ): Readonly<Record<string, string>> | undefined;
  /** The interaction of an app that is to go on; nothing where it is a page of the account. */
  interactionUid(request: Request): string | undefined;
  /** The organization that account pages were last used in, in this browser. */
  organization(request: Request): string | undefined;
  rememberOrganization(organizationId: string, response: Response): void;
}

const COOKIE = 'ligature_continue';
const ORGANIZATION_COOKIE = 'ligature_organization';
const LIFETIME_MS = 15 * 60_000;
const YEAR_MS = 365 * 24 * 3_600_000;
const MAX_VALUE = 320;
const MAX_FIELDS = 8;
const ACCOUNT = '/account';
/**
 * Pages that can be gone to, as they are after a sign-in: each is opened with GET, and asks before it does anything.
 */
const PATH = /^\/(?:(?:account|audit)(?:\/[a-z0-9-]+)*|verify-email\/[A-Za-z0-9_-]{43})$/;

/** Where oidc-provider goes on with an interaction that was answered (`lib/helpers/initialize_app.js`). */
const RESUMED = /^\/(?:auth|device)\/(?<uid>[A-Za-z0-9_-]+)$/;
const mayLeadTo = (path: string): boolean => PATH.test(path) || RESUMED.test(path);

const storedSchema = z.object({
  path: z.string().refine(mayLeadTo),
  userId: z.string().optional(),
  typed: z.record(z.string(), z.string()).optional(),
  expiresAt: z.number(),
});

/** Whether a path is one of the account pages', which a person may be led to. */
export const isAccountPath = (path: unknown): path is string => typeof path === 'string' && PATH.test(path);

/** What may be shown again of a form: text fields, and no secrets. */
export const typedIn = (form: Readonly<Record<string, unknown>>): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.entries(form)
      .filter(
        (entry): entry is [string, string] =>
          typeof entry[1] === 'string' && entry[0] !== 'csrf' && !/password/i.test(entry[0]),
      )
      .slice(0, MAX_FIELDS)
      .map(([name, value]) => [name, value.slice(0, MAX_VALUE).toWellFormed()]),
  );

export const createContinuations = (key: Buffer, cookies: CookiePolicy, clock: Clock): Continuations => {
  const context = (browserId: string): readonly string[] => ['continuation', browserId];
  const read = (request: Request): Continuation | undefined => {
    const [browserId, value] = [browserIdOf(request, cookies), readCookie(request, cookies.name(COOKIE))];
    if (browserId === undefined || value === undefined) return undefined;
    try {
      const opened: unknown = JSON.parse(open(key, Buffer.from(value, 'base64url'), context(browserId)).toString());
      const { expiresAt, ...continuation } = storedSchema.parse(opened);
      return expiresAt > clock().getTime() ? continuation : undefined;
    } catch {
      // Made for another browser, by another key, or by nobody we know.
      return undefined;
    }
  };
  return {
    remember: ({ path, userId, typed }, request, response) => {
      const browserId = ensureBrowserId(request, response, cookies);
      const stored = {
        path: mayLeadTo(path) ? path : ACCOUNT,
        userId,
        typed,
        expiresAt: clock().getTime() + LIFETIME_MS,
      };
      setCookie(
        response,
        cookies,
        COOKIE,
        seal(key, Buffer.from(JSON.stringify(stored)), context(browserId)).toString('base64url'),
        { maxAgeMs: LIFETIME_MS },
      );
    },
    leave: (request, response) => {
      const found = read(request);
      if (found && !found.typed) clearCookie(response, cookies, COOKIE);
      return found?.path ?? ACCOUNT;
    },
    take: (path, userId, request, response) => {
      const found = read(request);
      if (found?.path !== path) return undefined;
      clearCookie(response, cookies, COOKIE);
      return found.userId === userId ? found.typed : undefined;
    },
    interactionUid: (request) => RESUMED.exec(read(request)?.path ?? '')?.groups?.uid,
    organization: (request) => {
      const parsed = slugSchema.safeParse(readCookie(request, cookies.name(ORGANIZATION_COOKIE)));
      return parsed.success ? parsed.data : undefined;
    },
    rememberOrganization: (organizationId, response) =>
      setCookie(response, cookies, ORGANIZATION_COOKIE, organizationId, { maxAgeMs: YEAR_MS }),
  };
};
