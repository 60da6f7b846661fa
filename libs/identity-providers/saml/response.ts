import { UpstreamError } from '../upstream-error.js';
import type { UpstreamStep } from '../upstream-error.js';
import { readAssertion } from './assertion.js';
import type { SamlAssertion } from './assertion.js';
import { decryptAssertion } from './decryption.js';
import type { Now } from './instant.js';
import { checkShapeOfMessage } from './document.js';
import { checkIssuer } from './issuer.js';
import { SAML, SAMLP, STATUS_SUCCESS } from './names.js';
import type { SeenSignatures } from './seen-signatures.js';
import { signatureOf, signedContent } from './signature.js';
import { signersOf } from './signers.js';
import {
  attributeOf,
  children,
  elementChildren,
  elementsOf,
  isNamed,
  isWithin,
  MOST,
  MOST_UNPROVEN,
  onlyChild,
  outlineOf,
  parseOutlined,
  parseStrictly,
} from './xml.js';
import type { Outline } from './xml.js';

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
  /** Counts how often a signature of the provider's comes. */
  readonly seen: SeenSignatures;
  readonly now: Now;
}

/** Something that calls itself a response; nothing of it is proven yet. */
export interface ReceivedResponse {
  readonly outline: Outline;
  /** Which request of ours it says that it answers. */
  readonly inResponseTo: string | undefined;
}

export interface VerifiedResponse {
  readonly assertion: SamlAssertion;
  /** Which of our keys opened it, where it was encrypted. */
  readonly decryptionKey: string | undefined;
  /** The certificates by which the response and its assertion are signed. */
  readonly signers: readonly string[];
}

const RESPONSE_PARTS = ['Issuer', 'Signature', 'Extensions', 'Status', 'Assertion', 'EncryptedAssertion'];

const malformed = (detail: string): UpstreamError => new UpstreamError('response_malformed', 'saml_message', detail);
const refuse = (code: string, detail: string): UpstreamError => new UpstreamError(code, 'saml_response', detail);

/**
 * Looks at what was posted as far as its first tag; the rest is not parsed yet.
 * @throws {UpstreamError}
 */
export const receiveResponse = (xml: string): ReceivedResponse => {
  const outline = outlineOf(xml, 'saml_message');
  const envelope = parseStrictly(outline.envelope, 'saml_message', MOST_UNPROVEN);
  if (!isNamed(envelope, SAMLP, 'Response') || attributeOf(envelope, 'Version') !== '2.0')
    throw malformed('not a Response of SAML 2.0');
  return { outline, inResponseTo: attributeOf(envelope, 'InResponseTo') };
};

/**
 * Parses a message as far as it deserves: what the provider has signed as a whole, anything else while it is small
 * (security row D1).
 * @returns the root element, and those of the certificates that signed
 * @throws {UpstreamError}
 */
const opened = (
  outline: Outline,
  { certificates, seen }: ExpectedResponse,
  step: UpstreamStep,
): { readonly root: Element; readonly signers: readonly string[] } => {
  const { isProven, values, certificates: signers } = signersOf(outline, certificates);
  if (values.map((value) => seen.admits(value)).includes(false))
    throw refuse('assertion_replayed', 'its signature came too often');
  if (!isProven && outline.signatures.length > 0 && !isWithin(outline, MOST_UNPROVEN))
    throw new UpstreamError('signature_invalid', 'saml_signature', 'by none of the provider’s certificates');
  return { root: parseOutlined(outline, step, isProven ? MOST : MOST_UNPROVEN), signers };
};

/**
 * Exactly one Response, in it one assertion, encrypted or not; no id twice; signatures only where a response and its
 * assertion have theirs. A message in which something could be wrapped has another shape (security row S1).
 * @throws {UpstreamError}
 */
const checkShapeOfResponse = (root: Element): void => {
  if (!elementChildren(root).every(({ localName }) => RESPONSE_PARTS.includes(localName)))
    throw malformed('an unknown part');
  const called = (...names: string[]): Element[] =>
    elementsOf(root).filter(({ localName }) => names.includes(localName));
  const [assertion, ...others] = called('Assertion', 'EncryptedAssertion');
  checkShapeOfMessage(root, [root, assertion]);
  if (assertion && (others.length > 0 || assertion.parentNode !== root || assertion.namespaceURI !== SAML))
    throw malformed('not one assertion');
  if (called('Response').length > 1) throw malformed('not one response');
};

/**
 * Checks everything about a response but which request it answers (security rows S1–S3, S6, S7, S10, S12–S14; SAML
 * profiles, section 4.1.4.3). What it returns was read from signed bytes only.
 * @throws {UpstreamError}
 */
export const verifyResponse = async (
  { outline }: ReceivedResponse,
  expected: ExpectedResponse,
): Promise<VerifiedResponse> => {
  const { root, signers } = opened(outline, expected, 'saml_message');
  checkShapeOfResponse(root);
  const { xml } = outline;
  const { signed } = expected;
  // A signature that is there must hold, also where none is asked for.
  const isSigned = signed !== 'assertion' || signatureOf(root) !== undefined;
  const response = isSigned ? signedContent(xml, root, signers) : root;
  checkStatus(response);
  checkEnvelope(response, isSigned, expected);
  const plain = onlyChild(response, SAML, 'Assertion');
  const encrypted = onlyChild(response, SAML, 'EncryptedAssertion');
  if (expected.encrypted === 'required' && !encrypted)
    throw refuse('assertion_not_encrypted', 'the provider is to encrypt its assertions');
  const verified = encrypted
    ? await decrypted(encrypted, expected)
    : plain && verifiedPlain(plain, xml, root, signed, signers);
  if (!verified) throw refuse('assertion_missing', 'no assertion');
  const { element, decryptionKey } = verified;
  return {
    decryptionKey,
    signers: [...new Set([...signers, ...(verified.signers ?? [])])],
    assertion: readAssertion(element, { ...expected, inResponseTo: attributeOf(response, 'InResponseTo') }),
  };
};

interface VerifiedElement {
  /** From signed bytes. */
  readonly element: Element;
  readonly decryptionKey?: string;
  /** Of what was encrypted. */
  readonly signers?: readonly string[];
}

/**
 * An assertion that was sent in plain, from the signature's bytes: its own, or the response's that it was parsed from.
 */
const verifiedPlain = (
  assertion: Element,
  xml: string,
  root: Element,
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
const decrypted = async (encrypted: Element, expected: ExpectedResponse): Promise<VerifiedElement> => {
  const { xml, key } = await decryptAssertion(encrypted, expected.decryptionKeys);
  const { root, signers } = opened(outlineOf(xml, 'saml_decryption'), expected, 'saml_decryption');
  if (!isNamed(root, SAML, 'Assertion')) throw malformed('what was encrypted is no assertion');
  checkShapeOfMessage(root, [root], 'saml_decryption');
  return { element: signedContent(xml, root, signers), decryptionKey: key, signers };
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
