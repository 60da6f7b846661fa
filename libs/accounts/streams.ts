import { streamName } from '#libs/event-store/stream-name.js';
import type { StreamName } from '#libs/event-store/stream-name.js';

export const USER_CATEGORY = 'user';
export const USER_ACTIVITY_CATEGORY = 'userActivity';

/** The account: short, folded for decisions. */
export const userStream = (userId: string): StreamName => streamName(USER_CATEGORY, userId);

/** What the person did: long, never folded for a decision. */
export const userActivityStream = (userId: string): StreamName => streamName(USER_ACTIVITY_CATEGORY, userId);
