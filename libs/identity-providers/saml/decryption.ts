import { promisify } from 'node:util';
import { decrypt } from 'xml-encryption';
import { UpstreamError } from '../upstream-error.js';
import { XENC } from './names.js';
import { attributeOf, children, elementChildren, elementsOf, isNamed, onlyChild, textOf } from './xml.js';

/**
 * Authenticated encryption only: with CBC a stranger finds the plaintext by asking (security row S14; Jager and
 * Somorovsky, 2011).
 */
const CONTENT_METHODS: readonly (string | undefined)[] = [
  'http://www.w3.org/2009/xmlenc11#aes128-gcm',
  'http://www.w3.org/2009/xmlenc11#aes256-gcm',
];
/** OAEP only: with PKCS #1 v1.5 a stranger finds the key by asking (Bleichenbacher, 1998). */
const KEY_METHOD = `${XENC}rsa-oaep-mgf1p`;
const NONCE_AND_TAG_BYTES = 12 + 16;

const decryptXml = promisify(decrypt);

export interface Decrypted {
  readonly xml: string;
  readonly key: string;
}

const refuse = (code: string, detail: string): UpstreamError => new UpstreamError(code, 'saml_decryption', detail);

/**
 * Decrypts an `EncryptedAssertion`. @param privateKeys in PEM; the first that fits is used @returns XML, not checked
 * yet, and the key
 * @throws {UpstreamError} with one code for whatever cannot be decrypted, so that a stranger learns nothing by trying
 */
export const decryptAssertion = async (encrypted: Element, privateKeys: readonly string[]): Promise<Decrypted> => {
  const data = onlyChild(encrypted, XENC, 'EncryptedData');
  const keys = elementsOf(encrypted).filter((element) => isNamed(element, XENC, 'EncryptedKey'));
  const extra = elementChildren(encrypted).length - 1 - children(encrypted, XENC, 'EncryptedKey').length;
  if (!data || keys.length !== 1 || extra !== 0)
    throw refuse('encryption_malformed', 'not one EncryptedData with one EncryptedKey');
  const method = (element: Element | undefined): string | undefined =>
    attributeOf(onlyChild(element, XENC, 'EncryptionMethod'), 'Algorithm');
  if (!CONTENT_METHODS.includes(method(data)) || method(keys[0]) !== KEY_METHOD)
    throw refuse('encryption_algorithm', 'an encryption algorithm that is not accepted');
  const cipherText = textOf(onlyChild(onlyChild(data, XENC, 'CipherData'), XENC, 'CipherValue'));
  if (Buffer.from(cipherText ?? '', 'base64').length <= NONCE_AND_TAG_BYTES)
    throw refuse('encryption_malformed', 'no content');
  for (const key of privateKeys) {
    try {
      return {
        xml: (await decryptXml(encrypted.toString(), { key, disallowDecryptionWithInsecureAlgorithm: true })) ?? '',
        key,
      };
    } catch {
      // Perhaps for the key before.
    }
  }
  throw refuse('decryption_failed', 'for none of our keys, or changed');
};
