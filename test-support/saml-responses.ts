import { randomUUID, sign } from 'node:crypto';
import { promisify } from 'node:util';
import { deflateRawSync } from 'node:zlib';
import { SignedXml } from 'xml-crypto';
import { encrypt } from 'xml-encryption';
import type { EncryptOptions } from 'xml-encryption';
import type { Certificate } from '#libs/platform/self-signed-certificate.js';

const SAML = 'urn:oasis:names:tc:SAML:2.0:assertion';
const SAMLP = 'urn:oasis:names:tc:SAML:2.0:protocol';
export const RSA_SHA256 = 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256';
export const SHA256 = 'http://www.w3.org/2001/04/xmlenc#sha256';
const EXCLUSIVE_C14N = 'http://www.w3.org/2001/10/xml-exc-c14n#';
const ENVELOPED = 'http://www.w3.org/2000/09/xmldsig#enveloped-signature';

/** Everything that a response says; a test changes what it lies about. `undefined` leaves the attribute out. */
export interface SamlFacts {
  responseId: string;
  assertionId: string;
  /** Of the response. */
  issuer: string | undefined;
  assertionIssuer: string;
  destination: string | undefined;
  recipient: string | undefined;
  audience: string;
  inResponseTo: string | undefined;
  subjectInResponseTo: string | undefined;
  status: string;
  method: string;
  issueInstant: string;
  notBefore: string | undefined;
  notOnOrAfter: string | undefined;
  confirmationNotOnOrAfter: string | undefined;
  authnInstant: string;
  sessionIndex: string | undefined;
  /** XML. */
  nameId: string;
  nameIdFormat: string;
  /** XML of Attribute elements. */
  attributes: string;
  /** XML inside Conditions, beside the audience. */
  conditions: string;
  /** XML inside the Response, before the assertion. */
  extensions: string;
}

export const PERSISTENT = 'urn:oasis:names:tc:SAML:2.0:nameid-format:persistent';
export const TRANSIENT = 'urn:oasis:names:tc:SAML:2.0:nameid-format:transient';

export const instant = (offsetS = 0): string => `${new Date(Date.now() + offsetS * 1_000).toISOString().slice(0, 19)}Z`;

export const attribute = (name: string, ...values: readonly string[]): string =>
  `<saml:Attribute Name="${name}">${values.map((value) => `<saml:AttributeValue>${value}</saml:AttributeValue>`).join('')}</saml:Attribute>`;

/** The truth, for one request. */
export const honestFacts = (request: {
  id: string | undefined;
  acs: string;
  audience: string;
  issuer: string;
  subject: string;
}): SamlFacts => ({
  responseId: `_r${randomUUID()}`,
  assertionId: `_a${randomUUID()}`,
  issuer: request.issuer,
  assertionIssuer: request.issuer,
  destination: request.acs,
  recipient: request.acs,
  audience: request.audience,
  inResponseTo: request.id,
  subjectInResponseTo: request.id,
  status: 'urn:oasis:names:tc:SAML:2.0:status:Success',
  method: 'urn:oasis:names:tc:SAML:2.0:cm:bearer',
  issueInstant: instant(),
  notBefore: instant(-30),
  notOnOrAfter: instant(300),
  confirmationNotOnOrAfter: instant(300),
  authnInstant: instant(),
  sessionIndex: `_s${randomUUID()}`,
  nameId: request.subject,
  nameIdFormat: PERSISTENT,
  attributes: attribute('mail', `${request.subject}@corp.example`) + attribute('displayName', 'A Person'),
  conditions: '',
  extensions: '',
});

const optional = (name: string, value: string | undefined): string =>
  value === undefined ? '' : ` ${name}="${value}"`;

export const assertionXml = (facts: SamlFacts): string =>
  `<saml:Assertion xmlns:saml="${SAML}" ID="${facts.assertionId}" Version="2.0" IssueInstant="${facts.issueInstant}">` +
  `<saml:Issuer>${facts.assertionIssuer}</saml:Issuer>` +
  `<saml:Subject><saml:NameID Format="${facts.nameIdFormat}">${facts.nameId}</saml:NameID>` +
  `<saml:SubjectConfirmation Method="${facts.method}"><saml:SubjectConfirmationData` +
  `${optional('Recipient', facts.recipient)}${optional('NotOnOrAfter', facts.confirmationNotOnOrAfter)}${optional('InResponseTo', facts.subjectInResponseTo)}/>` +
  `</saml:SubjectConfirmation></saml:Subject>` +
  `<saml:Conditions${optional('NotBefore', facts.notBefore)}${optional('NotOnOrAfter', facts.notOnOrAfter)}>` +
  `<saml:AudienceRestriction><saml:Audience>${facts.audience}</saml:Audience></saml:AudienceRestriction>${facts.conditions}</saml:Conditions>` +
  `<saml:AuthnStatement AuthnInstant="${facts.authnInstant}"${optional('SessionIndex', facts.sessionIndex)}>` +
  `<saml:AuthnContext><saml:AuthnContextClassRef>urn:oasis:names:tc:SAML:2.0:ac:classes:Password</saml:AuthnContextClassRef></saml:AuthnContext>` +
  `</saml:AuthnStatement>` +
  (facts.attributes === '' ? '' : `<saml:AttributeStatement>${facts.attributes}</saml:AttributeStatement>`) +
  `</saml:Assertion>`;

/** @param assertion XML, signed already or not, encrypted or not */
export const responseXml = (facts: SamlFacts, assertion: string): string =>
  `<samlp:Response xmlns:samlp="${SAMLP}" xmlns:saml="${SAML}" ID="${facts.responseId}" Version="2.0" IssueInstant="${facts.issueInstant}"` +
  `${optional('Destination', facts.destination)}${optional('InResponseTo', facts.inResponseTo)}>` +
  `${facts.issuer === undefined ? '' : `<saml:Issuer>${facts.issuer}</saml:Issuer>`}${facts.extensions}` +
  `<samlp:Status><samlp:StatusCode Value="${facts.status}"/></samlp:Status>${assertion}</samlp:Response>`;

export interface SignatureChoices {
  readonly signatureAlgorithm?: string;
  readonly digestAlgorithm?: string;
  readonly transforms?: readonly string[];
  readonly canonicalization?: string;
  /** Shown in KeyInfo; the signer's own unless told. */
  readonly keyInfo?: string;
  /** Changes the signer before it signs: other algorithms, further references. */
  readonly prepare?: (signer: SignedXml) => void;
}

/** Signs the element with this id; the signature stands after its first child, the Issuer. */
export const signElement = (xml: string, id: string, signer: Certificate, choices: SignatureChoices = {}): string => {
  const signed = new SignedXml({
    privateKey: signer.key,
    publicCert: choices.keyInfo ?? signer.certificate,
    signatureAlgorithm: choices.signatureAlgorithm ?? RSA_SHA256,
    canonicalizationAlgorithm: choices.canonicalization ?? EXCLUSIVE_C14N,
  });
  choices.prepare?.(signed);
  const element = `//*[@ID='${id}']`;
  signed.addReference({
    xpath: element,
    transforms: [...(choices.transforms ?? [ENVELOPED, EXCLUSIVE_C14N])],
    digestAlgorithm: choices.digestAlgorithm ?? SHA256,
  });
  signed.computeSignature(xml, { prefix: 'ds', location: { reference: `${element}/*[1]`, action: 'after' } });
  return signed.getSignedXml();
};

const encryptXml = promisify(encrypt) as (xml: string, options: EncryptOptions) => Promise<string>;

/** @param recipient whose key may open it */
export const encryptAssertion = async (
  assertion: string,
  recipient: Certificate,
  choices: Partial<Record<'content' | 'key', string>> = {},
): Promise<string> => {
  const data = await encryptXml(assertion, {
    rsa_pub: recipient.certificate,
    pem: recipient.certificate,
    encryptionAlgorithm: (choices.content ??
      'http://www.w3.org/2009/xmlenc11#aes256-gcm') as EncryptOptions['encryptionAlgorithm'],
    keyEncryptionAlgorithm: (choices.key ??
      'http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p') as EncryptOptions['keyEncryptionAlgorithm'],
  });
  return `<saml:EncryptedAssertion xmlns:saml="${SAML}">${data}</saml:EncryptedAssertion>`;
};

/** What a LogoutRequest says. */
export interface LogoutFacts {
  id: string;
  issuer: string;
  destination: string | undefined;
  issueInstant: string;
  notOnOrAfter: string | undefined;
  nameId: string;
  nameIdFormat: string;
  sessionIndex: string | undefined;
}

export const logoutRequestXml = (facts: LogoutFacts): string =>
  `<samlp:LogoutRequest xmlns:samlp="${SAMLP}" xmlns:saml="${SAML}" ID="${facts.id}" Version="2.0" IssueInstant="${facts.issueInstant}"` +
  `${optional('Destination', facts.destination)}${optional('NotOnOrAfter', facts.notOnOrAfter)}>` +
  `<saml:Issuer>${facts.issuer}</saml:Issuer><saml:NameID Format="${facts.nameIdFormat}">${facts.nameId}</saml:NameID>` +
  `${facts.sessionIndex === undefined ? '' : `<samlp:SessionIndex>${facts.sessionIndex}</samlp:SessionIndex>`}</samlp:LogoutRequest>`;

/** The query of the redirect binding. @param signer nothing: not signed */
export const redirectQuery = (
  name: 'SAMLRequest' | 'SAMLResponse',
  xml: string,
  signer: Certificate | undefined,
  { relayState, algorithm = RSA_SHA256 }: { readonly relayState?: string; readonly algorithm?: string } = {},
): string => {
  const query = new URLSearchParams({ [name]: deflateRawSync(xml).toString('base64') });
  if (relayState !== undefined) query.set('RelayState', relayState);
  if (!signer) return query.toString();
  query.set('SigAlg', algorithm);
  const hash = algorithm.endsWith('sha1') ? 'RSA-SHA1' : 'RSA-SHA256';
  return `${query}&Signature=${encodeURIComponent(sign(hash, Buffer.from(query.toString()), signer.key).toString('base64'))}`;
};
