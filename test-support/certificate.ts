import { selfSignedCertificate } from '#libs/platform/self-signed-certificate.js';
import type { Certificate } from '#libs/platform/self-signed-certificate.js';

const DAY_MS = 24 * 3_600_000;
const aroundNow = (): { readonly from: Date; readonly until: Date } => ({
  from: new Date(Date.now() - DAY_MS),
  until: new Date(Date.now() + DAY_MS),
});

/** For TLS in tests: `localhost` and 127.0.0.1, its own authority, valid for a day around now. */
export const tlsCertificate = (): Promise<Certificate> =>
  selfSignedCertificate({
    commonName: 'localhost',
    keyType: 'ec',
    ...aroundNow(),
    altNames: { dns: ['localhost'], ipv4: ['127.0.0.1'] },
  });

/** For SAML in tests: RSA, valid for a day around now. */
export const samlCertificate = (): Promise<Certificate> =>
  selfSignedCertificate({ commonName: 'test', keyType: 'rsa', ...aroundNow() });
