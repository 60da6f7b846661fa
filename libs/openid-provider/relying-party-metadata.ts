import type { AdapterPayload } from 'oidc-provider';
import { API_SCOPES, OPENID_SCOPES } from '#libs/relying-parties/settings.js';
import type { RelyingPartySettings } from '#libs/relying-parties/settings.js';

/** Client metadata of our own, beside the standard one. */
export const EXTRA_METADATA = ['organizationId', 'apiScopes'];

/** P11: never the fragment, which scripts of the page can read. */
export const RESPONSE_MODES = ['query', 'form_post'] as const;

const of = (scopes: readonly string[], known: readonly string[]): string => scopes.filter((scope) => known.includes(scope)).join(' ');

/** A relying party's settings as the client metadata of OpenID Connect Dynamic Registration 2, which is what oidc-provider reads. */
export const clientMetadata = (settings: RelyingPartySettings): AdapterPayload => {
  // oidc-provider takes the scopes of OpenID Connect only, and no empty list; those of our APIs belong to their resource (RFC 8707).
  const scope = of(settings.scopes, OPENID_SCOPES);
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
    ...(scope === '' ? {} : { scope }),
    ...(settings.clientSecret === undefined ? {} : { client_secret: settings.clientSecret }),
    organizationId: settings.organizationId,
    apiScopes: of(settings.scopes, API_SCOPES),
  };
};
