import type { Certificate } from '#libs/platform/self-signed-certificate.js';
import type { HostileSamlProvider } from './hostile-saml-provider.js';

/** A SAML provider as a configuration file declares it, with this much said otherwise. */
export const samlProvider = (
  id: string,
  provider: HostileSamlProvider,
  over: Readonly<Record<string, unknown>> = {},
): Record<string, unknown> => ({
  id,
  kind: 'saml',
  displayName: id,
  entityId: provider.entityId,
  singleSignOnServices: [{ binding: 'redirect', url: `${provider.url}/sso` }],
  singleLogoutServices: [{ binding: 'redirect', url: `${provider.url}/slo` }],
  signingCertificates: [provider.keys.certificate],
  attributeMapping: { email: 'mail', name: 'displayName' },
  ...over,
});

/** Our keys, as the file names them. */
export const serviceProviderKeys = (
  keys: Certificate,
): { readonly declared: Record<string, unknown>; readonly environment: NodeJS.ProcessEnv } => ({
  declared: {
    requestSigningKey: { env: 'SAML_KEY' },
    requestSigningCertificate: keys.certificate,
    decryptionKey: { env: 'SAML_KEY' },
    decryptionCertificate: keys.certificate,
  },
  environment: { SAML_KEY: keys.key },
});

/** One organization that offers these providers, everything allowed. JSON is YAML. */
export const configurationWith = (providers: readonly Record<string, unknown>[]): string =>
  JSON.stringify({
    identityProviders: providers,
    organizations: [
      {
        id: 'default',
        displayName: 'Test',
        identityProviders: providers.map(({ id }) => ({
          id,
          policy: { creationAllowed: true, autoCreate: true, linkingAllowed: true },
        })),
      },
    ],
  });
