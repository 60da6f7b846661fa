import { isAccountPath } from '#libs/sign-in/continuations.js';

/** What a browser posts. */
export type Form = Readonly<Record<string, unknown>>;

/** Where a confirmation leads back to: a page of the account, never an address that a caller typed (L24). */
export const returnTarget = (value: unknown): string => (isAccountPath(value) ? value : '/account');

/** The page that a form is on, where it posts to itself; else the account page. */
export const pageOfForm = (path: string): string =>
  /^\/account\/(?:name|username|email|password|review|sessions|identities\/(?:link\/[a-z0-9-]+|[0-9a-f-]{36}\/unlink))$/.test(
    path,
  )
    ? path
    : '/account';

/**
 * A token's second part outlives the session: it shows that this server made the form, for this browser and this user.
 */
export const draftScope = (userId: string): string => `form of ${userId}`;

/** A text field, cut to what any field takes. */
export const typedText = (value: unknown): string | undefined =>
  typeof value === 'string' ? value.slice(0, 320) : undefined;
