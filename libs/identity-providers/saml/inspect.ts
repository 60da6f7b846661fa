import { X509Certificate } from 'node:crypto';
import { exchange, HttpExchangeError } from '#libs/platform/guarded-http.js';
import { inspectClock } from '../inspection-steps.js';
import type { Finding, Inspection } from '../inspection-steps.js';
import { metadataOf } from './provider-metadata.js';
import { entityIdOf } from './addresses.js';
import type { SamlProviderSettings } from './settings.js';

const SOON_MS = 30 * 24 * 3_600_000;

/** Metadata, certificates and clock of a SAML provider, and what it has to know of us. */
export const inspectSaml = async (
  settings: SamlProviderSettings,
  inspection: Inspection,
): Promise<readonly Finding[]> => {
  const { metadataUrl, signingCertificates, entityId } = settings;
  const { policy, now, callbackUrl } = inspection;
  const register: Finding = {
    check: 'redirect_uri',
    state: 'warning',
    detail: 'a SAML provider cannot be asked what it knows of us',
    fix: `Register at the provider: assertion consumer service ${callbackUrl}, entity id ${entityIdOf(callbackUrl)} (its address is our metadata).`,
  };
  if (metadataUrl === undefined) return [...signingCertificates.map((pem) => inspectCertificate(pem, now)), register];
  try {
    const answer = await exchange(metadataUrl, policy, {
      headers: { accept: 'application/samlmetadata+xml, application/xml' },
    });
    const published = metadataOf(metadataUrl, answer.body, now, entityId).signingCertificates;
    return [
      { check: 'metadata', state: 'ok', detail: `entity id ${entityId}` },
      ...[...signingCertificates, ...published].map((pem) => inspectCertificate(pem, now)),
      inspectClock(answer, now),
      register,
    ];
  } catch (error) {
    if (!(error instanceof HttpExchangeError)) throw error;
    return [
      {
        check: 'metadata',
        state: 'failed',
        detail: error.message,
        fix: `See that ${metadataUrl} can be reached from here.`,
      },
      register,
    ];
  }
};

const inspectCertificate = (pem: string, now: Date): Finding => {
  const { validTo, fingerprint256 } = new X509Certificate(pem);
  const until = new Date(validTo);
  const detail = `${fingerprint256.slice(0, 23)}… until ${until.toISOString().slice(0, 10)}`;
  const fix = 'Ask the provider for its next certificate and add it to signingCertificates, or name its metadataUrl.';
  if (until < now) return { check: 'keys', state: 'failed', detail, fix };
  return until.getTime() - now.getTime() < SOON_MS
    ? { check: 'keys', state: 'warning', detail, fix }
    : { check: 'keys', state: 'ok', detail };
};
