import { entityIdOf, singleLogoutServiceOf } from './addresses.js';
import { BINDINGS, DS, MD, SAMLP } from './names.js';
import { nameIdFormats } from './settings.js';
import type { SamlProviderSettings } from './settings.js';

const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');

const keyDescriptor = (use: 'signing' | 'encryption', certificate: string | undefined, methods = ''): string => {
  if (certificate === undefined) return '';
  const base64 = certificate.replace(/-----[A-Z ]+-----|\s/g, '');
  const keyInfo = `<ds:KeyInfo xmlns:ds="${DS}"><ds:X509Data><ds:X509Certificate>${base64}</ds:X509Certificate></ds:X509Data></ds:KeyInfo>`;
  return `<md:KeyDescriptor use="${use}">${keyInfo}${methods}</md:KeyDescriptor>`;
};

/** What may be encrypted with (security row S14). */
const ENCRYPTION_METHODS = [
  'http://www.w3.org/2009/xmlenc11#aes256-gcm',
  'http://www.w3.org/2009/xmlenc11#aes128-gcm',
  'http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p',
]
  .map((algorithm) => `<md:EncryptionMethod Algorithm="${algorithm}"/>`)
  .join('');

/** Our metadata for one provider (SAML metadata, section 2.4.4). @param assertionConsumerService our address for it */
export const serviceProviderMetadata = (settings: SamlProviderSettings, assertionConsumerService: string): string => {
  const { signRequests, nameIdFormat, signaturePolicy, requestSigningCertificate, decryptionCertificate } = settings;
  const logout = singleLogoutServiceOf(assertionConsumerService);
  const service = (name: string, binding: keyof typeof BINDINGS, location: string, more = ''): string =>
    `<md:${name} Binding="${BINDINGS[binding]}" Location="${escaped(location)}"${more}/>`;
  const signed = `AuthnRequestsSigned="${signRequests}" WantAssertionsSigned="${signaturePolicy !== 'response'}"`;
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<md:EntityDescriptor xmlns:md="${MD}" entityID="${escaped(entityIdOf(assertionConsumerService))}">`,
    `<md:SPSSODescriptor protocolSupportEnumeration="${SAMLP}" ${signed}>`,
    keyDescriptor('signing', requestSigningCertificate),
    keyDescriptor('encryption', decryptionCertificate, ENCRYPTION_METHODS),
    service('SingleLogoutService', 'redirect', logout),
    service('SingleLogoutService', 'post', logout),
    `<md:NameIDFormat>${nameIdFormats[nameIdFormat]}</md:NameIDFormat>`,
    service('AssertionConsumerService', 'post', assertionConsumerService, ' index="0" isDefault="true"'),
    '</md:SPSSODescriptor>',
    '</md:EntityDescriptor>',
  ].join('');
};
