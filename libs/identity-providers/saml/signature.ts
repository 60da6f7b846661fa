import { SignedXml } from 'xml-crypto';
import { UpstreamError } from '../upstream-error.js';
import { DS, ENVELOPED_SIGNATURE, EXCLUSIVE_C14N, RSA_SHA256, RSA_SHA512, SHA256, SHA512 } from './names.js';
import { attributeOf, children, elementChildren, isNamed, onlyChild, parseStrictly, textOf } from './xml.js';

/**
 * No SHA-1 and no HMAC, with which the public certificate would be the key (security row S10). Exclusive
 * canonicalization only.
 */
const SIGNATURE_METHODS: readonly (string | undefined)[] = [
  RSA_SHA256,
  RSA_SHA512,
  'http://www.w3.org/2007/05/xmldsig-more#sha256-rsa-MGF1',
];
const DIGEST_METHODS: readonly (string | undefined)[] = [SHA256, SHA512];
const BASE64_TEXT = /^[A-Za-z0-9+/\s]+={0,2}\s*$/;

const refuse = (code: string, detail: string): UpstreamError => new UpstreamError(code, 'saml_signature', detail);

/** An element's own signature; refused when it has several. */
export const signatureOf = (element: Element): Element | undefined => {
  const [signature, ...others] = children(element, DS, 'Signature');
  if (others.length > 0) throw refuse('signature_malformed', 'several signatures');
  return signature;
};

/**
 * Verifies the element's own signature under one of the provider's certificates.
 * @param xml the document that the element was parsed from
 * @param certificates those whose key made the signature: each costs a canonicalization of the whole element
 * @returns the element, parsed again from the very bytes that the signature covers: nothing else may be read (security
 * row S1; decision 0110)
 * @throws {UpstreamError}
 */
export const signedContent = (xml: string, element: Element, certificates: readonly string[]): Element => {
  const signature = signatureOf(element);
  if (!signature) throw refuse('signature_missing', `the ${element.localName} is not signed`);
  checkShapeOfSignature(signature, attributeOf(element, 'ID'));
  for (const certificate of certificates) {
    const content = verifiedBytes(xml, signature, certificate);
    if (content === undefined) continue;
    const covered = parseStrictly(content, 'saml_signature');
    if (
      !isNamed(covered, element.namespaceURI ?? '', element.localName) ||
      attributeOf(covered, 'ID') !== attributeOf(element, 'ID')
    )
      throw refuse('signature_covers_other', 'the signature covers another element');
    return covered;
  }
  throw refuse('signature_invalid', 'by none of the provider’s certificates');
};

/**
 * One SignedInfo with one Reference to the parent, the two transforms, known algorithms, plain text values (security
 * rows S10, S12, S13).
 * @throws {UpstreamError}
 */
export const checkShapeOfSignature = (signature: Element, parentId: string | undefined): void => {
  const named = (parent: Element | undefined, ...names: readonly string[]): boolean =>
    parent !== undefined &&
    elementChildren(parent).length === names.length &&
    elementChildren(parent).every((child, i) => isNamed(child, DS, names[i] ?? ''));
  const signedInfo = onlyChild(signature, DS, 'SignedInfo');
  const reference = onlyChild(signedInfo, DS, 'Reference');
  const transforms = onlyChild(reference, DS, 'Transforms');
  const shaped =
    (named(signature, 'SignedInfo', 'SignatureValue', 'KeyInfo') || named(signature, 'SignedInfo', 'SignatureValue')) &&
    named(signedInfo, 'CanonicalizationMethod', 'SignatureMethod', 'Reference') &&
    named(reference, 'Transforms', 'DigestMethod', 'DigestValue') &&
    named(transforms, 'Transform', 'Transform');
  if (!shaped) throw refuse('signature_malformed', 'not one SignedInfo with one Reference');
  if (!parentId || attributeOf(reference, 'URI') !== `#${parentId}`)
    throw refuse('signature_covers_other', 'the reference is not to the element');

  const algorithm = (parent: Element | undefined, name: string): string | undefined =>
    attributeOf(onlyChild(parent, DS, name), 'Algorithm');
  const [enveloped, canonical] = transforms ? elementChildren(transforms) : [];
  const accepted =
    SIGNATURE_METHODS.includes(algorithm(signedInfo, 'SignatureMethod')) &&
    DIGEST_METHODS.includes(algorithm(reference, 'DigestMethod')) &&
    algorithm(signedInfo, 'CanonicalizationMethod') === EXCLUSIVE_C14N &&
    attributeOf(enveloped, 'Algorithm') === ENVELOPED_SIGNATURE &&
    attributeOf(canonical, 'Algorithm') === EXCLUSIVE_C14N;
  if (!accepted) throw refuse('signature_algorithm', 'an algorithm or a transform that is not accepted');
  for (const value of [onlyChild(signature, DS, 'SignatureValue'), onlyChild(reference, DS, 'DigestValue')]) {
    if (!BASE64_TEXT.test(textOf(value) ?? '')) throw refuse('signature_malformed', 'a value that is not plain base64');
  }
};

const verifiedBytes = (xml: string, signature: Element, certificate: string): string | undefined => {
  // Whatever KeyInfo says is not asked (security row S10).
  const verifier = new SignedXml({ publicCert: certificate, getCertFromKeyInfo: () => null });
  try {
    verifier.loadSignature(signature);
    if (!verifier.checkSignature(xml)) return undefined;
  } catch {
    return undefined;
  }
  const [content, ...others] = verifier.getSignedReferences();
  // A canonicalization that yields nothing has a digest too, which anybody can sign for (security row S13).
  return content === undefined || content === '' || others.length > 0 ? undefined : content;
};
