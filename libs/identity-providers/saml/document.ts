import { UpstreamError } from '../upstream-error.js';
import type { UpstreamStep } from '../upstream-error.js';
import { DS } from './names.js';
import { attributesOf, elementsOf, isNamed } from './xml.js';

const ID_NAMES = new Set(['id', 'xml:id']);

/**
 * No id twice, whatever its attribute is called, and signatures only where the message and its assertion have theirs: a
 * message in which something could be wrapped has another shape (security row S1).
 * @param signable which elements may carry a signature
 * @throws {UpstreamError}
 */
export const checkShapeOfMessage = (
  root: Element,
  signable: readonly (Element | undefined)[],
  step: UpstreamStep = 'saml_message',
): void => {
  const everything = elementsOf(root);
  const ids = everything.flatMap((element) =>
    attributesOf(element)
      .filter(({ nodeName }) => ID_NAMES.has(nodeName.toLowerCase()))
      .map(({ value }) => value),
  );
  if (ids.includes('') || new Set(ids).size < ids.length)
    throw new UpstreamError('id_duplicated', step, 'an id is there twice');
  const signatures = everything.filter(({ localName }) => localName === 'Signature');
  const inPlace = signatures.every(
    (signature) => signature.namespaceURI === DS && signable.includes(signature.parentNode as Element),
  );
  if (!inPlace || everything.some((element) => isNamed(element, DS, 'Object')))
    throw new UpstreamError('response_malformed', step, 'a signature in an unexpected place, or with an object');
};
