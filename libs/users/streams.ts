import { streamName } from '#libs/event-store/stream-name.js';
import type { IndexKeys } from '#libs/privacy/index-key.js';
import type { StreamName } from '#libs/event-store/stream-name.js';

export const USER_CATEGORY = 'user';
export const USER_ACTIVITY_CATEGORY = 'userActivity';

/** The account: short, folded for decisions. */
export const userStream = (userId: string): StreamName => streamName(USER_CATEGORY, userId);

/** What the person did: long, never folded for a decision. */
export const userActivityStream = (userId: string): StreamName => streamName(USER_ACTIVITY_CATEGORY, userId);

export const USERNAME_CATEGORY = 'username';
export const VERIFIED_EMAIL_CATEGORY = 'verifiedEmail';

/** @param canonical the one form that stands for the username (`parseUsername`) */
export const usernameKey = (keys: IndexKeys, organizationId: string, canonical: string): string =>
  keys.of(USERNAME_CATEGORY, organizationId, canonical);
export const usernameStream = (key: string): StreamName => streamName(USERNAME_CATEGORY, key);

/** @param canonical the one form that stands for the address (`parseEmailAddress`) */
export const verifiedEmailKey = (keys: IndexKeys, organizationId: string, canonical: string): string =>
  keys.of(VERIFIED_EMAIL_CATEGORY, organizationId, canonical);
export const verifiedEmailStream = (key: string): StreamName => streamName(VERIFIED_EMAIL_CATEGORY, key);

/**
 * Under which an address that is not verified is looked up, to mail to it again. No stream: nothing reserves such an
 * address.
 */
export const pendingAddressKey = (keys: IndexKeys, organizationId: string, canonical: string): string =>
  keys.of('pendingAddress', organizationId, canonical);
