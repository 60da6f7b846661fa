import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { HostileSamlProvider } from '#test-support/hostile-saml-provider.js';
import { samlProvider } from '#test-support/saml-configuration.js';
import { DEFAULT_HTTP_POLICY } from '#libs/platform/guarded-http.js';
import { UpstreamError } from '../upstream-error.js';
import { samlProviderSettingsSchema } from './settings.js';
import { SigningCertificates } from './signing-certificates.js';

describe('certificates from published metadata', () => {
  let provider: HostileSamlProvider;
  let now: number;
  let certificates: SigningCertificates;

  beforeEach(async () => {
    provider = await HostileSamlProvider.start();
    now = Date.now();
    certificates = new SigningCertificates(
      { ...DEFAULT_HTTP_POLICY, allowLoopback: true, timeoutMs: 400 },
      () => new Date(now),
    );
  });
  afterEach(() => provider.stop());

  const settings = (over = {}) =>
    samlProviderSettingsSchema.parse(
      samlProvider('corp', provider, { signingCertificates: [], metadataUrl: `${provider.url}/metadata`, ...over }),
    );
  /** Accepts only the provider's current certificate, as a signature of it would. */
  const verify = (known: readonly string[]): Promise<string> =>
    known.includes(provider.keys.certificate)
      ? Promise.resolve('verified')
      : Promise.reject(new UpstreamError('signature_invalid', 'saml_signature', 'by none'));

  it('a rollover needs nobody: an unknown signature has the metadata fetched once more, at most every 30 seconds', async () => {
    expect(await certificates.tryWith(settings(), verify)).toBe('verified');
    await provider.rotateKeys();
    await expect(certificates.tryWith(settings(), verify)).rejects.toMatchObject({ code: 'signature_invalid' });
    expect(provider.metadataRequests).toBe(1);
    now += 31_000;
    expect(await certificates.tryWith(settings(), verify)).toBe('verified');
    expect(provider.metadataRequests).toBe(2);
  });

  it('a flood of forged signatures asks the provider once per cool-down', async () => {
    await certificates.of(settings());
    now += 31_000;
    const refused = (): Promise<never> =>
      Promise.reject(new UpstreamError('signature_invalid', 'saml_signature', 'by none'));
    for (let i = 0; i < 20; i += 1)
      await expect(certificates.tryWith(settings(), refused)).rejects.toMatchObject({ code: 'signature_invalid' });
    expect(provider.metadataRequests).toBe(2);
  });

  it('neither does a flood while the provider is away', async () => {
    await certificates.of(settings());
    now += 31_000;
    provider.lies = { metadata: () => 'away' };
    const refused = (): Promise<never> =>
      Promise.reject(new UpstreamError('signature_invalid', 'saml_signature', 'by none'));
    for (let i = 0; i < 20; i += 1)
      await expect(certificates.tryWith(settings(), refused)).rejects.toMatchObject({ code: 'signature_invalid' });
    expect(provider.metadataRequests).toBe(2);
  });

  it('looks again after ten minutes; while the provider is away, what was known goes on', async () => {
    const before = await certificates.of(settings());
    provider.lies = { hang: true };
    now += 600_000;
    expect(await certificates.of(settings())).toEqual(before);
    provider.lies = {};
    await provider.rotateKeys();
    now += 31_000;
    expect(await certificates.of(settings())).toEqual([provider.keys.certificate]);
  });

  it.each<[string, (xml: string) => string]>([
    ['another entity', (xml) => xml.replace(/entityID="[^"]*"/, 'entityID="https://other.example"')],
    ['a DOCTYPE (S8)', (xml) => `<!DOCTYPE x>${xml}`],
    ['no XML', () => '{}'],
    [
      'what was valid until yesterday',
      (xml) => xml.replace('<md:EntityDescriptor', '<md:EntityDescriptor validUntil="2020-01-01T00:00:00Z"'),
    ],
    ['a service provider', (xml) => xml.replaceAll('IDPSSODescriptor', 'SPSSODescriptor')],
    ['more than we read', (xml) => xml + ' '.repeat(600_000)],
  ])('metadata with %s is not believed', async (_what, metadata) => {
    provider.lies = { metadata };
    await expect(certificates.of(settings())).rejects.toMatchObject({
      code: 'provider_unreachable',
      step: 'saml_metadata',
    });
    const declared = ['-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----'];
    expect(await certificates.of(settings({ signingCertificates: declared }))).toEqual(declared);
  });

  it('a certificate with a key that is too weak, or none, is left out; comments of people are not minded', async () => {
    provider.lies = {
      metadata: (xml) =>
        xml.replace(/(<ds:X509Certificate>)[^<]*/, '$1AAAA').replace('<md:IDP', '<!-- ours --><md:IDP'),
    };
    expect(await certificates.of(settings())).toEqual([]);
  });
});
