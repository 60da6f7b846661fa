import { z } from 'zod';
import { slugSchema } from '#libs/platform/slug.js';
import { commonProviderShape, endpointSchema, secretSchema } from '../provider-fields.js';
import { samlReauthenticationSchema } from '../reauthentication.js';

/** NameID formats that may be asked for (SAML 2.0 Core, section 8.3). */
export const nameIdFormats = {
  persistent: 'urn:oasis:names:tc:SAML:2.0:nameid-format:persistent',
  transient: 'urn:oasis:names:tc:SAML:2.0:nameid-format:transient',
  emailAddress: 'urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress',
  unspecified: 'urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified',
} as const;

const serviceSchema = z.strictObject({ binding: z.enum(['redirect', 'post']), url: endpointSchema });
const attributeName = z.string().min(1).max(500);
const pemCertificate = z
  .string()
  .max(20_000)
  .regex(
    /^\s*-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----\s*$/,
    'must be one certificate in PEM',
  );

/** An upstream SAML 2.0 identity provider, as an operator declares it, but its id and its secrets. */
export const samlProviderShape = {
  kind: z.literal('saml'),
  ...commonProviderShape,
  /** The provider's entity id: the issuer of its assertions, byte for byte. */
  entityId: z.string().min(1).max(1_024),
  singleSignOnServices: z.array(serviceSchema).min(1).max(10),
  singleLogoutServices: z.array(serviceSchema).max(10).default([]),
  /**
   * Certificates of the keys that may sign; several while the provider rolls over. Those of `metadataUrl` come on top.
   */
  signingCertificates: z.array(pemCertificate).max(10).default([]),
  /**
   * Where the provider publishes its metadata; its signing keys are taken from there again and again, so that a
   * rollover needs nobody.
   */
  metadataUrl: endpointSchema.optional(),
  /** The NameID format that is asked for. */
  nameIdFormat: z.enum(Object.keys(nameIdFormats) as (keyof typeof nameIdFormats)[]).default('persistent'),
  /**
   * What names the person: the NameID (never a transient one), or an attribute that never changes and is never given to
   * somebody else.
   */
  identifier: z
    .discriminatedUnion('from', [
      z.strictObject({ from: z.literal('name_id') }),
      z.strictObject({ from: z.literal('attribute'), name: attributeName }),
    ])
    .default({ from: 'name_id' }),
  /** What must be signed (security row S3). */
  signaturePolicy: z.enum(['assertion', 'response', 'both']).default('assertion'),
  /** Refuse assertions that are not encrypted (row S14). */
  encryptedAssertionsOnly: z.boolean().default(false),
  signRequests: z.boolean().default(false),
  /**
   * Take responses that nobody asked for (row S5): they may sign in to an account that is linked already, nothing else.
   */
  allowIdpInitiated: z.boolean().default(false),
  /** Which attribute fills which claim; only these are ever taken over (rows L23, S9). */
  attributeMapping: z
    .strictObject({
      email: attributeName.optional(),
      preferredUsername: attributeName.optional(),
      name: attributeName.optional(),
      givenName: attributeName.optional(),
      familyName: attributeName.optional(),
    })
    .prefault({}),
  /**
   * SAML has no word for a verified address: whether the provider's count as verified, within the domains that the
   * policy trusts (L5).
   */
  emailsVerified: z.boolean().default(false),
  /** What it does with `ForceAuthn` and `RequestedAuthnContext`; none: the former only. */
  reauthentication: samlReauthenticationSchema.optional(),
  /** By how much the provider's clock may differ, in seconds (row S7). */
  clockSkewS: z.int().min(0).max(60).default(60),
  /** Certificates of our own keys, for our metadata. */
  requestSigningCertificate: pemCertificate.optional(),
  decryptionCertificate: pemCertificate.optional(),
} as const;

/** Private keys, PKCS #8 in PEM. */
export const samlProviderSecrets = {
  requestSigningKey: secretSchema.optional(),
  decryptionKey: secretSchema.optional(),
  /** Still opens what was encrypted for the key before, while the provider has not met the new certificate. */
  previousDecryptionKey: secretSchema.optional(),
} as const;

export const samlProviderSettingsSchema = z.strictObject({
  id: slugSchema,
  ...samlProviderShape,
  ...samlProviderSecrets,
});
export type SamlProviderSettings = z.output<typeof samlProviderSettingsSchema>;
