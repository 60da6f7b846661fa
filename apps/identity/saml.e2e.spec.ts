import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { createVerify, X509Certificate } from 'node:crypto';
import { SignedXml } from 'xml-crypto';
import { userActivityStream, userStream } from '#libs/users/streams.js';
import { parseProviderMetadata } from '#libs/identity-providers/saml/provider-metadata.js';
import type { Certificate } from '#libs/platform/self-signed-certificate.js';
import { Browser } from '#test-support/browser.js';
import { launchChromium } from '#test-support/chromium.js';
import { samlCertificate } from '#test-support/certificate.js';
import { HostileSamlProvider } from '#test-support/hostile-saml-provider.js';
import { startTestIdentityServer } from '#test-support/identity-server.js';
import type { TestIdentityServer } from '#test-support/identity-server.js';
import { attribute, TRANSIENT } from '#test-support/saml-responses.js';
import { configurationWith, samlProvider, serviceProviderKeys } from '#test-support/saml-configuration.js';

const USER_ID = /id="user-id">([0-9a-f-]{36})</;

describe('sign-in through SAML over HTTP', () => {
  let server: TestIdentityServer;
  let provider: HostileSamlProvider;
  let ours: Certificate;
  let configure: (over?: Readonly<Record<string, Readonly<Record<string, unknown>>>>) => Promise<void>;

  beforeAll(async () => {
    [provider, ours] = await Promise.all([HostileSamlProvider.start(), samlCertificate()]);
    server = await startTestIdentityServer();
    const { declared, environment } = serviceProviderKeys(ours);
    configure = (over = {}) =>
      server.installation.configure(
        configurationWith([
          samlProvider('corp', provider, { ...declared, ...over.corp }),
          samlProvider('other', provider, declared),
          samlProvider('open', provider, { allowIdpInitiated: true }),
          samlProvider('post', provider, {
            ...declared,
            signRequests: true,
            singleSignOnServices: [{ binding: 'post', url: `${provider.url}/sso` }],
          }),
          samlProvider('signed', provider, { ...declared, signRequests: true }),
          samlProvider('transient', provider, {
            nameIdFormat: 'transient',
            identifier: { from: 'attribute', name: 'employeeNumber' },
          }),
          samlProvider('published', provider, { signingCertificates: [], metadataUrl: `${provider.url}/metadata` }),
        ]),
        environment,
      );
    await configure();
  }, 60_000);
  afterAll(async () => {
    await server.stop();
    await provider.stop();
  });
  afterEach(() => {
    provider.lies = {};
    provider.subject = 'subject-1';
  });

  const acs = (id: string): string => `${server.issuer}/providers/${id}/acs`;
  const audience = (id: string): string => `${server.issuer}/providers/${id}/metadata`;
  /** Up to the provider's page, with the response in it that is posted next. */
  const begin = async (id: string, browser = new Browser()): Promise<Browser> => {
    await browser.open(`${server.issuer}/sign-in`);
    await browser.submit({}, `/providers/${id}`);
    return browser;
  };
  const finish = async (browser: Browser): Promise<Browser> => {
    await browser.submit({}, '/acs');
    return browser;
  };
  const signIn = async (id: string, subject = 'subject-1', browser = new Browser()): Promise<Browser> => {
    provider.subject = subject;
    return finish(await begin(id, browser));
  };
  const responseIn = (browser: Browser): string => /name="SAMLResponse" value="([^"]*)"/.exec(browser.html)?.[1] ?? '';
  const userIdIn = (browser: Browser): string => USER_ID.exec(browser.html)?.[1] ?? '';
  const codeIn = (browser: Browser): string | undefined => /Code (\w+)/.exec(browser.text)?.[1];
  const hasSession = async (browser: Browser): Promise<boolean> =>
    (await browser.open(`${server.issuer}/account`)).endsWith('/account');
  const unsolicited = async (id: string): Promise<string> =>
    Buffer.from(await provider.respond({ acs: acs(id), audience: audience(id) })).toString('base64');

  it('a first sign-in provisions, the second is the same person; the NameID with its format and qualifiers is the key', async () => {
    const first = await signIn('corp', 'ann');
    expect(first.text).toContain('ann@corp.example');
    expect(userIdIn(await signIn('corp', 'ann'))).toBe(userIdIn(first));
    expect(userIdIn(await signIn('corp', 'Ann'))).not.toBe(userIdIn(first));
    expect(userIdIn(await signIn('other', 'ann'))).not.toBe(userIdIn(first));
    const events = await server.installation.store.read(userStream(userIdIn(first)));
    expect(events.map(({ event }) => event.type)).toEqual(['UserProvisioned', 'ExternalIdentityLinked']);
  });

  it('the response is kept for our own request that follows, which has the cookie: the post itself signs nobody in', async () => {
    const browser = await begin('corp');
    const posted = await fetch(acs('corp'), {
      method: 'POST',
      body: new URLSearchParams({ SAMLResponse: responseIn(browser) }),
      redirect: 'manual',
    });
    expect([posted.status, posted.headers.getSetCookie()]).toEqual([303, []]);
    const next = posted.headers.get('location') ?? '';
    expect(next).toMatch(/\/providers\/corp\/acs\?response=[\w-]{43}$/);
    await browser.open(next);
    expect(browser.url).toBe(`${server.issuer}/account`);
    await browser.open(next);
    expect(codeIn(browser)).toBe('response_unknown');
  });

  describe('S4: an assertion is used once', () => {
    it('the same response again, in another browser: refused', async () => {
      const browser = await begin('corp');
      const response = responseIn(browser);
      await finish(browser);
      const again = new Browser();
      await again.post(acs('corp'), { SAMLResponse: response });
      expect(codeIn(again)).toBe('assertion_replayed');
      expect(await hasSession(again)).toBe(false);
    });

    it('another response around the same assertion id, for a request of its own: refused', async () => {
      await signIn('corp');
      const used = await begin('corp');
      const id = '_one-and-the-same';
      provider.lies = { facts: (facts) => void (facts.assertionId = id) };
      expect(codeIn(await signIn('corp'))).toBeUndefined();
      const second = await signIn('corp', 'subject-1', used);
      expect([codeIn(second), await hasSession(second)]).toEqual(['assertion_replayed', false]);
    });

    it('an assertion with OneTimeUse is accepted, once', async () => {
      provider.lies = { facts: (facts) => void (facts.conditions = '<saml:OneTimeUse/>') };
      const browser = await begin('corp');
      const response = responseIn(browser);
      expect((await finish(browser)).url).toBe(`${server.issuer}/account`);
      const again = new Browser();
      await again.post(acs('corp'), { SAMLResponse: response });
      expect(codeIn(again)).toBe('assertion_replayed');
    });

    it('50 concurrent posts of one response: exactly one session', async () => {
      provider.subject = 'crowd';
      const browser = await begin('corp');
      const response = responseIn(browser);
      const browsers = Array.from({ length: 50 }, () => browser.clone());
      await Promise.all(browsers.map((each) => each.post(acs('corp'), { SAMLResponse: response })));
      const signedIn = browsers.filter(({ url }) => url === `${server.issuer}/account`);
      expect(signedIn).toHaveLength(1);
      const userId = userIdIn(signedIn[0] as Browser);
      const activity = (await server.installation.store.read(userActivityStream(userId))).map(
        ({ event }) => event.type,
      );
      expect(activity).toEqual(['LoginSucceeded', 'SessionStarted']);
    }, 30_000);
  });

  describe('S5: the request is bound to the browser and to the provider', () => {
    it('a response to another browser’s request', async () => {
      const victim = new Browser();
      await victim.open(`${server.issuer}/sign-in`);
      const attacker = await begin('corp');
      await victim.post(acs('corp'), { SAMLResponse: responseIn(attacker) });
      expect([codeIn(victim), await hasSession(victim)]).toEqual(['browser_mismatch', false]);
    });

    it('a response to a request that was made to another provider', async () => {
      const browser = await begin('other');
      const request = provider.lastRequest;
      const swapped = await provider.respond({
        ...request,
        id: request?.id ?? '',
        acs: acs('corp'),
        audience: audience('corp'),
      } as never);
      await browser.post(acs('corp'), { SAMLResponse: Buffer.from(swapped).toString('base64') });
      expect([codeIn(browser), await hasSession(browser)]).toEqual(['state_mismatch', false]);
    });

    it('a response for one provider, posted to another', async () => {
      const browser = await begin('corp');
      await browser.post(acs('other'), { SAMLResponse: responseIn(browser) });
      expect([codeIn(browser), await hasSession(browser)]).toEqual(['state_mismatch', false]);
    });
  });

  describe('S5: IdP-initiated, where the provider is allowed it', () => {
    it('signs in who is linked already, once, and lands on the account page whatever RelayState says (L24)', async () => {
      const known = userIdIn(await signIn('open', 'iris'));
      provider.subject = 'iris';
      const response = await unsolicited('open');
      const browser = new Browser(['https://evil.example']);
      await browser.post(acs('open'), { SAMLResponse: response, RelayState: 'https://evil.example/' });
      expect([browser.url, userIdIn(browser)]).toEqual([`${server.issuer}/account`, known]);
      const again = new Browser();
      await again.post(acs('open'), { SAMLResponse: response });
      expect([codeIn(again), await hasSession(again)]).toEqual(['assertion_replayed', false]);
    });

    it('creates, links and offers nothing: row 2 only', async () => {
      provider.subject = 'nobody-knows';
      const browser = new Browser();
      await browser.post(acs('open'), { SAMLResponse: await unsolicited('open') });
      expect([codeIn(browser), await hasSession(browser)]).toEqual(['account_not_found', false]);
      expect(userIdIn(await signIn('open', 'nobody-knows'))).toMatch(/^[0-9a-f-]{36}$/);
    });

    it('L10: while a person is linking, it links nothing', async () => {
      const browser = await signIn('corp', 'linda');
      const userId = userIdIn(browser);
      await browser.submit({}, '/link/open');
      if (browser.url.includes('/account/confirm')) await browser.submit({}, '/providers/corp');
      provider.subject = 'lindas-enemy';
      await browser.post(acs('open'), { SAMLResponse: await unsolicited('open') });
      expect(codeIn(browser)).toBe('account_not_found');
      const types = (await server.installation.store.read(userStream(userId))).map(({ event }) => event.type);
      expect(types.filter((type) => type === 'ExternalIdentityLinked')).toHaveLength(1);
    });
  });

  it('L24: RelayState of a response to our own request leads nowhere either', async () => {
    const browser = await begin('corp', new Browser(['https://evil.example']));
    await browser.submit({ RelayState: 'https://evil.example/' }, '/acs');
    expect(browser.url).toBe(`${server.issuer}/account`);
  });

  it('L23, S9: attributes that are named like fields of ours are not taken over; several values are none', async () => {
    provider.lies = {
      facts: (facts) => {
        facts.attributes =
          ['email', 'name', 'nameID', 'issuer', 'sub', 'roles', 'emailVerified']
            .map((name) => attribute(name, 'admin@evil.example'))
            .join('') + attribute('mail', 'one@corp.example', 'two@corp.example');
      },
    };
    const browser = await signIn('corp', 'plain');
    expect(browser.text).not.toMatch(/evil|one@corp|two@corp/);
    const [provisioned] = await server.installation.store.read(userStream(userIdIn(browser)));
    expect(provisioned?.event).toMatchObject({ data: { organizationId: 'default', providerId: 'corp' } });
    expect(JSON.stringify(provisioned?.event)).not.toContain('evil');
  });

  it('a transient NameID is no key; the attribute that the provider is declared with is, as another kind', async () => {
    const nameIds: string[] = [];
    const signInAs = async (employeeNumber: string): Promise<Browser> => {
      provider.lies = {
        facts: (facts) => {
          facts.nameIdFormat = TRANSIENT;
          nameIds.push((facts.nameId = `_${Math.random()}`));
          facts.attributes = attribute('employeeNumber', employeeNumber);
        },
      };
      return signIn('transient');
    };
    const first = userIdIn(await signInAs('4711'));
    expect([userIdIn(await signInAs('4711')), userIdIn(await signInAs('4712')) === first]).toEqual([first, false]);
    expect(new Set(nameIds).size).toBe(3);
    provider.lies = { facts: (facts) => void (facts.nameIdFormat = TRANSIENT) };
    expect(codeIn(await signIn('corp'))).toBe('name_id_transient');
    expect(codeIn(await signIn('transient'))).toBe('subject_missing');
  });

  describe('requests', () => {
    it('the redirect binding: signed over the query, for our assertion consumer service, without a RelayState', async () => {
      expect((await signIn('signed', 'sid')).url).toBe(`${server.issuer}/account`);
      const { parameters, xml, acs: address } = provider.lastRequest ?? fail();
      expect([address, parameters.get('RelayState'), parameters.get('SigAlg')]).toEqual([
        acs('signed'),
        null,
        'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256',
      ]);
      expect(xml).toContain(`Destination="${provider.url}/sso"`);
      const signed = new URLSearchParams({
        SAMLRequest: parameters.get('SAMLRequest') ?? '',
        SigAlg: parameters.get('SigAlg') ?? '',
      });
      const verifier = createVerify('RSA-SHA256').update(signed.toString());
      expect(verifier.verify(ours.certificate, parameters.get('Signature') ?? '', 'base64')).toBe(true);
    });

    it('the POST binding: a page that posts itself, by one script that its policy names, or by its button; the request is signed within', async () => {
      const browser = new Browser();
      await browser.open(`${server.issuer}/sign-in`);
      await browser.submit({}, '/providers/post');
      expect(browser.html).toContain('<script>document.forms[0].submit()</script>');
      expect(browser.html).toContain('<button');
      const policy = browser.headers.get('content-security-policy') ?? '';
      expect(policy).toMatch(/^default-src 'none';.* script-src 'sha256-[A-Za-z0-9+/]{43}=';/);
      expect(policy).toContain(`form-action 'self' ${provider.url}`);
      await browser.submit({}, '/sso');
      const xml = provider.lastRequest?.xml ?? '';
      const signature = /<Signature .*<\/Signature>/s.exec(xml)?.[0] ?? '';
      const verifier = new SignedXml({ publicCert: ours.certificate });
      verifier.loadSignature(signature);
      expect(verifier.checkSignature(xml)).toBe(true);
      await finish(browser);
      expect(browser.url).toBe(`${server.issuer}/account`);
    });
  });

  it('in a real browser, across sites: the request posts itself, the response comes without cookies, and the redirect to ourselves has them', async () => {
    const chromium = await launchChromium();
    try {
      const page = await chromium.newPage();
      const cookiesOfPost: (string | undefined)[] = [];
      page.on('request', (request) => {
        if (request.method() !== 'POST' || request.url() !== acs('post')) return;
        cookiesOfPost.push(request.headers().cookie);
      });
      await page.goto(`${server.issuer}/sign-in`);
      await page.getByRole('button', { name: 'Continue with post' }).click();
      await page.waitForURL(`${provider.url}/sso`);
      await page.evaluate('document.forms[0].submit()');
      await page.waitForURL(`${server.issuer}/account`);
      expect(await page.textContent('body')).toContain('subject-1@corp.example');
      expect(cookiesOfPost).toEqual([undefined]);
    } finally {
      await chromium.close();
    }
  });

  describe('ForceAuthn', () => {
    it('is asked for when a person proves again who they are, and AuthnInstant must show it', async () => {
      const browser = await signIn('corp', 'frank');
      expect(provider.lastRequest?.forceAuthn).toBe(false);
      await browser.submit({}, '/link/other');
      if (browser.url.includes('/account/confirm')) await browser.submit({}, '/providers/corp');
      expect(provider.lastRequest?.forceAuthn).toBe(true);
      provider.lies = {
        facts: (facts) => void (facts.authnInstant = `${new Date(Date.now() - 3_600_000).toISOString().slice(0, 19)}Z`),
      };
      const request = provider.lastRequest ?? fail();
      const stale = Buffer.from(await provider.respond(request)).toString('base64');
      await browser.post(request.acs, { SAMLResponse: stale });
      expect(codeIn(browser)).toBe('reauthentication_not_proven');
    });
  });

  it('our metadata names us, our addresses, our keys and what we encrypt with', async () => {
    const answer = await fetch(audience('signed'));
    const xml = await answer.text();
    expect([answer.status, answer.headers.get('content-type')]).toEqual([
      200,
      expect.stringContaining('application/samlmetadata+xml'),
    ]);
    expect(xml).toContain(`entityID="${audience('signed')}"`);
    expect(xml).toContain(`Location="${acs('signed')}"`);
    expect(xml).toContain('AuthnRequestsSigned="true" WantAssertionsSigned="true"');
    const published = [...xml.matchAll(/<ds:X509Certificate>([^<]*)/g)].map(
      ([, base64 = '']) => new X509Certificate(Buffer.from(base64, 'base64')),
    );
    expect(published.map(({ fingerprint256 }) => fingerprint256)).toEqual(
      Array(2).fill(new X509Certificate(ours.certificate).fingerprint256),
    );
    expect(xml).not.toContain('PRIVATE');
    expect((await fetch(`${server.issuer}/providers/nonesuch/metadata`)).status).toBe(404);
  });

  describe('a key rollover at the provider needs no restart', () => {
    afterEach(() => configure({ corp: { signingCertificates: [provider.keys.certificate] } }));

    it('declared certificates: the new one is added by configuration, then the old one leaves', async () => {
      const old = provider.keys.certificate;
      await provider.rotateKeys();
      expect(codeIn(await signIn('corp'))).toBe('signature_invalid');
      await configure({ corp: { signingCertificates: [old, provider.keys.certificate] } });
      expect((await signIn('corp')).url).toBe(`${server.issuer}/account`);
    });

    it('published metadata: fetched once, and again for a signature by an unknown key, at most every 30 seconds', async () => {
      expect((await signIn('published')).url).toBe(`${server.issuer}/account`);
      const requests = provider.metadataRequests;
      await signIn('published');
      expect(provider.metadataRequests).toBe(requests);
      await provider.rotateKeys();
      expect(codeIn(await signIn('published'))).toBe('signature_invalid');
      expect(provider.metadataRequests).toBe(requests);
    });

    it('what the provider publishes can be read', () => {
      expect(parseProviderMetadata(provider.metadataXml(), new Date())).toMatchObject({
        entityId: provider.entityId,
        singleSignOnServices: [
          { binding: 'redirect', url: `${provider.url}/sso` },
          { binding: 'post', url: `${provider.url}/sso` },
        ],
      });
    });
  });
});

const fail = (): never => {
  throw new Error('the provider got no request');
};
