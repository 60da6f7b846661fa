import { z } from 'zod';
import { oauth2ProviderSecrets, oauth2ProviderSettingsSchema, oauth2ProviderShape } from './oauth2/settings.js';
import { oidcProviderSecrets, oidcProviderSettingsSchema, oidcProviderShape } from './oidc/settings.js';
import { samlProviderSecrets, samlProviderSettingsSchema, samlProviderShape } from './saml/settings.js';

/** An upstream identity provider of any kind, secrets included. */
export const identityProviderSettingsSchema = z.discriminatedUnion('kind', [
  oidcProviderSettingsSchema,
  oauth2ProviderSettingsSchema,
  samlProviderSettingsSchema,
]);
export type IdentityProviderSettings = z.output<typeof identityProviderSettingsSchema>;
export type ProviderKind = IdentityProviderSettings['kind'];
export type SettingsOf<Kind extends ProviderKind> = Extract<IdentityProviderSettings, { readonly kind: Kind }>;

/** What is stored in plain. */
export const plainProviderSettingsSchema = z.discriminatedUnion('kind', [
  z.strictObject(oidcProviderShape),
  z.strictObject(oauth2ProviderShape),
  z.strictObject(samlProviderShape),
]);

/** What is stored encrypted, of whatever kind. */
export const providerSecretsSchema = z.strictObject({
  ...oidcProviderSecrets,
  ...oauth2ProviderSecrets,
  ...samlProviderSecrets,
});
export type ProviderSecrets = z.output<typeof providerSecretsSchema>;
export type SecretName = keyof ProviderSecrets;
export const secretNames = Object.keys(providerSecretsSchema.shape) as readonly SecretName[];

/** Takes settings apart into what may be shown and what may not; the id is neither, it stands in the stream's name. */
export const withoutSecrets = ({
  id: _id,
  ...settings
}: IdentityProviderSettings): {
  readonly plain: z.output<typeof plainProviderSettingsSchema>;
  readonly secrets: ProviderSecrets;
} => {
  const isSecret = ([name]: [string, unknown]): boolean => (secretNames as readonly string[]).includes(name);
  const entries = Object.entries(settings).filter(([, value]) => value !== undefined);
  return {
    plain: Object.fromEntries(entries.filter((entry) => !isSecret(entry))) as never,
    secrets: Object.fromEntries(entries.filter(isSecret)),
  };
};

/** A provider of the installation may be offered by any organization, one of an organization by that one only. */
export const mayOffer = (settings: IdentityProviderSettings, organizationId: string): boolean =>
  settings.organizationId === undefined || settings.organizationId === organizationId;

/**
 * Where the names of a provider's people come from: the `iss` of its tokens, the issuer that an OAuth 2.0 provider was
 * given, the entity id.
 */
export const issuerOf = (settings: IdentityProviderSettings): string =>
  settings.kind === 'saml' ? settings.entityId : settings.issuer;

/** Whom we show the provider's client secret to; nobody where there is none. */
export const clientSecretGoesTo = (settings: IdentityProviderSettings): string | undefined => {
  switch (settings.kind) {
    case 'oidc':
      return settings.issuer;
    case 'oauth2':
      return settings.tokenEndpoint;
    case 'saml':
      return undefined;
  }
};

/** Origins that the browser may be sent to for a sign-in; forms of pages that offer the provider may lead there. */
export const signInOriginsOf = (settings: IdentityProviderSettings): readonly string[] => {
  switch (settings.kind) {
    case 'oidc':
      return [new URL(settings.issuer).origin];
    case 'oauth2':
      return [new URL(settings.authorizationEndpoint).origin];
    case 'saml':
      return settings.singleSignOnServices.map(({ url }) => new URL(url).origin);
  }
};

/** Whether the provider has the browser post its responses to us, from its own site. */
export const postsResponses = (settings: IdentityProviderSettings): boolean =>
  settings.kind === 'saml' || (settings.kind === 'oidc' && settings.responseMode === 'form_post');
