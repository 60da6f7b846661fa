import { UpstreamError } from '../upstream-error.js';
import { readAssertion } from './assertion.js';
import type { SamlAssertion } from './assertion.js';
import { decryptAssertion } from './decryption.js';
import type { Now } from './instant.js';
import { checkShapeOfMessage } from './document.js';
import { checkIssuer } from './issuer.js';
import { SAML, SAMLP, STATUS_SUCCESS } from './names.js';
import { signatureOf, signedContent } from './signature.js';
import { attributeOf, children, elementChildren, elementsOf, isNamed, onlyChild, parseStrictly } from './xml.js';

/**
 * What a response must carry a signature on: the assertion unless the provider is declared otherwise (security row S3).
 */
export type SignedPart = 'assertion' | 'response' | 'both';

/** Whom a response must come from, and whom it must be for. */
export interface ExpectedResponse {
  /** The provider's entity id. */
  readonly issuer: string;
  /** Its certificates, in PEM. */
  readonly certificates: readonly string[];
  readonly signed: SignedPart;
  readonly encrypted: 'required' | 'optional';
  /** Our entity id. */
  readonly audience: string;
  /** Our assertion consumer service. */
  readonly recipient: string;
  /** Our private keys, in PEM, for encrypted assertions: the current one first. */
  readonly decryptionKeys: readonly string[];
  readonly now: Now;
}

/** A response that is well-formed and shaped as one; nothing of it is proven yet. */
export interface ReceivedResponse {
  readonly xml: string;
  readonly root: Element;
  /** Which request of ours it says that it answers. */
  readonly inResponseTo: string | undefined;
}

export interface VerifiedResponse {
  readonly assertion: SamlAssertion;
  /** Which of our keys opened it, where it was encrypted. */
  readonly decryptionKey: string | undefined;
}

const RESPONSE_PARTS = ['Issuer', 'Signature', 'Extensions', 'Status', 'Assertion', 'EncryptedAssertion'];

const malformed = (detail: string): UpstreamError => new UpstreamError('response_malformed', 'saml_message', detail);
const refuse = (code: string, detail: string): UpstreamError => new UpstreamError(code, 'saml_response', detail);

/**
 * Parses a response and checks its shape: exactly one Response, in it one assertion, encrypted or not; no id twice;
 * signatures only where a response and its assertion have theirs. A message in which something could be wrapped has
 * another shape (security row S1).
 * @throws {UpstreamError}
 */
export const receiveResponse = (xml: string): ReceivedResponse => {
  const root = parseStrictly(xml, 'saml_message');
  if (!isNamed(root, SAMLP, 'Response') || attributeOf(root, 'Version') !== '2.0')
    throw malformed('not a Response of SAML 2.0');
  if (!elementChildren(root).every(({ localName }) => RESPONSE_PARTS.includes(localName)))
    throw malformed('an unknown part');
  const called = (...names: string[]): Element[] =>
    elementsOf(root).filter(({ localName }) => names.includes(localName));
  const [assertion, ...others] = called('Assertion', 'EncryptedAssertion');
  checkShapeOfMessage(root, [root, assertion]);
  if (assertion && (others.length > 0 || assertion.parentNode !== root || assertion.namespaceURI !== SAML))
    throw malformed('not one assertion');
  if (called('Response').length > 1) throw malformed('not one response');
  return { xml, root, inResponseTo: attributeOf(root, 'InResponseTo') };
};

/**
 * Checks everything about a response but which request it answers (security rows S1–S3, S6, S7, S10, S12–S14; SAML
 * profiles, section 4.1.4.3). What it returns was read from signed bytes only.
 * @throws {UpstreamError}
 */
export const verifyResponse = async (
  received: ReceivedResponse,
  expected: ExpectedResponse,
): Promise<VerifiedResponse> => {
  const { xml, root } = received;
  const { signed, certificates } = expected;
  // A signature that is there must hold, also where none is asked for.
  const isSigned = signed !== 'assertion' || signatureOf(root) !== undefined;
  const response = isSigned ? signedContent(xml, root, certificates) : root;
  checkStatus(response);
  checkEnvelope(response, isSigned, expected);
  const plain = onlyChild(response, SAML, 'Assertion');
  const encrypted = onlyChild(response, SAML, 'EncryptedAssertion');
  if (expected.encrypted === 'required' && !encrypted)
    throw refuse('assertion_not_encrypted', 'the provider is to encrypt its assertions');
  const verified = encrypted
    ? await decrypted(encrypted, expected)
    : plain && verifiedPlain(plain, received, signed, certificates);
  if (!verified) throw refuse('assertion_missing', 'no assertion');
  const { element, decryptionKey } = verified;
  return {
    decryptionKey,
    assertion: readAssertion(element, { ...expected, inResponseTo: attributeOf(response, 'InResponseTo') }),
  };
};

interface VerifiedElement {
  /** From signed bytes. */
  readonly element: Element;
  readonly decryptionKey?: string;
}

/**
 * An assertion that was sent in plain, from the signature's bytes: its own, or the response's that it was parsed from.
 */
const verifiedPlain = (
  assertion: Element,
  { xml, root }: ReceivedResponse,
  signed: SignedPart,
  certificates: readonly string[],
): VerifiedElement => {
  const original = onlyChild(root, SAML, 'Assertion');
  if (!original) throw malformed('not one assertion');
  return {
    element: signed !== 'response' || signatureOf(original) ? signedContent(xml, original, certificates) : assertion,
  };
};

/**
 * The inner signature is required whatever the policy says: encrypting needs only our public key (security row S14).
 */
const decrypted = async (
  encrypted: Element,
  { decryptionKeys, certificates }: ExpectedResponse,
): Promise<VerifiedElement> => {
  const { xml, key } = await decryptAssertion(encrypted, decryptionKeys);
  const root = parseStrictly(xml, 'saml_decryption');
  if (!isNamed(root, SAML, 'Assertion')) throw malformed('what was encrypted is no assertion');
  checkShapeOfMessage(root, [root], 'saml_decryption');
  return { element: signedContent(xml, root, certificates), decryptionKey: key };
};

const checkStatus = (response: Element): void => {
  const code = onlyChild(onlyChild(response, SAMLP, 'Status'), SAMLP, 'StatusCode');
  const value = attributeOf(code, 'Value');
  if (value === undefined) throw malformed('no status');
  if (value === STATUS_SUCCESS) return;
  const inner = attributeOf(onlyChild(code, SAMLP, 'StatusCode'), 'Value');
  const readable = [value, inner].map((uri) => /[A-Za-z]{1,40}$/.exec(uri ?? '')?.[0]).filter(Boolean);
  throw refuse('provider_error', `status ${readable.join(', ')}`);
};

const checkEnvelope = (response: Element, isSigned: boolean, { issuer, recipient }: ExpectedResponse): void => {
  if (attributeOf(response, 'Destination') !== recipient)
    throw refuse('destination_mismatch', 'for another address, or for none');
  // Only a response that is not signed may leave its issuer to the assertion (SAML profiles, section 4.1.4.2).
  if (isSigned || children(response, SAML, 'Issuer').length > 0)
    checkIssuer(onlyChild(response, SAML, 'Issuer'), issuer, 'saml_response');
};
