import type { SamlProviderMetadata } from './provider-metadata.js';

/** An entry of `identityProviders` in a configuration file. */
export type DeclaredSamlProvider = Readonly<Record<string, unknown>>;

/**
 * What a configuration file has to say to sign people in at a provider, out of the provider's own metadata.
 * Certificates are written down only where the metadata came from a file: an address is asked again and again, so that
 * a rollover needs nobody.
 * @param from the address that the metadata is published under, or nothing for a file
 */
export const declareFromMetadata = (
  {
    entityId,
    singleSignOnServices,
    singleLogoutServices,
    signingCertificates,
    wantAuthnRequestsSigned,
  }: SamlProviderMetadata,
  id: string,
  from: string | undefined,
): DeclaredSamlProvider => ({
  id,
  kind: 'saml',
  displayName: id,
  entityId,
  ...(from === undefined ? { signingCertificates } : { metadataUrl: from }),
  singleSignOnServices,
  ...(singleLogoutServices.length === 0 ? {} : { singleLogoutServices }),
  ...(wantAuthnRequestsSigned ? { signRequests: true, requestSigningKey: { env: 'SAML_SIGNING_KEY' } } : {}),
});
