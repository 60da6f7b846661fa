import { DOMParser } from '@xmldom/xmldom';
import { UpstreamError } from '../upstream-error.js';
import type { UpstreamStep } from '../upstream-error.js';

/*
 * The only way in which this context reads XML. What a SAML message has no need for is refused before anything is
 * parsed: the parser below is lenient by default, and several attacks live on the parts of XML that two readers see
 * differently.
 */

/** A response with a large encrypted assertion, or with a thousand groups, has some hundred thousand characters. */
export const MAX_XML_CHARACTERS = 256 * 1024;
const MAX_DEPTH = 64;
const MAX_ATTRIBUTES = 64;
/** With certificates of a chain in KeyInfo it has some ten thousand. */
const MAX_SIGNATURE_CHARACTERS = 32 * 1024;

/** How many elements and attributes are parsed: parsing takes time by their number, the text between them next to none. */
export interface Extent {
  readonly elements: number;
  readonly attributes: number;
}

/** Of what a provider has signed: a person may be in a thousand groups, each with the declarations of its type. */
export const MOST: Extent = { elements: 5_000, attributes: 20_000 };
/** Of what nobody is known to have signed (security row D1): an answer with an error, an encrypted assertion, a logout. */
export const MOST_UNPROVEN: Extent = { elements: 250, attributes: 1_000 };

const ELEMENT_NODE = 1;
const TEXT_NODE = 3;

/** What is no character of XML 1.0 (section 2.2). */
const NOT_XML = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/;
const XML_DECLARATION = /^<\?xml version="1\.0"(?: encoding="[Uu][Tt][Ff]-8")?(?: standalone="(?:yes|no)")?\s*\?>/;
const QUALIFIED_NAME = /^[A-Za-z_][\w.-]*(?::[A-Za-z_][\w.-]*)?$/;

type Refuse = (code: string, detail: string) => UpstreamError;
const refusalsOf =
  (step: UpstreamStep): Refuse =>
  (code, detail) =>
    new UpstreamError(code, step, detail);

/** What one pass over a message finds, before anything is parsed (security row D1). */
export interface Outline extends Extent {
  /** Without its declaration. */
  readonly xml: string;
  /** The root element without what is in it, as a document. */
  readonly envelope: string;
  /**
   * The signatures where a message and the assertion in it have theirs, each inside the open tags around it: a small
   * document in which the same namespaces are in scope.
   */
  readonly signatures: readonly string[];
}

/**
 * Looks at a message without parsing it. Refused: DOCTYPE and entities (security row S8), comments and CDATA sections,
 * with which a text reads differently to two readers (S2, S12; CVE-2017-11427, CVE-2025-29775), processing
 * instructions, more depth, attributes or elements than any message has, and more characters than `MAX_XML_CHARACTERS`.
 * @throws {UpstreamError}
 */
export const outlineOf = (text: string, step: UpstreamStep): Outline => {
  const refuse = refusalsOf(step);
  if (text.length > MAX_XML_CHARACTERS) throw refuse('xml_too_large', `${text.length} characters`);
  const xml = text.replace(/^\ufeff/, '').trimStart();
  const body = xml.replace(XML_DECLARATION, '');
  if (/<!(?:DOCTYPE|ENTITY|ELEMENT|ATTLIST|NOTATION)/i.test(body))
    throw refuse('xml_doctype', 'a document type or an entity is declared');
  // In well-formed XML a "<" is nowhere but at the beginning of markup, so this finds every comment, CDATA section and
  // instruction.
  if (/<[!?]/.test(body)) throw refuse('xml_comment', 'a comment, a CDATA section or a processing instruction');
  if (NOT_XML.test(body)) throw refuse('xml_malformed', 'a character that is none of XML');
  return scanned(body, refuse);
};

/**
 * Parses a message strictly: what {@link outlineOf} lets pass, within an extent. Anything that the parser only warns of
 * is refused too.
 * @returns the root element
 * @throws {UpstreamError}
 */
export const parseOutlined = (outline: Outline, step: UpstreamStep, most: Extent = MOST): Element => {
  const refuse = refusalsOf(step);
  if (!isWithin(outline, most)) throw refuse('xml_too_complex', 'more elements or attributes than are parsed');
  const root = parsed(outline.xml, refuse);
  for (const element of elementsOf(root)) {
    const named = [element, ...attributesOf(element)];
    if (!named.every(({ nodeName }) => QUALIFIED_NAME.test(nodeName)))
      throw refuse('xml_malformed', 'a name that is none of XML');
    if (named.some(({ nodeName, namespaceURI }) => nodeName.includes(':') && !namespaceURI))
      throw refuse('xml_malformed', 'a prefix that nobody declared');
  }
  return root;
};

/** {@link outlineOf} and {@link parseOutlined} in one. @throws {UpstreamError} */
export const parseStrictly = (text: string, step: UpstreamStep, most: Extent = MOST): Element =>
  parseOutlined(outlineOf(text, step), step, most);

export const isWithin = ({ elements, attributes }: Extent, most: Extent): boolean =>
  elements <= most.elements && attributes <= most.attributes;

const LOCAL_NAME = /^<(?:[^\s:/>]*:)?([^\s:/>]+)/;
const TAG_NAME = /^<([^\s/>]+)/;
/** A start tag as it stands there. */
const localNameOf = (tag: string): string | undefined => LOCAL_NAME.exec(tag)?.[1];
const closing = (tags: readonly string[]): string =>
  tags
    .map((tag) => `</${TAG_NAME.exec(tag)?.[1] ?? ''}>`)
    .reverse()
    .join('');

/** One pass, no backtracking. */
const scanned = (xml: string, refuse: Refuse): Outline => {
  let [depth, ofThisTag, elements, attributes, quote, from, signatureFrom] = [0, 0, 0, 0, '', 0, -1];
  let tag: 'none' | 'start' | 'end' = 'none';
  // The tags of the root and of the child that is open: what a signature can stand in.
  const around: string[] = [];
  const signatures: string[] = [];
  let envelope = '';
  for (let i = 0; i < xml.length; i += 1) {
    const character = xml.charAt(i);
    if (tag === 'none') {
      if (character !== '<') {
        if (depth === 0 && !/\s/.test(character)) throw refuse('xml_malformed', 'text beside the root element');
        continue;
      }
      tag = xml.charAt(i + 1) === '/' ? 'end' : 'start';
      from = i;
      ofThisTag = 0;
    } else if (quote !== '') {
      if (character === quote) quote = '';
      else if (character === '<') throw refuse('xml_malformed', '"<" in an attribute');
    } else if (character === '"' || character === "'") {
      quote = character;
      ofThisTag += 1;
      attributes += 1;
    } else if (character === '>') {
      const isEmpty = xml.charAt(i - 1) === '/';
      if (tag === 'end') {
        depth -= 1;
        if (signatureFrom >= 0 && depth === around.length) {
          if (i - signatureFrom > MAX_SIGNATURE_CHARACTERS)
            throw refuse('xml_too_complex', 'a signature that is larger than any');
          signatures.push(around.join('') + xml.slice(signatureFrom, i + 1) + closing(around));
          signatureFrom = -1;
        }
        if (depth < around.length) around.length = Math.max(0, depth);
      } else {
        elements += 1;
        if (depth === 0) envelope = isEmpty ? xml.slice(from, i + 1) : `${xml.slice(from, i)}/>`;
        if (!isEmpty) {
          if (signatureFrom < 0 && depth <= 2) {
            const started = xml.slice(from, i + 1);
            const isInPlace = depth === 1 || (depth === 2 && localNameOf(around[1] ?? '') === 'Assertion');
            if (isInPlace && localNameOf(started) === 'Signature') signatureFrom = from;
            else if (depth === around.length && depth < 2) around.push(started);
          }
          depth += 1;
        }
      }
      tag = 'none';
    } else if (character === '<') throw refuse('xml_malformed', '"<" in a tag');
    if (depth > MAX_DEPTH || ofThisTag > MAX_ATTRIBUTES || elements > MOST.elements || attributes > MOST.attributes)
      throw refuse('xml_too_complex', `depth ${depth}, attributes ${ofThisTag}, elements ${elements}`);
  }
  return { xml, envelope, signatures, elements, attributes };
};

const parsed = (xml: string, refuse: Refuse): Element => {
  const giveUp = (message: string): never => {
    throw refuse(
      'xml_malformed',
      message
        .split('\n')[0]
        ?.replace(/[^\w .:-]/g, '')
        .slice(0, 100) ?? 'not well-formed',
    );
  };
  try {
    const document = new DOMParser({
      errorHandler: { warning: giveUp, error: giveUp, fatalError: giveUp },
    }).parseFromString(xml, 'text/xml');
    const root = document?.documentElement;
    if (!root || elementChildren(document).length !== 1) throw refuse('xml_malformed', 'not one root element');
    return root;
  } catch (error) {
    if (error instanceof UpstreamError) throw error;
    // The parser throws errors of its own kinds for some inputs.
    return giveUp((error as Error).message);
  }
};

const nodesOf = (parent: Node): Node[] =>
  Array.from({ length: parent.childNodes.length }, (_, i) => parent.childNodes[i] as Node);

export const attributesOf = (element: Element): Attr[] =>
  Array.from({ length: element.attributes.length }, (_, i) => element.attributes[i] as Attr);

export const elementChildren = (parent: Node): Element[] =>
  nodesOf(parent).filter((node): node is Element => node.nodeType === ELEMENT_NODE);

/** The element and everything in it, in document order. */
export const elementsOf = (root: Element): Element[] => [root, ...elementChildren(root).flatMap(elementsOf)];

export const isNamed = (element: Element, namespace: string, name: string): boolean =>
  element.namespaceURI === namespace && element.localName === name;

export const children = (parent: Element, namespace: string, name: string): Element[] =>
  elementChildren(parent).filter((element) => isNamed(element, namespace, name));

/** The only child of that name; nothing where there is none or more than one. */
export const onlyChild = (parent: Element | undefined, namespace: string, name: string): Element | undefined => {
  const [only, ...others] = parent ? children(parent, namespace, name) : [];
  return others.length === 0 ? only : undefined;
};

/** The whole text of an element that has nothing but text in it; nothing for any other (security row S2). */
export const textOf = (element: Element | undefined): string | undefined =>
  element && nodesOf(element).every(({ nodeType }) => nodeType === TEXT_NODE) ? (element.textContent ?? '') : undefined;

/** An attribute without a namespace; nothing where it is absent. */
export const attributeOf = (element: Element | undefined, name: string): string | undefined =>
  element && element.hasAttribute(name) ? (element.getAttribute(name) ?? undefined) : undefined;
