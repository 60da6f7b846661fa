import type { AdapterPayload, Client } from 'oidc-provider';
import { API_SCOPES, OPENID_SCOPES, organizationsOf } from '#libs/relying-parties/settings.js';
import type { RelyingPartySettings } from '#libs/relying-parties/settings.js';

/** Client metadata of our own, beside the standard one. */
export interface OwnMetadata {
  /**
   * Of the app's own organization, and of those that a request may name. The first is the one that is meant without a
   * name.
   */
  readonly organizations: readonly string[];
  readonly apiScopes: string;
  readonly resources: RelyingPartySettings['resources'];
  readonly consent: RelyingPartySettings['consent'];
}
export const EXTRA_METADATA = [
  'organizations',
  'apiScopes',
  'resources',
  'consent',
] as const satisfies readonly (keyof OwnMetadata)[];

export const ownMetadata = (client: Client): OwnMetadata => client as unknown as OwnMetadata;

/** P11: never the fragment, which scripts of the page can read. */
export const RESPONSE_MODES = ['query', 'form_post'] as const;

const of = (scopes: readonly string[], known: readonly string[]): string =>
  scopes.filter((scope) => known.includes(scope)).join(' ');

/**
 * A relying party's settings as the client metadata of OpenID Connect Dynamic Registration 2, which is what
 * oidc-provider reads.
 */
export const clientMetadata = (settings: RelyingPartySettings): AdapterPayload => {
  // oidc-provider takes the scopes of OpenID Connect only, and no empty list; those of our APIs belong to their
  // resource (RFC 8707).
  const scope = of(settings.scopes, OPENID_SCOPES);
  const { jwks, jwksUri, clientSecret, sectorIdentifierUri, backchannelLogoutUri } = settings;
  return {
    client_id: settings.clientId,
    client_name: settings.displayName,
    redirect_uris: settings.redirectUris,
    post_logout_redirect_uris: settings.postLogoutRedirectUris,
    grant_types: settings.grantTypes,
    response_types: settings.grantTypes.includes('authorization_code') ? ['code'] : [],
    response_modes: [...RESPONSE_MODES],
    token_endpoint_auth_method: settings.tokenEndpointAuthMethod,
    application_type: settings.applicationType,
    subject_type: settings.subjectType,
    require_pushed_authorization_requests: settings.requirePushedAuthorizationRequests,
    dpop_bound_access_tokens: settings.dpopBoundAccessTokens,
    require_auth_time: settings.requireAuthTime === true,
    ...(scope === '' ? {} : { scope }),
    ...(clientSecret === undefined ? {} : { client_secret: clientSecret }),
    ...(jwks === undefined ? {} : { jwks }),
    ...(jwksUri === undefined ? {} : { jwks_uri: jwksUri }),
    ...(sectorIdentifierUri === undefined ? {} : { sector_identifier_uri: sectorIdentifierUri }),
    ...(backchannelLogoutUri === undefined
      ? {}
      : { backchannel_logout_uri: backchannelLogoutUri, backchannel_logout_session_required: true }),
    ...({
      organizations: organizationsOf(settings),
      apiScopes: of(settings.scopes, API_SCOPES),
      resources: settings.resources,
      consent: settings.consent,
    } satisfies OwnMetadata),
  };
};
