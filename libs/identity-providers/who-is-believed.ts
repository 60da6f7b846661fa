import { isDeepStrictEqual } from 'node:util';
import type { IdentityProviderSettings } from './settings.js';

/**
 * Settings by which it is decided whose word is taken for a person. Whoever may change them can sign in as anybody who
 * is linked (security row L27), so that these people are told.
 */
const DECIDE: readonly string[] = [
  'kind',
  // OpenID Connect
  'issuer',
  'clientId',
  'idTokenSigningAlgs',
  'subjectClaims',
  'requiredClaims',
  // OAuth 2.0
  'tokenEndpoint',
  'userEndpoint',
  'subjectField',
  // SAML
  'entityId',
  'signingCertificates',
  'metadataUrl',
  'identifier',
  'nameIdFormat',
  'signaturePolicy',
  'allowIdpInitiated',
];

export const changesWhoIsBelieved = (before: IdentityProviderSettings, after: IdentityProviderSettings): boolean => {
  const deciding = (settings: IdentityProviderSettings): object =>
    Object.fromEntries(
      Object.entries(settings).filter(([name, value]) => DECIDE.includes(name) && value !== undefined),
    );
  return !isDeepStrictEqual(deciding(before), deciding(after));
};
