import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { UpstreamError } from '../upstream-error.js';
import { elementsOf, parseStrictly, textOf } from './xml.js';

const codeOf = (xml: string): string => {
  try {
    parseStrictly(xml, 'saml_message');
    return 'parsed';
  } catch (error) {
    if (error instanceof UpstreamError) return error.code;
    throw error;
  }
};

describe('reading XML strictly', () => {
  it('reads what messages are made of', () => {
    const root = parseStrictly(
      '\ufeff<?xml version="1.0" encoding="UTF-8"?>\n<a b="1 &gt; 0"><c>x &amp; y</c></a>\n',
      'saml_message',
    );
    expect(elementsOf(root).map(({ localName }) => localName)).toEqual(['a', 'c']);
    expect(textOf(elementsOf(root)[1])).toBe('x & y');
    expect(textOf(root)).toBeUndefined();
  });

  it.each([
    ['<!DOCTYPE a><a/>', 'xml_doctype'],
    ['<?xml version="1.0"?><!DocType a><a/>', 'xml_doctype'],
    ['<a><!ENTITY x "y"></a>', 'xml_doctype'],
    ['<a><!-- --></a>', 'xml_comment'],
    ['<a><![CDATA[x]]></a>', 'xml_comment'],
    ['<?xml version="1.1"?><a/>', 'xml_comment'],
    ['<?xml version="1.0" encoding="utf-16"?><a/>', 'xml_comment'],
    ['<a><?x?></a>', 'xml_comment'],
    ['', 'xml_malformed'],
    ['a', 'xml_malformed'],
    ['<a', 'xml_malformed'],
    ['<a></b>', 'xml_malformed'],
    ['<a/><a/>', 'xml_malformed'],
    ['<a/>text', 'xml_malformed'],
    ['<a b=c/>', 'xml_malformed'],
    ['<a b/>', 'xml_malformed'],
    ['<a b="<"/>', 'xml_malformed'],
    ['<a b="1" b="2"/>', 'xml_malformed'],
    ['<a>&nbsp;</a>', 'xml_malformed'],
    ['<a>\u0000</a>', 'xml_malformed'],
    ['<ä/>', 'xml_malformed'],
    ['<x:a/>', 'xml_malformed'],
    [`${'<a>'.repeat(65)}${'</a>'.repeat(65)}`, 'xml_too_complex'],
    [`<a>${'<b/>'.repeat(5_001)}</a>`, 'xml_too_complex'],
    [`<a ${Array.from({ length: 65 }, (_, i) => `b${i}=""`).join(' ')}/>`, 'xml_too_complex'],
    [`<a>${'x'.repeat(256 * 1024)}</a>`, 'xml_too_large'],
  ])('refuses %.40s: %s', (xml, code) => expect(codeOf(xml)).toBe(code));

  it('answers whatever comes in, and never with another error', () => {
    const piece = fc.constantFrom(
      '<',
      '>',
      '/',
      '"',
      "'",
      '=',
      ' ',
      'a',
      'b:',
      'xmlns',
      '&',
      '&#x41;',
      '&#0;',
      '<a>',
      '</a>',
      '<a b="c">',
      ']]>',
      '\u{1f600}',
      '\ud800',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 60 }), (pieces) => typeof codeOf(pieces.join('')) === 'string'),
      { numRuns: 2_000 },
    );
  });
});
