/** The part of the protocol in which something was refused. */
export type UpstreamStep =
  | 'discovery'
  | 'authorization_request'
  | 'authorization_response'
  | 'token_exchange'
  | 'id_token'
  | 'userinfo'
  | 'logout_token'
  | 'saml_metadata'
  | 'saml_message'
  | 'saml_signature'
  | 'saml_decryption'
  | 'saml_response'
  | 'saml_assertion'
  | 'saml_logout';

/**
 * An upstream response that is not believed, or a provider that cannot be asked. The detail is for the log: no tokens,
 * nothing personal.
 */
export class UpstreamError extends Error {
  constructor(
    /** Stable, snake_case. */
    readonly code: string,
    readonly step: UpstreamStep,
    detail: string,
  ) {
    super(detail);
  }
}
