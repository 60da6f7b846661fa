/**
 * What names people at a source; equal names of different kinds are different people. Part of an identity's key: never
 * renamed.
 */
export type SourceKind = 'oidc' | 'oidc_claims' | 'oauth2' | 'saml_name_id' | 'saml_attribute';

/** What a provider's logout messages name. */
export interface SessionAtProvider {
  readonly providerId: string;
  readonly issuer: string;
  /** The person: OpenID Connect `sub`, SAML NameID. */
  readonly subject: string;
  /** The session: OpenID Connect `sid`, SAML `SessionIndex`. */
  readonly session?: string | undefined;
}

/**
 * What an external identity provider asserted, after every check of its protocol (security.md, "Upstream OpenID
 * Connect", "Upstream SAML"). Values come from what was verified only.
 */
export interface VerifiedAssertion {
  readonly providerId: string;
  readonly sourceKind: SourceKind;
  readonly issuer: string;
  readonly subject: string;
  /**
   * What the subject is unique together with, where it is not so alone: of a NameID its format and qualifiers, of an
   * attribute its name.
   */
  readonly subjectQualifiers?: readonly string[];
  readonly claims: {
    readonly email?: string;
    readonly emailVerified: boolean;
    readonly preferredUsername?: string;
    readonly name?: string;
    readonly givenName?: string;
    readonly familyName?: string;
  };
  /** When the person actively authenticated at the provider, if it says so; never in the future. */
  readonly authTime?: Date;
  readonly acr?: string;
  /** The authentication context classes that the provider was asked for; none: it was asked for none. */
  readonly requestedAcrValues?: readonly string[];
  readonly amr: readonly string[];
  /** None: the provider sends no logout messages. */
  readonly atProvider?: SessionAtProvider;
  /** Names the assertion in the audit trail without being usable as one. */
  readonly assertionId: string;
}
