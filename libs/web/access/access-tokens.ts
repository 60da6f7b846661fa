export type AccessTokenCheck =
  | { readonly kind: 'valid'; readonly clientId: string; readonly organizationId: string }
  | { readonly kind: 'refused'; readonly code: 'invalid_token' | 'insufficient_scope' };

/** Checks access tokens of our own OpenID Provider (RFC 9068, section 4). Provided by the application. */
export abstract class AccessTokens {
  abstract verify(token: string, required: { readonly scope: string }): Promise<AccessTokenCheck>;
}
