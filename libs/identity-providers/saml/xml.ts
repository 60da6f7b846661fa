import { DOMParser } from '@xmldom/xmldom';
import { UpstreamError } from '../upstream-error.js';
import type { UpstreamStep } from '../upstream-error.js';

/*
 * The only way in which this context reads XML. What a SAML message has no need for is refused before anything is
 * parsed: the parser below is lenient by default, and several attacks live on the parts of XML that two readers see
 * differently.
 */

/** A response with a large encrypted assertion has some ten thousand characters. */
export const MAX_XML_CHARACTERS = 256 * 1024;
const MAX_DEPTH = 64;
const MAX_ATTRIBUTES = 64;
const MAX_ELEMENTS = 5_000;

const ELEMENT_NODE = 1;
const TEXT_NODE = 3;

/** What is no character of XML 1.0 (section 2.2). */
const NOT_XML = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/;
const XML_DECLARATION = /^<\?xml version="1\.0"(?: encoding="[Uu][Tt][Ff]-8")?(?: standalone="(?:yes|no)")?\s*\?>/;
const QUALIFIED_NAME = /^[A-Za-z_][\w.-]*(?::[A-Za-z_][\w.-]*)?$/;

/**
 * Parses a message strictly. Refused before parsing: DOCTYPE and entities (security row S8), comments and CDATA
 * sections, with which a text reads differently to two readers (S2, S12; CVE-2017-11427, CVE-2025-29775), processing
 * instructions, more depth, attributes or elements than any message has, and more characters than `MAX_XML_CHARACTERS`.
 * Anything that the parser only warns of is refused too.
 * @returns the root element
 * @throws {UpstreamError}
 */
export const parseStrictly = (text: string, step: UpstreamStep): Element => {
  const refuse = (code: string, detail: string): UpstreamError => new UpstreamError(code, step, detail);
  if (text.length > MAX_XML_CHARACTERS) throw refuse('xml_too_large', `${text.length} characters`);
  const xml = text.replace(/^\ufeff/, '').trimStart();
  const body = xml.replace(XML_DECLARATION, '');
  if (/<!(?:DOCTYPE|ENTITY|ELEMENT|ATTLIST|NOTATION)/i.test(body))
    throw refuse('xml_doctype', 'a document type or an entity is declared');
  // In well-formed XML a "<" is nowhere but at the beginning of markup, so this finds every comment, CDATA section and
  // instruction.
  if (/<[!?]/.test(body)) throw refuse('xml_comment', 'a comment, a CDATA section or a processing instruction');
  if (NOT_XML.test(body)) throw refuse('xml_malformed', 'a character that is none of XML');
  checkExtent(body, refuse);
  const root = parsed(body, refuse);
  for (const element of elementsOf(root)) {
    const named = [element, ...attributesOf(element)];
    if (!named.every(({ nodeName }) => QUALIFIED_NAME.test(nodeName)))
      throw refuse('xml_malformed', 'a name that is none of XML');
    if (named.some(({ nodeName, namespaceURI }) => nodeName.includes(':') && !namespaceURI))
      throw refuse('xml_malformed', 'a prefix that nobody declared');
  }
  return root;
};

/**
 * Bounds what the parser is given: its work grows with the square of depth and attributes. One pass, no backtracking.
 */
const checkExtent = (xml: string, refuse: (code: string, detail: string) => UpstreamError): void => {
  let [depth, attributes, elements, quote] = [0, 0, 0, ''];
  let tag: 'none' | 'start' | 'end' = 'none';
  for (let i = 0; i < xml.length; i += 1) {
    const character = xml.charAt(i);
    if (tag === 'none') {
      if (character !== '<') {
        if (depth === 0 && !/\s/.test(character)) throw refuse('xml_malformed', 'text beside the root element');
        continue;
      }
      tag = xml.charAt(i + 1) === '/' ? 'end' : 'start';
      attributes = 0;
    } else if (quote !== '') {
      if (character === quote) quote = '';
      else if (character === '<') throw refuse('xml_malformed', '"<" in an attribute');
    } else if (character === '"' || character === "'") {
      quote = character;
      attributes += 1;
    } else if (character === '>') {
      if (tag === 'end') depth -= 1;
      else {
        elements += 1;
        if (xml.charAt(i - 1) !== '/') depth += 1;
      }
      tag = 'none';
    } else if (character === '<') throw refuse('xml_malformed', '"<" in a tag');
    if (depth > MAX_DEPTH || attributes > MAX_ATTRIBUTES || elements > MAX_ELEMENTS)
      throw refuse('xml_too_complex', `depth ${depth}, attributes ${attributes}, elements ${elements}`);
  }
};

const parsed = (xml: string, refuse: (code: string, detail: string) => UpstreamError): Element => {
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
