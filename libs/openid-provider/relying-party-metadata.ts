import type { AdapterPayload } from 'oidc-provider';
import type { RelyingPartySettings } from '#libs/relying-parties/settings.js';

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
  scope: settings.scopes.join(' '),
  ...(settings.clientSecret === undefined ? {} : { client_secret: settings.clientSecret }),
  organizationId: settings.organizationId,
});
