/**
 * What an external identity provider asserted, after every check of its protocol (security.md, "Upstream OpenID Connect"). Values come from
 * the verified token only.
 */
export interface VerifiedAssertion {
  readonly providerId: string;
  readonly sourceKind: 'oidc';
  readonly issuer: string;
  readonly subject: string;
  readonly claims: {
    readonly email?: string;
    readonly emailVerified: boolean;
    readonly preferredUsername?: string;
    readonly name?: string;
    readonly givenName?: string;
    readonly familyName?: string;
  };
  /** When the person actively authenticated at the provider, if it says so. */
  readonly authTime?: Date;
  readonly acr?: string;
  readonly amr: readonly string[];
  /** Names the assertion in the audit trail without being usable as one. */
  readonly assertionId: string;
}
