import { streamName } from '#libs/event-store/stream-name.js';
import type { StreamName } from '#libs/event-store/stream-name.js';

export const SIGN_IN_ATTEMPTS_CATEGORY = 'signInAttempts';

/** Failed sign-ins and offers to link. @param key index key of the identifier, known or unknown alike */
export const signInAttemptsStream = (key: string): StreamName => streamName(SIGN_IN_ATTEMPTS_CATEGORY, key);
