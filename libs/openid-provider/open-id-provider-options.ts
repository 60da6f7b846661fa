import type { Clock } from '#libs/platform/clock.js';
import type { HttpPolicy } from '#libs/platform/guarded-http.js';
import type { NewId } from '#libs/platform/ids.js';
import type { Logger } from '#libs/platform/logger.js';
import type { Pool } from '#libs/platform/postgres/pool.js';
import type { RelyingPartySettings } from '#libs/relying-parties/settings.js';
import type { AddressLimits } from '#libs/throttling/address-limits.js';
import type { Throttles } from '#libs/throttling/throttles.js';
import type { Branding } from '#libs/web/branding.js';
import type { GrantRecord, RevocationReason } from './grants.postgres.js';
import type { SessionRecord } from './sessions.postgres.js';
import type { OnTokensIssued } from './token-exchange.js';

/** Standard claims of a user (OIDC Core 5.1). */
export interface UserClaims {
  readonly name?: string | undefined;
  readonly givenName?: string | undefined;
  readonly familyName?: string | undefined;
  readonly email?: string | undefined;
  readonly emailVerified?: boolean | undefined;
}

/** An identity that a person linked, as apps see it (scope `linked_identities`). */
export interface LinkedIdentity {
  /** Id of the identity provider. */
  readonly provider: string;
  readonly issuer: string;
  /** ISO 8601, UTC. */
  readonly linked_at: string;
}

export interface OpenIdProviderOptions {
  /** The public base URL, without a slash at its end. */
  readonly issuer: string;
  /** Role `ligature_identity`. */
  readonly pool: Pool;
  /** 32 bytes; encrypts the signing keys at rest. */
  readonly masterKey: Buffer;
  /** The one before it, while keys are sealed anew. */
  readonly previousMasterKey?: Buffer | undefined;
  readonly cookieKeys: readonly string[];
  /** What may be asked of addresses that clients supply (P13). */
  readonly http: HttpPolicy;
  readonly throttles: Throttles;
  readonly addressLimits: Pick<AddressLimits, 'hit'>;
  readonly clock: Clock;
  readonly newId: NewId;
  readonly logger: Logger;
  readonly relyingParties: { find(clientId: string): Promise<RelyingPartySettings | undefined> };
  /** How an organization's pages look; nothing for one that does not exist. */
  readonly brandingOf: (organizationId: string) => Promise<Branding | undefined>;
  readonly users: {
    /** Claims of a user; nothing for one that is unknown or may not sign in. */
    claims(userId: string): Promise<UserClaims | undefined>;
    linkedIdentities(userId: string): Promise<readonly LinkedIdentity[]>;
  };
  /** The `sub` of a user for the relying parties of one sector (OpenID Connect Core 8.1). The same for ever. */
  readonly pairwiseSubject: (sector: string, userId: string) => string;
  /** Path of our sign-in page for an interaction. */
  readonly signInPath: (interactionUid: string) => string;
  readonly consentPath: (interactionUid: string) => string;
  /**
   * A person signs out through a relying party: stores the event. Only then does the session end, so that when this
   * throws it does not.
   */
  readonly onSignedOut: (session: SessionRecord) => Promise<void>;
  readonly onTokensIssued: OnTokensIssued;
  /** Stores the event of a grant that has ended. */
  readonly onGrantRevoked: (grant: GrantRecord, reason: RevocationReason) => Promise<void>;
  /** For metrics: an answer of the token endpoint. */
  readonly onTokenAnswer?: (grantType: string, outcome: 'issued' | 'refused') => void;
}
