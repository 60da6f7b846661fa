import type { AdapterPayload } from 'oidc-provider';
import { API_SCOPES, OPENID_SCOPES } from '#libs/relying-parties/settings.js';
import type { RelyingPartySettings } from '#libs/relying-parties/settings.js';

/** Client metadata of our own, beside the standard one. */
export const EXTRA_METADATA = ['organizationId', 'apiScopes'];

/** A relying party's settings as the client metadata of OpenID Connect Dynamic Registration 2, which is what oidc-provider reads. */
export const clientMetadata = (settings: RelyingPartySettings): AdapterPayload => ({
  client_id: settings.clientId,
  client_name: settings.displayName,
  redirect_uris: settings.redirectUris,
  post_logout_redirect_uris: settings.postLogoutRedirectUris,
  grant_types: settings.grantTypes,
  response_types: settings.grantTypes.includes('authorization_code') ? ['code'] : [],
  token_endpoint_auth_method: settings.tokenEndpointAuthMethod,
  application_type: settings.applicationType,
  // oidc-provider takes the scopes of OpenID Connect only; those of our APIs belong to their resource (RFC 8707).
  scope: settings.scopes.filter((scope) => (OPENID_SCOPES as readonly string[]).includes(scope)).join(' '),
  apiScopes: settings.scopes.filter((scope) => (API_SCOPES as readonly string[]).includes(scope)).join(' '),
  ...(settings.clientSecret === undefined ? {} : { client_secret: settings.clientSecret }),
  organizationId: settings.organizationId,
});
