import { createCipheriv, createDecipheriv, createSecretKey, randomBytes } from 'node:crypto';
import type { KeyObject } from 'node:crypto';

const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** Length-unambiguous encoding of associated data. */
const bytesOf = (context: readonly (string | number)[]): Buffer => Buffer.from(JSON.stringify(context), 'utf8');

const keyObjects = new WeakMap<Buffer, KeyObject>();

/**
 * Node 24 takes several times longer over a key that is a buffer than over all the rest of a short field, at every use;
 * over a key object it does not.
 */
const keyObjectOf = (key: Buffer): KeyObject => {
  const known = keyObjects.get(key);
  if (known) return known;
  const created = createSecretKey(key);
  keyObjects.set(key, created);
  return created;
};

/**
 * AES-256-GCM with a random 96-bit nonce (NIST SP 800-38D).
 * @param key 32 bytes, which do not change any more
 * @param context what the ciphertext belongs to; opening it with another context fails
 * @returns nonce, ciphertext and tag
 */
export const seal = (key: Buffer, plaintext: Buffer, context: readonly (string | number)[]): Buffer => {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv('aes-256-gcm', keyObjectOf(key), nonce);
  cipher.setAAD(bytesOf(context));
  return Buffer.concat([nonce, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
};

/** @throws when the key, the context or a byte is not the one it was sealed with */
export const open = (key: Buffer, sealed: Buffer, context: readonly (string | number)[]): Buffer => {
  const decipher = createDecipheriv('aes-256-gcm', keyObjectOf(key), sealed.subarray(0, NONCE_BYTES), {
    authTagLength: TAG_BYTES,
  });
  decipher.setAAD(bytesOf(context));
  decipher.setAuthTag(sealed.subarray(sealed.length - TAG_BYTES));
  const plaintext = decipher.update(sealed.subarray(NONCE_BYTES, sealed.length - TAG_BYTES));
  // A mode without blocks has nothing left to give here: it says whether the tag is right.
  decipher.final();
  return plaintext;
};
