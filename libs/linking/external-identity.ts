import { streamName } from '#libs/event-store/stream-name.js';
import type { StreamName } from '#libs/event-store/stream-name.js';
import type { IndexKeys } from '#libs/privacy/index-key.js';

/** What makes an external identity itself: never an e-mail address (security row L6). */
export interface ExternalIdentity {
  readonly organizationId: string;
  readonly providerId: string;
  readonly sourceKind: 'oidc';
  readonly issuer: string;
  /** Byte-exact, never case-folded (OIDC Core 5.7; security row L14). */
  readonly subject: string;
}

export const EXTERNAL_IDENTITY_CATEGORY = 'externalIdentity';

export const externalIdentityKey = (keys: IndexKeys, identity: ExternalIdentity): string =>
  keys.of(EXTERNAL_IDENTITY_CATEGORY, identity.organizationId, identity.providerId, identity.sourceKind, identity.issuer, identity.subject);

export const externalIdentityStream = (key: string): StreamName => streamName(EXTERNAL_IDENTITY_CATEGORY, key);
