import { describe, expect, it } from '@jest/globals';
import { stringify } from 'yaml';
import { parseDeclaration } from '#libs/declared-configuration/declaration.js';
import { samlCertificate } from '#test-support/certificate.js';
import { declareFromMetadata } from './declare-from-metadata.js';
import { parseProviderMetadata } from './provider-metadata.js';

const NOW = new Date('2026-03-03T12:00:00Z');
const ENTITY = 'https://corp.example/saml';
const entity = (certificate: string, entityId = ENTITY, over = ''): string =>
  `<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" entityID="${entityId}"${over}>
    <!-- made by hand -->
    <md:IDPSSODescriptor WantAuthnRequestsSigned="true" protocolSupportEnumeration="urn:oasis:names:tc:SAML:1.1:protocol urn:oasis:names:tc:SAML:2.0:protocol">
      <md:KeyDescriptor use="encryption"><ds:KeyInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:X509Data><ds:X509Certificate>AAAA</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>
      <md:KeyDescriptor><ds:KeyInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:X509Data><ds:X509Certificate>
        ${certificate.replace(/-----[A-Z ]+-----/g, '').trim()}
      </ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>
      <md:SingleLogoutService Binding="urn:oasis:names:tc:SAML:2.0:bindings:SOAP" Location="https://corp.example/soap"/>
      <md:SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="https://corp.example/sso?a=1&amp;b=2"/>
    </md:IDPSSODescriptor>
  </md:EntityDescriptor>`;

describe('metadata of a SAML provider', () => {
  it('becomes an entry of a configuration file that can be applied', async () => {
    const { certificate } = await samlCertificate();
    const metadata = parseProviderMetadata(`<?xml version="1.0" encoding="utf-8"?>\n${entity(certificate)}`, NOW);
    const declared = declareFromMetadata(metadata, 'corp', undefined);
    expect(declared).toMatchObject({
      entityId: ENTITY,
      singleSignOnServices: [{ binding: 'post', url: 'https://corp.example/sso?a=1&b=2' }],
      signRequests: true,
    });
    const [provider] = parseDeclaration(stringify({ identityProviders: [declared] }), {
      SAML_SIGNING_KEY: 'a key',
    }).identityProviders;
    expect(provider?.settings).toMatchObject({
      kind: 'saml',
      signingCertificates: [certificate],
      requestSigningKey: 'a key',
    });
    expect(declareFromMetadata(metadata, 'corp', 'https://corp.example/saml')).toMatchObject({
      metadataUrl: 'https://corp.example/saml',
    });
  });

  it('of a federation: the entity id says which', async () => {
    const { certificate } = await samlCertificate();
    const other = 'https://other.example/saml';
    const federation = `<md:EntitiesDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata">${entity(certificate)}${entity(certificate, other)}</md:EntitiesDescriptor>`;
    expect(parseProviderMetadata(federation, NOW, other).entityId).toBe(other);
    expect(() => parseProviderMetadata(federation, NOW)).toThrow('several identity providers');
    expect(() => parseProviderMetadata(federation, NOW, 'https://nobody.example')).toThrow(
      'does not describe https://nobody.example',
    );
  });

  it.each([
    [
      'is no longer valid',
      entity('', ENTITY, ' validUntil="2026-03-03T11:59:59Z"'),
      'it was valid until 2026-03-03T11:59:59Z',
    ],
    ['has a DOCTYPE (S8)', `<!DOCTYPE x>${entity('')}`, 'a document type'],
    ['is a service provider’s', entity('').replaceAll('IDPSSO', 'SPSSO'), 'no identity provider'],
    [
      'speaks SAML 1.1 only',
      entity('').replace(' urn:oasis:names:tc:SAML:2.0:protocol"', '"'),
      'does not speak SAML 2.0',
    ],
  ])('that %s is refused', (_what, xml, reason) => expect(() => parseProviderMetadata(xml, NOW)).toThrow(reason));
});
