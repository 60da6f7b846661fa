import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { Certificate } from '#libs/platform/self-signed-certificate.js';
import { Browser } from '#test-support/browser.js';
import { samlCertificate } from '#test-support/certificate.js';
import { HostileSamlProvider } from '#test-support/hostile-saml-provider.js';
import { startTestIdentityServer } from '#test-support/identity-server.js';
import type { TestIdentityServer } from '#test-support/identity-server.js';
import { SAML_ATTACKS } from '#test-support/saml-attacks.js';
import { configurationWith, samlProvider, serviceProviderKeys } from '#test-support/saml-configuration.js';

/* Every row of security.md, "Upstream SAML", over real HTTP: what the hostile provider answers is posted as a browser would. None gets a session. */
describe('a SAML provider that lies', () => {
  let server: TestIdentityServer;
  let provider: HostileSamlProvider;
  let stranger: Certificate;
  let ours: Certificate;

  beforeAll(async () => {
    [provider, stranger, ours] = await Promise.all([HostileSamlProvider.start(), samlCertificate(), samlCertificate()]);
    server = await startTestIdentityServer();
    const { declared, environment } = serviceProviderKeys(ours);
    const providers = [
      samlProvider('corp', provider, declared),
      samlProvider('corp-response', provider, { ...declared, signaturePolicy: 'response' }),
      samlProvider('corp-both', provider, { ...declared, signaturePolicy: 'both' }),
      samlProvider('corp-encrypted', provider, { ...declared, encryptedAssertionsOnly: true }),
    ];
    await server.installation.configure(configurationWith(providers), environment);
  }, 60_000);
  afterAll(async () => {
    await server.stop();
    await provider.stop();
  });
  afterEach(() => {
    provider.lies = {};
    provider.subject = 'subject-1';
  });

  /** From the sign-in page to what comes of the provider's answer. */
  const signIn = async (id: string, browser = new Browser()): Promise<Browser> => {
    await browser.open(`${server.issuer}/sign-in`);
    await browser.submit({}, `/providers/${id}`);
    await browser.submit({}, '/acs');
    return browser;
  };

  it('the same provider telling the truth signs people in, in every way that it may be declared', async () => {
    for (const [id, lies] of [
      ['corp', {}],
      ['corp', { sign: 'both' }],
      ['corp', { encryptFor: ours }],
      ['corp-response', { sign: 'response' }],
      ['corp-response', { sign: 'both', encryptFor: ours }],
      ['corp-both', { sign: 'both' }],
      ['corp-encrypted', { encryptFor: ours }],
    ] as const) {
      provider.lies = lies;
      const browser = await signIn(id);
      expect([id, lies, browser.url, browser.status, browser.text]).toEqual([
        id,
        lies,
        `${server.issuer}/account`,
        200,
        expect.stringContaining('subject-1@corp.example'),
      ]);
    }
  });

  it.each(SAML_ATTACKS.map((attack): [string, typeof attack] => [`${attack.row} ${attack.name}`, attack]))(
    '%s',
    async (_name, attack) => {
      provider.lies = attack.lies({ provider: provider.keys, stranger, serviceProvider: ours });
      const logged = server.log.length;
      const browser = await signIn(attack.declared === undefined ? 'corp' : `corp-${attack.declared}`);
      expect([browser.text.match(/Code (\w+)/)?.[1], browser.status]).toEqual([attack.code, 400]);
      const refusal = server.log.slice(logged).find(({ refusal: code }) => code === attack.code);
      expect(refusal?.detail).toMatch(new RegExp(`^${attack.step}: `));
      await browser.open(`${server.issuer}/account`);
      expect(browser.url).toMatch(/\/sign-in/);
    },
  );
});
