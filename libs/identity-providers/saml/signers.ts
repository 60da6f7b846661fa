import { ExclusiveCanonicalization, findAncestorNs, SignedXml } from 'xml-crypto';
import type { SignatureAlgorithmType } from 'xml-crypto';
import { UpstreamError } from '../upstream-error.js';
import { DS } from './names.js';
import { checkShapeOfSignature } from './signature.js';
import { attributeOf, elementsOf, isNamed, MOST_UNPROVEN, onlyChild, parseStrictly, textOf } from './xml.js';
import type { Outline } from './xml.js';

/*
 * xml-crypto 6.3 digests what a signature refers to before it looks whether the signature is anybody's, once for each
 * certificate: whoever sends a large message has it parsed and canonicalized that often (security row D1). So which of
 * the certificates signed is found out first, from SignedInfo alone, which is small. It proves nothing more: what is
 * read afterwards is what xml-crypto verifies as a whole. `signers.unit.spec.ts` fails when xml-crypto no longer needs
 * this.
 */

export interface Signers {
  /** Those of the certificates by which a signature in the message is made. */
  readonly certificates: readonly string[];
  /** Each signature of the message, at least one, is by one of them. */
  readonly isProven: boolean;
  /** The values of the signatures that are. */
  readonly values: readonly string[];
}

const MOST_SIGNATURES = 2;
/** SignedInfo has some thousand characters. */
const MAX_SIGNED_INFO_CHARACTERS = 4_000;

/**
 * By which of a provider's certificates a message is signed: RSA over SignedInfo, nothing else. What KeyInfo says is
 * not asked (security row S10).
 */
export const signersOf = ({ signatures }: Outline, certificates: readonly string[]): Signers => {
  // One of the response and one of the assertion; whoever sends more has them all looked at for nothing.
  const found = signatures.length > MOST_SIGNATURES ? [] : signatures.map((each) => signerOf(each, certificates));
  const proven = found.filter((each) => each !== undefined);
  return {
    certificates: [...new Set(proven.map(({ certificate }) => certificate))],
    isProven: found.length > 0 && proven.length === found.length,
    values: proven.map(({ value }) => value),
  };
};

interface MadeSignature {
  readonly certificate: string;
  /** In base64, without white space. */
  readonly value: string;
}

/** @param signature in the open tags around it */
const signerOf = (signature: string, certificates: readonly string[]): MadeSignature | undefined => {
  try {
    const root = parseStrictly(signature, 'saml_signature', MOST_UNPROVEN);
    const element = elementsOf(root).find((each) => isNamed(each, DS, 'Signature'));
    if (!element) return undefined;
    checkShapeOfSignature(element, attributeOf(element.parentNode as Element, 'ID'));
    const signedInfo = onlyChild(element, DS, 'SignedInfo');
    const algorithm = attributeOf(onlyChild(signedInfo, DS, 'SignatureMethod'), 'Algorithm');
    const value = textOf(onlyChild(element, DS, 'SignatureValue'))?.replace(/\s+/g, '');
    if (!signedInfo || value === undefined || signedInfo.toString().length > MAX_SIGNED_INFO_CHARACTERS)
      return undefined;
    // As xml-crypto does it (SignedXml.checkSignature).
    const canonical = new ExclusiveCanonicalization().process(signedInfo, {
      ancestorNamespaces: findAncestorNs(root.ownerDocument, "//*[local-name()='SignedInfo']"),
    });
    const Verifier = new SignedXml().SignatureAlgorithms[algorithm as SignatureAlgorithmType];
    if (!Verifier) return undefined;
    const verifier = new Verifier();
    const certificate = certificates.find((each) => verifier.verifySignature(canonical, each, value));
    return certificate === undefined ? undefined : { certificate, value };
  } catch (error) {
    // Which check it breaks is found again, and said, by whoever reads the message as a whole.
    if (error instanceof UpstreamError) return undefined;
    throw error;
  }
};
