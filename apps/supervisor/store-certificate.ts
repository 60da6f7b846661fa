import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { selfSignedCertificate } from '#libs/platform/self-signed-certificate.js';
import { writePrivately } from './secrets.js';

export interface StoreCertificate {
  /** Files in PEM. */
  readonly certificate: string;
  readonly key: string;
}

const DAY_MS = 24 * 3_600_000;
const YEARS = 30;

/**
 * The event store's certificate, made on the first start: the client sends a password over TLS only (security row E4).
 * It names this machine alone, and is its own authority.
 */
export const readOrMakeStoreCertificate = async (dataDirectory: string): Promise<StoreCertificate> => {
  const directory = join(dataDirectory, 'event-store');
  const files = { certificate: join(directory, 'certificate.pem'), key: join(directory, 'key.pem') };
  if (existsSync(files.certificate) && existsSync(files.key)) return files;
  const now = Date.now();
  const made = await selfSignedCertificate({
    commonName: 'localhost',
    keyType: 'ec',
    from: new Date(now - DAY_MS),
    until: new Date(now + YEARS * 365 * DAY_MS),
    altNames: { dns: ['localhost'], ipv4: ['127.0.0.1'] },
  });
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  writePrivately(files.key, made.key);
  // The last: with it, the pair is whole.
  writePrivately(files.certificate, made.certificate);
  return files;
};
