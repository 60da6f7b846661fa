import { z } from 'zod';
import { slugSchema } from '#libs/platform/slug.js';
import { commonProviderShape, endpointSchema, scopeSchema, secretSchema } from '../provider-fields.js';

const field = z.string().min(1).max(100);

/**
 * A provider that speaks OAuth 2.0 and says who the person is through an API of its own (GitHub). What it asserts is
 * believed because it was fetched from the provider, over TLS, with a token that this very flow obtained; nothing is
 * signed.
 */
export const oauth2ProviderShape = {
  kind: z.literal('oauth2'),
  ...commonProviderShape,
  /** Names the source: part of every external identity of this provider. */
  issuer: endpointSchema,
  authorizationEndpoint: endpointSchema,
  tokenEndpoint: endpointSchema,
  /** Answers a bearer token with a JSON object about the person. */
  userEndpoint: endpointSchema,
  /** Answers with `[{ email, primary, verified }]`; of these only the primary one is taken, as verified as it says. */
  emailsEndpoint: endpointSchema.optional(),
  clientId: z.string().min(1).max(200),
  scopes: z.array(scopeSchema).default([]),
  /**
   * Field of the user's object that never changes and is never given to somebody else: text or an integer. Never a
   * login name.
   */
  subjectField: field,
  /** Which field fills which of ours; only these are ever taken over (security row L23). */
  fieldMapping: z
    .strictObject({
      preferredUsername: field.optional(),
      name: field.optional(),
      givenName: field.optional(),
      familyName: field.optional(),
    })
    .prefault({}),
} as const;

export const oauth2ProviderSecrets = { clientSecret: secretSchema.optional() } as const;

export const oauth2ProviderSettingsSchema = z.strictObject({
  id: slugSchema,
  ...oauth2ProviderShape,
  ...oauth2ProviderSecrets,
});
export type OAuth2ProviderSettings = z.output<typeof oauth2ProviderSettingsSchema>;
