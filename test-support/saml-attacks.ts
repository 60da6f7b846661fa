import { createHmac } from 'node:crypto';
import type { Certificate } from '#libs/platform/self-signed-certificate.js';
import type { SamlLies } from './hostile-saml-provider.js';
import { attribute, instant } from './saml-responses.js';
import { wrapSignature } from './signature-wrapping.js';

/** A response that must let nobody in. */
export interface SamlAttack {
  /** Row of security.md. */
  readonly row: string;
  readonly name: string;
  readonly code: string;
  readonly step: string;
  /** How the provider is declared, where not with the defaults. */
  readonly declared?: 'response' | 'both' | 'encrypted';
  readonly lies: (people: Actors) => SamlLies;
}

/** Who has keys. */
export interface Actors {
  readonly provider: Certificate;
  readonly stranger: Certificate;
  /** Ours, for encryption. */
  readonly serviceProvider: Certificate;
}

const SHA1 = 'http://www.w3.org/2000/09/xmldsig#sha1';
const RSA_SHA1 = 'http://www.w3.org/2000/09/xmldsig#rsa-sha1';
const HMAC_SHA1 = 'http://www.w3.org/2000/09/xmldsig#hmac-sha1';
const ENVELOPED = 'http://www.w3.org/2000/09/xmldsig#enveloped-signature';
const EXCLUSIVE_C14N = 'http://www.w3.org/2001/10/xml-exc-c14n#';

const facts =
  (change: Required<SamlLies>['facts'], more: SamlLies = {}): SamlAttack['lies'] =>
  () => ({ ...more, facts: change });
const message =
  (change: Required<SamlLies>['message'], more: SamlLies = {}): SamlAttack['lies'] =>
  () => ({ ...more, message: change });
const attack = (
  row: string,
  code: string,
  step: string,
  name: string,
  lies: SamlAttack['lies'],
  declared?: SamlAttack['declared'],
): SamlAttack => ({
  row,
  name,
  code,
  step,
  lies,
  ...(declared ? { declared } : {}),
});

const variants = [1, 2, 3, 4, 5, 6, 7, 8];

const wrapping: readonly SamlAttack[] = [
  ...variants.map((variant) =>
    attack(
      'S1',
      'response_malformed',
      'saml_message',
      `XSW${variant} on the assertion`,
      message((xml) => wrapSignature(xml, variant, 'Assertion')),
    ),
  ),
  ...variants.map((variant) =>
    attack(
      'S1',
      'response_malformed',
      'saml_message',
      `XSW${variant} on the response`,
      message((xml) => wrapSignature(xml, variant, 'Response'), { sign: 'response' }),
      'response',
    ),
  ),
  ...variants.map((variant) =>
    attack(
      'S1',
      'id_duplicated',
      'saml_message',
      `XSW${variant} on the assertion, with its id twice`,
      message((xml) => wrapSignature(xml, variant, 'Assertion', { sameId: true })),
    ),
  ),
  attack(
    'S1',
    'response_malformed',
    'saml_message',
    'a second response, in Extensions',
    facts(
      (f) => void (f.extensions = '<samlp:Extensions><samlp:Response ID="_evil" Version="2.0"/></samlp:Extensions>'),
    ),
  ),
  attack(
    'S1',
    'signature_covers_other',
    'saml_signature',
    'a signature over another element',
    message((xml, { assertionId, responseId }) => xml.replace(`URI="#${assertionId}"`, `URI="#${responseId}"`)),
  ),
  attack(
    'S1',
    'signature_covers_other',
    'saml_signature',
    'a signature over the whole document',
    message((xml) => xml.replace(/URI="#[^"]*"/, 'URI=""')),
  ),
  attack(
    'S1',
    'signature_invalid',
    'saml_signature',
    'a changed NameID',
    message((xml) => xml.replace(/(<saml:NameID[^>]*>)[^<]*/, '$1somebody-else')),
  ),
  attack(
    'S1',
    'id_duplicated',
    'saml_message',
    'an id that an element of another vocabulary has too',
    message((xml, { assertionId }) =>
      xml.replace('<samlp:Status>', `<samlp:Status><x xmlns="urn:x" id="${assertionId}"/>`),
    ),
  ),
];

const text: readonly SamlAttack[] = [
  attack(
    'S2',
    'xml_comment',
    'saml_message',
    'a comment inside the NameID',
    message((xml) => xml.replace('admin.evil.example', 'admin<!-- -->.evil.example'), {
      facts: (f) => void (f.nameId = 'admin.evil.example'),
    }),
  ),
  attack(
    'S2',
    'xml_comment',
    'saml_message',
    'a CDATA section inside the NameID',
    facts((f) => void (f.nameId = '<![CDATA[admin]]>.evil')),
  ),
  attack(
    'S2',
    'xml_comment',
    'saml_message',
    'a processing instruction inside the NameID',
    message((xml) => xml.replace('subject-1</saml:NameID>', 'subject<?x?>-1</saml:NameID>')),
  ),
  attack(
    'S2',
    'name_id_malformed',
    'saml_assertion',
    'an element inside the NameID',
    facts((f) => void (f.nameId = 'admin<x xmlns="urn:x"/>.evil')),
  ),
  attack(
    'S2',
    'name_id_malformed',
    'saml_assertion',
    'an empty NameID',
    facts((f) => void (f.nameId = '')),
  ),
  attack(
    'S2',
    'name_id_malformed',
    'saml_assertion',
    'a line break inside the NameID',
    facts((f) => void (f.nameId = 'admin&#10;evil')),
  ),
];

const policies: readonly SamlAttack[] = [
  attack('S3', 'signature_missing', 'saml_signature', 'no signature at all', () => ({ sign: 'none' })),
  attack('S3', 'signature_missing', 'saml_signature', 'only the response is signed', () => ({ sign: 'response' })),
  attack(
    'S3',
    'signature_missing',
    'saml_signature',
    'only the assertion is signed, the response is asked for',
    () => ({ sign: 'assertion' }),
    'response',
  ),
  attack(
    'S3',
    'signature_missing',
    'saml_signature',
    'only the response is signed, both are asked for',
    () => ({ sign: 'response' }),
    'both',
  ),
  attack(
    'S3',
    'signature_missing',
    'saml_signature',
    'only the assertion is signed, both are asked for',
    () => ({ sign: 'assertion' }),
    'both',
  ),
  attack(
    'S3',
    'signature_invalid',
    'saml_signature',
    'a good assertion in a response whose signature does not hold',
    message((xml) => xml.replace('Version="2.0" IssueInstant', 'Consent="urn:x" Version="2.0" IssueInstant'), {
      sign: 'both',
    }),
  ),
];

const binding: readonly SamlAttack[] = [
  attack(
    'S5',
    'unsolicited_response',
    'saml_response',
    'a response to no request',
    facts((f) => {
      f.inResponseTo = undefined;
      f.subjectInResponseTo = undefined;
    }),
  ),
  attack(
    'S5',
    'in_response_to_mismatch',
    'saml_assertion',
    'a subject confirmation without InResponseTo',
    facts((f) => void (f.subjectInResponseTo = undefined)),
  ),
  attack(
    'S5',
    'in_response_to_mismatch',
    'saml_assertion',
    'a response without InResponseTo around an assertion with one',
    facts((f) => void (f.inResponseTo = undefined)),
  ),
  attack(
    'S5',
    'in_response_to_mismatch',
    'saml_assertion',
    'an assertion that answers another request',
    facts((f) => void (f.subjectInResponseTo = '_another')),
  ),
  attack(
    'S5',
    'state_unknown',
    'saml_response',
    'an answer to a request that nobody made',
    facts((f) => {
      f.inResponseTo = '_nobody';
      f.subjectInResponseTo = '_nobody';
    }),
  ),
];

const addresses: readonly SamlAttack[] = [
  attack(
    'S6',
    'recipient_mismatch',
    'saml_assertion',
    'another Recipient',
    facts((f) => void (f.recipient = 'https://other.example/acs')),
  ),
  attack(
    'S6',
    'recipient_mismatch',
    'saml_assertion',
    'no Recipient',
    facts((f) => void (f.recipient = undefined)),
  ),
  attack(
    'S6',
    'destination_mismatch',
    'saml_response',
    'another Destination',
    facts((f) => void (f.destination = 'https://other.example/acs')),
  ),
  attack(
    'S6',
    'destination_mismatch',
    'saml_response',
    'no Destination',
    facts((f) => void (f.destination = undefined)),
  ),
  attack(
    'S6',
    'destination_mismatch',
    'saml_response',
    'a Destination that only begins as ours',
    facts((f) => void (f.destination = `${f.destination}/`)),
  ),
  attack(
    'S6',
    'audience_mismatch',
    'saml_assertion',
    'another Audience',
    facts((f) => void (f.audience = 'https://other.example')),
  ),
  attack(
    'S6',
    'audience_mismatch',
    'saml_assertion',
    'a second restriction to another audience',
    facts((f) => {
      f.conditions =
        '<saml:AudienceRestriction><saml:Audience>https://other.example</saml:Audience></saml:AudienceRestriction>';
    }),
  ),
  attack(
    'S6',
    'audience_mismatch',
    'saml_assertion',
    'no Audience',
    () => ({
      sign: 'response',
      assertion: (xml) => xml.replace(/<saml:AudienceRestriction>.*?<\/saml:AudienceRestriction>/, ''),
    }),
    'response',
  ),
  attack(
    'S6',
    'condition_unknown',
    'saml_assertion',
    'an unknown condition',
    facts((f) => void (f.conditions = '<saml:Condition/>')),
  ),
  attack(
    'S6',
    'issuer_mismatch',
    'saml_response',
    'a response from another issuer',
    facts((f) => void (f.issuer = 'https://other.example')),
  ),
  attack(
    'S6',
    'issuer_mismatch',
    'saml_response',
    'a signed response without an issuer',
    facts((f) => void (f.issuer = undefined), { sign: 'both' }),
  ),
  attack(
    'S6',
    'issuer_mismatch',
    'saml_assertion',
    'an assertion from another issuer',
    facts((f) => void (f.assertionIssuer = 'https://other.example')),
  ),
  attack(
    'S6',
    'confirmation_method',
    'saml_assertion',
    'a holder-of-key confirmation',
    facts((f) => void (f.method = 'urn:oasis:names:tc:SAML:2.0:cm:holder-of-key')),
  ),
  attack(
    'S6',
    'provider_error',
    'saml_response',
    'a Status that is no success, around a good assertion',
    facts((f) => void (f.status = 'urn:oasis:names:tc:SAML:2.0:status:Responder')),
  ),
];

const times: readonly SamlAttack[] = [
  attack(
    'S7',
    'assertion_expired',
    'saml_assertion',
    'expired Conditions',
    facts((f) => void (f.notOnOrAfter = instant(-61))),
  ),
  attack(
    'S7',
    'assertion_expired',
    'saml_assertion',
    'expired SubjectConfirmationData',
    facts((f) => void (f.confirmationNotOnOrAfter = instant(-61))),
  ),
  attack(
    'S7',
    'assertion_expired',
    'saml_assertion',
    'SubjectConfirmationData without an end',
    facts((f) => void (f.confirmationNotOnOrAfter = undefined)),
  ),
  attack(
    'S7',
    'assertion_not_yet_valid',
    'saml_assertion',
    'Conditions that hold later',
    facts((f) => void (f.notBefore = instant(90))),
  ),
  attack(
    'S7',
    'assertion_not_yet_valid',
    'saml_assertion',
    'issued in the future',
    facts((f) => void (f.issueInstant = instant(90))),
  ),
  attack(
    'S7',
    'assertion_malformed',
    'saml_assertion',
    'a time that is none',
    facts((f) => void (f.notOnOrAfter = 'tomorrow')),
  ),
];

const prologue =
  (doctype: string): SamlAttack['lies'] =>
  () => ({ message: (xml) => doctype + xml });

const parsing: readonly SamlAttack[] = [
  attack('S8', 'xml_doctype', 'saml_message', 'a DOCTYPE', prologue('<!DOCTYPE Response>')),
  attack(
    'S8',
    'xml_doctype',
    'saml_message',
    'an external entity',
    prologue('<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]>'),
  ),
  attack(
    'S8',
    'xml_doctype',
    'saml_message',
    'an entity that grows',
    prologue('<!DOCTYPE r [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]>'),
  ),
  attack(
    'S8',
    'xml_doctype',
    'saml_message',
    'a DOCTYPE after a declaration, in lower case',
    prologue('<?xml version="1.0"?>\n<!doctype r>'),
  ),
  attack(
    'S8',
    'xml_malformed',
    'saml_message',
    'an entity that nobody declared',
    message((xml) => xml.replace('subject-1</saml:NameID>', '&admin;</saml:NameID>')),
  ),
  attack(
    'S8',
    'xml_too_complex',
    'saml_message',
    'more depth than any message has',
    facts(
      (f) => void (f.extensions = `<samlp:Extensions>${'<a>'.repeat(100)}${'</a>'.repeat(100)}</samlp:Extensions>`),
    ),
  ),
  attack(
    'S8',
    'xml_too_complex',
    'saml_message',
    'more attributes than any element has',
    facts((f) => {
      f.extensions = `<samlp:Extensions ${Array.from({ length: 100 }, (_, i) => `a${i}=""`).join(' ')}/>`;
    }),
  ),
  attack(
    'S8',
    'xml_too_large',
    'saml_message',
    'more than a quarter of a megabyte',
    message((xml) => xml.replace('<samlp:Status>', `<samlp:Status>${' '.repeat(256 * 1024)}`)),
  ),
  attack(
    'S8',
    'xml_malformed',
    'saml_message',
    'half a message',
    message((xml) => xml.slice(0, xml.length / 2)),
  ),
  attack(
    'S8',
    'xml_malformed',
    'saml_message',
    'two roots',
    message((xml) => xml + xml),
  ),
];

const attributes: readonly SamlAttack[] = [
  attack(
    'S9',
    'attribute_duplicated',
    'saml_assertion',
    'an attribute twice',
    facts((f) => void (f.attributes += attribute('mail', 'somebody-else@corp.example'))),
  ),
  attack(
    'S9',
    'attribute_duplicated',
    'saml_assertion',
    'an attribute twice, in two formats',
    facts((f) => {
      f.attributes += attribute('mail', 'somebody-else@corp.example').replace('Name=', 'NameFormat="urn:x" Name=');
    }),
  ),
];

const algorithms: readonly SamlAttack[] = [
  attack('S10', 'signature_algorithm', 'saml_signature', 'a signature with SHA-1', () => ({
    signature: { signatureAlgorithm: RSA_SHA1 },
  })),
  attack('S10', 'signature_algorithm', 'saml_signature', 'a digest with SHA-1', () => ({
    signature: { digestAlgorithm: SHA1 },
  })),
  attack(
    'S10',
    'signature_algorithm',
    'saml_signature',
    'an HMAC with the public certificate as its key',
    ({ provider }) => ({
      signature: {
        signatureAlgorithm: HMAC_SHA1,
        prepare: (signer) => {
          signer.SignatureAlgorithms[HMAC_SHA1] = class {
            getAlgorithmName = (): string => HMAC_SHA1;
            getSignature = (signedInfo: string): string =>
              createHmac('sha1', provider.certificate).update(signedInfo).digest('base64');
            verifySignature = (): boolean => false;
          } as never;
        },
      },
    }),
  ),
  attack(
    'S10',
    'signature_invalid',
    'saml_signature',
    'a stranger’s key with its certificate in KeyInfo',
    ({ stranger }) => ({
      signer: stranger,
    }),
  ),
  attack(
    'S10',
    'signature_invalid',
    'saml_signature',
    'a stranger’s key with the provider’s certificate in KeyInfo',
    ({ stranger, provider }) => ({
      signer: stranger,
      signature: { keyInfo: provider.certificate },
    }),
  ),
];

const signatures: readonly SamlAttack[] = [
  attack(
    'S12',
    'xml_comment',
    'saml_message',
    'a comment inside DigestValue (CVE-2025-29775)',
    message((xml) => xml.replace(/(<ds:DigestValue>)/, '$1<!--forged-->')),
  ),
  attack(
    'S12',
    'xml_comment',
    'saml_message',
    'a comment inside SignatureValue',
    message((xml) => xml.replace(/(<ds:SignatureValue>)/, '$1<!--forged-->')),
  ),
  attack(
    'S12',
    'signature_malformed',
    'saml_signature',
    'two SignedInfo (CVE-2025-29774)',
    message((xml) => xml.replace(/<ds:SignedInfo>.*?<\/ds:SignedInfo>/s, '$&$&')),
  ),
  attack(
    'S12',
    'signature_malformed',
    'saml_signature',
    'two References',
    message((xml) => xml.replace(/<ds:Reference .*?<\/ds:Reference>/s, '$&$&')),
  ),
  attack(
    'S12',
    'signature_malformed',
    'saml_signature',
    'no Reference',
    message((xml) => xml.replace(/<ds:Reference .*?<\/ds:Reference>/s, '')),
  ),
  attack(
    'S12',
    'signature_malformed',
    'saml_signature',
    'two signatures',
    message((xml) => xml.replace(/<ds:Signature .*?<\/ds:Signature>/s, '$&$&')),
  ),
  attack(
    'S12',
    'signature_malformed',
    'saml_signature',
    'an element inside DigestValue',
    message((xml) => xml.replace(/(<ds:DigestValue>)/, '$1<x xmlns="urn:x"/>')),
  ),
  attack(
    'S12',
    'response_malformed',
    'saml_message',
    'a signature with an object',
    message((xml) => xml.replace('</ds:Signature>', '<ds:Object/></ds:Signature>')),
  ),
  attack(
    'S13',
    'signature_algorithm',
    'saml_signature',
    'a canonicalization that nobody knows',
    message((xml) => xml.replace(/(<ds:CanonicalizationMethod Algorithm=")[^"]*/, '$1urn:unknown')),
  ),
  attack('S13', 'signature_algorithm', 'saml_signature', 'canonicalization with comments', () => ({
    signature: { canonicalization: `${EXCLUSIVE_C14N}WithComments` },
  })),
  attack(
    'S13',
    'signature_algorithm',
    'saml_signature',
    'a transform that yields nothing',
    message((xml) =>
      xml.replace(
        `<ds:Transform Algorithm="${ENVELOPED}"/>`,
        '<ds:Transform Algorithm="http://www.w3.org/TR/1999/REC-xpath-19991116"/>',
      ),
    ),
  ),
  attack('S13', 'signature_malformed', 'saml_signature', 'no canonicalization among the transforms', () => ({
    signature: { transforms: [ENVELOPED] },
  })),
];

const encryption: readonly SamlAttack[] = [
  attack('S14', 'encryption_algorithm', 'saml_decryption', 'encrypted with CBC', ({ serviceProvider }) => ({
    encryptFor: serviceProvider,
    encryption: { content: 'http://www.w3.org/2001/04/xmlenc#aes256-cbc' },
  })),
  attack(
    'S14',
    'encryption_algorithm',
    'saml_decryption',
    'the key encrypted with PKCS #1 v1.5',
    ({ serviceProvider }) => ({
      encryptFor: serviceProvider,
      encryption: { key: 'http://www.w3.org/2001/04/xmlenc#rsa-1_5' },
    }),
  ),
  attack(
    'S14',
    'signature_missing',
    'saml_signature',
    'encrypted by a stranger, without a signature inside',
    ({ serviceProvider }) => ({
      sign: 'none',
      encryptFor: serviceProvider,
    }),
  ),
  attack(
    'S14',
    'signature_missing',
    'saml_signature',
    'encrypted without a signature inside, the response around it signed',
    ({ serviceProvider }) => ({ sign: 'response', encryptFor: serviceProvider }),
    'response',
  ),
  attack(
    'S14',
    'signature_invalid',
    'saml_signature',
    'encrypted with a stranger’s signature inside',
    ({ serviceProvider, stranger }) => ({
      signer: stranger,
      encryptFor: serviceProvider,
    }),
  ),
  attack('S14', 'decryption_failed', 'saml_decryption', 'encrypted for somebody else', ({ stranger }) => ({
    encryptFor: stranger,
  })),
  attack('S14', 'decryption_failed', 'saml_decryption', 'a changed ciphertext', ({ serviceProvider }) => ({
    encryptFor: serviceProvider,
    message: (xml) =>
      xml.replace(
        /(.*<(?:\w+:)?CipherValue>)(.)/s,
        (_all, before: string, first: string) => before + (first === 'A' ? 'B' : 'A'),
      ),
  })),
  attack('S14', 'xml_comment', 'saml_decryption', 'a comment within what was encrypted', ({ serviceProvider }) => ({
    encryptFor: serviceProvider,
    assertion: (xml) => xml.replace('subject-1', 'subject<!-- -->-1'),
  })),
  attack(
    'S14',
    'assertion_not_encrypted',
    'saml_response',
    'in plain, where encryption is required',
    () => ({}),
    'encrypted',
  ),
];

export const SAML_ATTACKS: readonly SamlAttack[] = [
  ...wrapping,
  ...text,
  ...policies,
  ...binding,
  ...addresses,
  ...times,
  ...parsing,
  ...attributes,
  ...algorithms,
  ...signatures,
  ...encryption,
];
