import { createHash, generateKeyPair, randomBytes, sign } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { promisify } from 'node:util';

/** A self-signed certificate and its key, in PEM. */
export interface Certificate {
  readonly certificate: string;
  readonly key: string;
}

export interface CertificateRequest {
  readonly commonName: string;
  /** RSA with 2048 bits, or P-256. */
  readonly keyType: 'rsa' | 'ec';
  readonly from: Date;
  readonly until: Date;
  /** For TLS: host names and IPv4 addresses; the certificate is then its own authority. */
  readonly altNames?: { readonly dns: readonly string[]; readonly ipv4: readonly string[] };
}

// DER, as much of it as a certificate needs (X.690; RFC 5280, section 4.1).
const tagged = (tag: number, ...parts: readonly Uint8Array[]): Buffer => {
  const content = Buffer.concat(parts);
  const { length } = content;
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
};
const sequence = (...parts: readonly Uint8Array[]): Buffer => tagged(0x30, ...parts);
const set = (...parts: readonly Uint8Array[]): Buffer => tagged(0x31, ...parts);
const octets = (content: Uint8Array): Buffer => tagged(0x04, content);
const bits = (content: Uint8Array): Buffer => tagged(0x03, Buffer.from([0]), content);
const utf8 = (text: string): Buffer => tagged(0x0c, Buffer.from(text, 'utf8'));
/** UTCTime until 2049, GeneralizedTime from then on (RFC 5280, section 4.1.2.5). */
const time = (at: Date): Buffer => {
  const text = at.toISOString().replace(/[-:T]|\.\d+/g, '');
  return at.getUTCFullYear() < 2050
    ? tagged(0x17, Buffer.from(text.slice(2), 'ascii'))
    : tagged(0x18, Buffer.from(text, 'ascii'));
};
const oid = (hex: string): Buffer => tagged(0x06, Buffer.from(hex, 'hex'));
const NULL = tagged(0x05);
const TRUE = tagged(0x01, Buffer.from([255]));

const COMMON_NAME = oid('550403');
const SUBJECT_ALT_NAME = oid('551d11');
const BASIC_CONSTRAINTS = oid('551d13');
const SUBJECT_KEY_IDENTIFIER = oid('551d0e');
const SIGNATURE_ALGORITHMS = {
  ec: sequence(oid('2a8648ce3d040302')),
  rsa: sequence(oid('2a864886f70d01010b'), NULL),
} as const;

const pem = (label: string, der: Buffer): string =>
  `-----BEGIN ${label}-----\n${(der.toString('base64').match(/.{1,64}/g) ?? []).join('\n')}\n-----END ${label}-----\n`;

const keyPair = (
  keyType: CertificateRequest['keyType'],
): Promise<{ readonly publicKey: KeyObject; readonly privateKey: KeyObject }> =>
  keyType === 'rsa'
    ? promisify(generateKeyPair)('rsa', { modulusLength: 2048 })
    : promisify(generateKeyPair)('ec', { namedCurve: 'P-256' });

const altNameExtension = ({ dns, ipv4 }: NonNullable<CertificateRequest['altNames']>): Buffer =>
  sequence(
    SUBJECT_ALT_NAME,
    octets(
      sequence(
        ...dns.map((name) => tagged(0x82, Buffer.from(name, 'ascii'))),
        ...ipv4.map((address) => tagged(0x87, Buffer.from(address.split('.').map(Number)))),
      ),
    ),
  );

/**
 * A fresh key with a certificate that it signs itself: a container for a public key that others are told to trust (RFC
 * 5280).
 */
export const selfSignedCertificate = async (request: CertificateRequest): Promise<Certificate> => {
  const { publicKey, privateKey } = await keyPair(request.keyType);
  const algorithm = SIGNATURE_ALGORITHMS[request.keyType];
  const name = sequence(set(sequence(COMMON_NAME, utf8(request.commonName))));
  const publicKeyInfo = publicKey.export({ type: 'spki', format: 'der' });
  const serial = randomBytes(8);
  serial[0] = ((serial[0] ?? 0) & 0x7f) | 0x40;
  const extensions = sequence(
    ...(request.altNames ? [sequence(BASIC_CONSTRAINTS, TRUE, octets(sequence(TRUE)))] : []),
    sequence(SUBJECT_KEY_IDENTIFIER, octets(octets(createHash('sha1').update(publicKeyInfo).digest()))),
    ...(request.altNames ? [altNameExtension(request.altNames)] : []),
  );
  const toBeSigned = sequence(
    tagged(0xa0, tagged(0x02, Buffer.from([2]))),
    tagged(0x02, serial),
    algorithm,
    name,
    sequence(time(request.from), time(request.until)),
    name,
    publicKeyInfo,
    tagged(0xa3, extensions),
  );
  const signature = sign('sha256', toBeSigned, { key: privateKey, dsaEncoding: 'der' });
  return {
    certificate: pem('CERTIFICATE', sequence(toBeSigned, algorithm, bits(signature))),
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  };
};
