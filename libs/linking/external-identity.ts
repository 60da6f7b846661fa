import type { IndexKeys } from '#libs/privacy/index-key.js';
import { EXTERNAL_IDENTITY_CATEGORY } from '#libs/users/external-identity-stream.js';
import type { SourceKind } from '#libs/identity-providers/verified-assertion.js';

/** What makes an external identity itself: never an e-mail address (security row L6). */
export interface ExternalIdentity {
  readonly organizationId: string;
  readonly providerId: string;
  readonly sourceKind: SourceKind;
  readonly issuer: string;
  /** Byte-exact, never case-folded (OIDC Core 5.7; security row L14). */
  readonly subject: string;
  readonly subjectQualifiers?: readonly string[];
}

export const externalIdentityKey = (keys: IndexKeys, identity: ExternalIdentity): string =>
  keys.of(
    EXTERNAL_IDENTITY_CATEGORY,
    identity.organizationId,
    identity.providerId,
    identity.sourceKind,
    identity.issuer,
    identity.subject,
    ...(identity.subjectQualifiers ?? []),
  );
