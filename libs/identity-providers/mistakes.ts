import { createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto';
import { addressMistake, HttpExchangeError, UnusableProviderError } from '#libs/platform/guarded-http.js';
import type { HttpPolicy } from '#libs/platform/guarded-http.js';
import { Discovery } from './oidc/discovery.js';
import type { OidcProviderSettings } from './oidc/settings.js';
import type { OAuth2ProviderSettings } from './oauth2/settings.js';
import { isUsable } from './saml/provider-metadata.js';
import type { SamlProviderSettings } from './saml/settings.js';
import { fetchMetadata } from './saml/fetch-metadata.js';
import type { IdentityProviderSettings } from './settings.js';

/** Something that settings say which could never work, and where they say it. Never holds a secret. */
export interface Mistake {
  readonly path: readonly PropertyKey[];
  readonly message: string;
}

const mistake = (path: readonly PropertyKey[], message: string): Mistake => ({ path, message });

/** What is wrong with settings by themselves, without asking anybody. */
export const mistakesWithin = (settings: IdentityProviderSettings, now: Date): readonly Mistake[] => {
  switch (settings.kind) {
    case 'oidc':
      return withinOidc(settings);
    case 'oauth2':
      return [];
    case 'saml':
      return withinSaml(settings, now);
  }
};

const withinOidc = ({ clientSecretJwt, clientSecretKey, clientSecret }: OidcProviderSettings): readonly Mistake[] => [
  ...(clientSecretJwt && clientSecretKey === undefined
    ? [mistake(['clientSecretKey'], 'is missing: clientSecretJwt is signed with it')]
    : []),
  ...(clientSecretKey !== undefined && !isPrivateKey(clientSecretKey, 'ec')
    ? [mistake(['clientSecretKey'], 'must be an EC private key, PKCS #8 in PEM')]
    : []),
  ...(clientSecretJwt && clientSecret !== undefined
    ? [mistake(['clientSecret'], 'is not used beside clientSecretJwt')]
    : []),
];

const withinSaml = (settings: SamlProviderSettings, now: Date): readonly Mistake[] => {
  const { signingCertificates, metadataUrl, nameIdFormat, identifier } = settings;
  return [
    ...(signingCertificates.length === 0 && metadataUrl === undefined
      ? [
          mistake(
            ['signingCertificates'],
            'is missing: name the provider’s signing certificates, or the metadataUrl that has them',
          ),
        ]
      : []),
    ...signingCertificates.flatMap((pem, i) =>
      certificateMistakes(pem, now).map((message) => mistake(['signingCertificates', i], message)),
    ),
    ...(nameIdFormat === 'transient' && identifier.from === 'name_id'
      ? [
          mistake(
            ['identifier'],
            'a transient NameID is another one each time: name people by an attribute that never changes',
          ),
        ]
      : []),
    ...(settings.signRequests && settings.requestSigningKey === undefined
      ? [mistake(['requestSigningKey'], 'is missing: signRequests needs it')]
      : []),
    ...(settings.encryptedAssertionsOnly && settings.decryptionKey === undefined
      ? [mistake(['decryptionKey'], 'is missing: encryptedAssertionsOnly needs it')]
      : []),
    ...keyPairMistakes(settings, 'requestSigningKey', 'requestSigningCertificate'),
    ...keyPairMistakes(settings, 'decryptionKey', 'decryptionCertificate'),
    ...(settings.previousDecryptionKey !== undefined && !isPrivateKey(settings.previousDecryptionKey, 'rsa')
      ? [mistake(['previousDecryptionKey'], 'must be an RSA private key, PKCS #8 in PEM')]
      : []),
  ];
};

const certificateMistakes = (pem: string, now: Date): readonly string[] => {
  const certificate = certificateOf(pem);
  if (!certificate) return ['is no certificate'];
  return [
    ...(isUsable(certificate) ? [] : ['must be of an RSA key of at least 2048 bits']),
    ...(new Date(certificate.validTo) < now ? [`expired on ${new Date(certificate.validTo).toISOString()}`] : []),
  ];
};

const keyPairMistakes = (
  settings: SamlProviderSettings,
  keyName: 'requestSigningKey' | 'decryptionKey',
  certificateName: 'requestSigningCertificate' | 'decryptionCertificate',
): readonly Mistake[] => {
  const [key, pem] = [settings[keyName], settings[certificateName]];
  if (key === undefined)
    return pem === undefined ? [] : [mistake([keyName], `is missing: ${certificateName} is of it`)];
  if (!isPrivateKey(key, 'rsa')) return [mistake([keyName], 'must be an RSA private key, PKCS #8 in PEM')];
  if (pem === undefined) return [mistake([certificateName], `is missing: the provider needs it to know ${keyName}`)];
  const publicKey = certificateOf(pem)?.publicKey.export({ type: 'spki', format: 'pem' });
  const fits = publicKey === createPublicKey(key).export({ type: 'spki', format: 'pem' });
  return fits ? [] : [mistake([certificateName], `is not the certificate of ${keyName}`)];
};

const certificateOf = (pem: string): X509Certificate | undefined => {
  try {
    return new X509Certificate(pem);
  } catch {
    return undefined;
  }
};

const isPrivateKey = (pem: string, type: 'rsa' | 'ec'): boolean => {
  try {
    return createPrivateKey(pem).asymmetricKeyType === type;
  } catch {
    return false;
  }
};

/** What the provider itself was asked, and how that went. */
export interface Checked {
  readonly mistakes: readonly Mistake[];
  /** What could not be checked now: no reason not to save. */
  readonly warnings: readonly string[];
}

/** Where we ask the provider something, and where browsers are sent. */
const addressesOf = (
  settings: IdentityProviderSettings,
): readonly (readonly [path: readonly PropertyKey[], url: string])[] => {
  switch (settings.kind) {
    case 'oidc':
      return [[['issuer'], settings.issuer]];
    case 'oauth2':
      return (
        [
          'authorizationEndpoint',
          'tokenEndpoint',
          'userEndpoint',
          'emailsEndpoint',
        ] as const satisfies (keyof OAuth2ProviderSettings)[]
      ).flatMap((name) => (settings[name] === undefined ? [] : [[[name], settings[name]] as const]));
    case 'saml':
      return [
        ...(settings.metadataUrl === undefined ? [] : [[['metadataUrl'], settings.metadataUrl] as const]),
        ...settings.singleSignOnServices.map(({ url }, i) => [['singleSignOnServices', i, 'url'], url] as const),
        ...settings.singleLogoutServices.map(({ url }, i) => [['singleLogoutServices', i, 'url'], url] as const),
      ];
  }
};

/**
 * Everything that keeps settings from being saved: what is wrong within them, addresses that may not be asked here, and
 * a provider that answers and is another one than they say. One that does not answer now is no mistake.
 */
export const checkSettings = async (
  settings: IdentityProviderSettings,
  policy: HttpPolicy,
  now: Date,
): Promise<Checked> => {
  const within = mistakesWithin(settings, now);
  const addresses = (
    await Promise.all(
      addressesOf(settings).map(async ([path, url]) => [path, await addressMistake(url, policy)] as const),
    )
  ).flatMap(([path, message]) => (message === undefined ? [] : [mistake(path, message)]));
  if (within.length + addresses.length > 0) return { mistakes: [...within, ...addresses], warnings: [] };
  try {
    if (settings.kind === 'oidc') await new Discovery(policy, () => now).find(settings.issuer);
    if (settings.kind === 'saml' && settings.metadataUrl !== undefined)
      await fetchMetadata(settings.metadataUrl, policy, now, settings.entityId);
    return { mistakes: [], warnings: [] };
  } catch (error) {
    const path = [settings.kind === 'oidc' ? 'issuer' : 'metadataUrl'];
    if (error instanceof UnusableProviderError) return { mistakes: [mistake(path, error.message)], warnings: [] };
    if (error instanceof HttpExchangeError)
      return { mistakes: [], warnings: [`${settings.id}: not checked: ${error.message}`] };
    throw error;
  }
};
