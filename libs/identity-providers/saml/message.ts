import { inflateRawSync } from 'node:zlib';
import { UpstreamError } from '../upstream-error.js';
import { MAX_XML_CHARACTERS } from './xml.js';

/** Base64 as forms carry it, with line breaks. Four thirds of the largest XML, in UTF-8. */
const MAX_ENCODED_CHARACTERS = MAX_XML_CHARACTERS * 2;
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;

const refuse = (code: string, detail: string): UpstreamError => new UpstreamError(code, 'saml_message', detail);

const bytesOf = (encoded: unknown): Buffer => {
  if (typeof encoded !== 'string' || encoded === '') throw refuse('message_missing', 'no message, or several');
  if (encoded.length > MAX_ENCODED_CHARACTERS) throw refuse('xml_too_large', `${encoded.length} characters in base64`);
  const compact = encoded.replace(/[\r\n\t ]+/g, '');
  if (!BASE64.test(compact)) throw refuse('message_undecodable', 'not base64');
  return Buffer.from(compact, 'base64');
};

const textOfBytes = (bytes: Uint8Array): string => {
  try {
    // Whoever processes XML normalizes line ends first (XML 1.0, section 2.11); signatures are over the normalized
    // text.
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes).replace(/\r\n?/g, '\n');
  } catch {
    throw refuse('message_undecodable', 'not UTF-8');
  }
};

/**
 * A message of the HTTP POST binding (SAML bindings, section 3.5).
 * @returns XML, not checked yet
 * @throws {UpstreamError}
 */
export const decodePostMessage = (encoded: unknown): string => textOfBytes(bytesOf(encoded));

/**
 * A message of the HTTP Redirect binding, inflated within bounds (SAML bindings, section 3.4.4.1).
 * @throws {UpstreamError}
 */
export const decodeRedirectMessage = (encoded: unknown): string => {
  const bytes = bytesOf(encoded);
  try {
    return textOfBytes(inflateRawSync(bytes, { maxOutputLength: MAX_XML_CHARACTERS }));
  } catch (error) {
    if (error instanceof UpstreamError) throw error;
    throw refuse('message_undecodable', 'cannot be inflated, or is too large inflated');
  }
};
