import { BINDINGS, DS, MD, SAMLP } from './names.js';
import { nameIdFormats } from './settings.js';
import type { SamlProviderSettings } from './settings.js';

/*
 * What Ligature is to a SAML provider. It is another service provider to each: with an entity id and addresses of its own per provider, an
 * assertion for one can never be used as one of another.
 */

const sibling = (assertionConsumerService: string, name: string): string => assertionConsumerService.replace(/\/acs$/, `/${name}`);

/** Our entity id is where our metadata is. */
export const entityIdOf = (assertionConsumerService: string): string => sibling(assertionConsumerService, 'metadata');
export const singleLogoutServiceOf = (assertionConsumerService: string): string => sibling(assertionConsumerService, 'slo');

const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');

const keyDescriptor = (use: 'signing' | 'encryption', certificate: string | undefined, methods = ''): string =>
  certificate === undefined
    ? ''
    : `<md:KeyDescriptor use="${use}"><ds:KeyInfo xmlns:ds="${DS}"><ds:X509Data><ds:X509Certificate>${certificate.replace(/-----[A-Z ]+-----|\s/g, '')}</ds:X509Certificate></ds:X509Data></ds:KeyInfo>${methods}</md:KeyDescriptor>`;

const encryptionMethods = [
  'http://www.w3.org/2009/xmlenc11#aes256-gcm',
  'http://www.w3.org/2009/xmlenc11#aes128-gcm',
  'http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p',
]
  .map((algorithm) => `<md:EncryptionMethod Algorithm="${algorithm}"/>`)
  .join('');

/** Our metadata for one provider (SAML metadata, section 2.4.4). @param assertionConsumerService our address for it */
export const serviceProviderMetadata = (settings: SamlProviderSettings, assertionConsumerService: string): string => {
  const logout = singleLogoutServiceOf(assertionConsumerService);
  const service = (name: string, binding: keyof typeof BINDINGS, location: string, more = ''): string =>
    `<md:${name} Binding="${BINDINGS[binding]}" Location="${escaped(location)}"${more}/>`;
  const { signRequests, nameIdFormat, signaturePolicy } = settings;
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<md:EntityDescriptor xmlns:md="${MD}" entityID="${escaped(entityIdOf(assertionConsumerService))}">`,
    `<md:SPSSODescriptor protocolSupportEnumeration="${SAMLP}" AuthnRequestsSigned="${signRequests}" WantAssertionsSigned="${signaturePolicy !== 'response'}">`,
    keyDescriptor('signing', settings.requestSigningCertificate),
    keyDescriptor('encryption', settings.decryptionCertificate, encryptionMethods),
    service('SingleLogoutService', 'redirect', logout),
    service('SingleLogoutService', 'post', logout),
    `<md:NameIDFormat>${nameIdFormats[nameIdFormat]}</md:NameIDFormat>`,
    service('AssertionConsumerService', 'post', assertionConsumerService, ' index="0" isDefault="true"'),
    '</md:SPSSODescriptor>',
    '</md:EntityDescriptor>',
  ].join('');
};
