import { streamName } from '#libs/event-store/stream-name.js';
import type { StreamName } from '#libs/event-store/stream-name.js';

export const EXTERNAL_IDENTITY_CATEGORY = 'externalIdentity';

/** Who owns an external identity. @param key see `externalIdentityKey` */
export const externalIdentityStream = (key: string): StreamName => streamName(EXTERNAL_IDENTITY_CATEGORY, key);
