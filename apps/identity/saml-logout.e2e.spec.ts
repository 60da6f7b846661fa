import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID, verify } from 'node:crypto';
import { inflateRawSync } from 'node:zlib';
import { userActivityStream } from '#libs/users/streams.js';
import type { Certificate } from '#libs/platform/self-signed-certificate.js';
import { Browser } from '#test-support/browser.js';
import { samlCertificate } from '#test-support/certificate.js';
import { HostileSamlProvider } from '#test-support/hostile-saml-provider.js';
import { startTestIdentityServer } from '#test-support/identity-server.js';
import type { TestIdentityServer } from '#test-support/identity-server.js';
import {
  instant,
  logoutRequestXml,
  PERSISTENT,
  redirectQuery,
  signElement,
  TRANSIENT,
} from '#test-support/saml-responses.js';
import type { LogoutFacts } from '#test-support/saml-responses.js';
import { configurationWith, samlProvider, serviceProviderKeys } from '#test-support/saml-configuration.js';

describe('S11: single logout that begins at a SAML provider', () => {
  let server: TestIdentityServer;
  let provider: HostileSamlProvider;
  let stranger: Certificate;
  let ours: Certificate;

  beforeAll(async () => {
    [provider, stranger, ours] = await Promise.all([HostileSamlProvider.start(), samlCertificate(), samlCertificate()]);
    server = await startTestIdentityServer();
    const { declared, environment } = serviceProviderKeys(ours);
    const attributeNames = { nameIdFormat: 'transient', identifier: { from: 'attribute', name: 'mail' } };
    await server.installation.configure(
      configurationWith([
        samlProvider('corp', provider, declared),
        samlProvider('transient', provider, { ...attributeNames, singleLogoutServices: [] }),
      ]),
      environment,
    );
  }, 60_000);
  afterAll(async () => {
    await server.stop();
    await provider.stop();
  });

  /** Signs in; the browser stays on the account page. */
  const signIn = async (subject: string, sessionIndex: string, id = 'corp'): Promise<Browser> => {
    provider.subject = subject;
    provider.lies = {
      facts: (facts) => {
        facts.sessionIndex = sessionIndex;
        if (id === 'transient') facts.nameIdFormat = TRANSIENT;
      },
    };
    const browser = new Browser();
    await browser.open(`${server.issuer}/sign-in`);
    await browser.submit({}, `/providers/${id}`);
    await browser.submit({}, '/acs');
    expect(browser.url).toBe(`${server.issuer}/account`);
    return browser;
  };
  const slo = (id = 'corp'): string => `${server.issuer}/providers/${id}/slo`;
  const facts = (over: Partial<LogoutFacts>, id = 'corp'): LogoutFacts => ({
    id: `_l${randomUUID()}`,
    issuer: provider.entityId,
    destination: slo(id),
    issueInstant: instant(),
    notOnOrAfter: instant(120),
    nameId: 'subject-1',
    nameIdFormat: PERSISTENT,
    sessionIndex: undefined,
    ...over,
  });
  const hasSession = async (browser: Browser): Promise<boolean> =>
    (await browser.open(`${server.issuer}/account`)).endsWith('/account');
  /** The provider's own browser: it has no cookie of ours. */
  const byRedirect = async (query: string, id = 'corp'): Promise<Browser> => {
    const browser = new Browser([provider.url]);
    browser.url = await browser.open(`${slo(id)}?${query}`);
    return browser;
  };
  const byPost = async (xml: string): Promise<Browser> => {
    const browser = new Browser([provider.url]);
    browser.url = await browser.post(slo(), { SAMLRequest: Buffer.from(xml).toString('base64') });
    return browser;
  };
  const codeIn = (browser: Browser): string | undefined => /Code (\w+)/.exec(browser.text)?.[1];

  it('a signed LogoutRequest ends the session that it names, with its event, and no other; the provider gets our signed answer', async () => {
    const [one, other] = [await signIn('ann', '_s1'), await signIn('ann', '_s2')];
    const userId = /id="user-id">([0-9a-f-]{36})</.exec(one.html)?.[1] ?? '';
    const request = facts({ nameId: 'ann', sessionIndex: '_s1' });
    const answered = await byRedirect(
      redirectQuery('SAMLRequest', logoutRequestXml(request), provider.keys, { relayState: 'back' }),
    );
    expect([await hasSession(one), await hasSession(other)]).toEqual([false, true]);
    const ended = (await server.installation.store.read(userActivityStream(userId)))
      .map(({ event }) => event)
      .filter(({ type }) => type === 'SessionEnded');
    expect(ended).toMatchObject([{ data: { reason: 'signed_out_at_provider' } }]);

    const answer = new URL(answered.url);
    expect(`${answer.origin}${answer.pathname}`).toBe(`${provider.url}/slo`);
    const xml = inflateRawSync(Buffer.from(answer.searchParams.get('SAMLResponse') ?? '', 'base64')).toString();
    expect(xml).toContain(`InResponseTo="${request.id}"`);
    expect(xml).toContain('status:Success');
    const [covered = '', signature = ''] = answer.search.slice(1).split('&Signature=');
    expect(covered).toContain('RelayState=back');
    expect(
      verify(
        'RSA-SHA256',
        Buffer.from(covered),
        ours.certificate,
        Buffer.from(decodeURIComponent(signature), 'base64'),
      ),
    ).toBe(true);
  });

  it('without a SessionIndex it ends all sessions of the person that came from there; by the POST binding too', async () => {
    const browsers = [await signIn('bea', '_s1'), await signIn('bea', '_s2')];
    const bystander = await signIn('cyd', '_s3');
    const request = facts({ nameId: 'bea' });
    await byPost(signElement(logoutRequestXml(request), request.id, provider.keys));
    expect(await Promise.all([...browsers, bystander].map(hasSession))).toEqual([false, false, true]);
  });

  it('a transient NameID names the session that it came with; a provider without a logout address gets a page', async () => {
    const [one, other] = [await signIn('_t1', '_s1', 'transient'), await signIn('_t2', '_s2', 'transient')];
    const request = facts({ nameId: '_t1', nameIdFormat: TRANSIENT }, 'transient');
    const page = await byRedirect(redirectQuery('SAMLRequest', logoutRequestXml(request), provider.keys), 'transient');
    expect([page.status, page.text]).toEqual([200, expect.stringContaining('Signed out')]);
    expect([await hasSession(one), await hasSession(other)]).toEqual([false, true]);
  });

  it('used once: a replay ends nothing that was begun since', async () => {
    await signIn('dan', '_s1');
    const query = redirectQuery('SAMLRequest', logoutRequestXml(facts({ nameId: 'dan' })), provider.keys);
    await byRedirect(query);
    const again = await signIn('dan', '_s2');
    expect(codeIn(await byRedirect(query))).toBe('logout_replayed');
    expect(await hasSession(again)).toBe(true);
  });

  describe('refused, and everybody stays signed in', () => {
    let browser: Browser;
    beforeAll(async () => {
      browser = await signIn('eve', '_s1');
    });

    const signed = (over: Partial<LogoutFacts> = {}): string =>
      redirectQuery('SAMLRequest', logoutRequestXml(facts({ nameId: 'eve', ...over })), provider.keys);
    /** A provider's word about somebody else, which has been met. */
    let signedBefore: string;
    beforeAll(async () => {
      signedBefore = signed({ nameId: 'somebody' });
      await byRedirect(signedBefore);
    });
    it.each<[string, string, () => string]>([
      [
        'not signed',
        'signature_missing',
        () => redirectQuery('SAMLRequest', logoutRequestXml(facts({ nameId: 'eve' })), undefined),
      ],
      [
        'signed by a stranger',
        'signature_invalid',
        () => redirectQuery('SAMLRequest', logoutRequestXml(facts({ nameId: 'eve' })), stranger),
      ],
      [
        'signed with SHA-1 (S10)',
        'signature_algorithm',
        () =>
          redirectQuery('SAMLRequest', logoutRequestXml(facts({ nameId: 'eve' })), provider.keys, {
            algorithm: 'http://www.w3.org/2000/09/xmldsig#rsa-sha1',
          }),
      ],
      ['expired', 'logout_request_expired', () => signed({ notOnOrAfter: instant(-61) })],
      [
        'without an end, and old',
        'logout_request_expired',
        () => signed({ notOnOrAfter: undefined, issueInstant: instant(-400) }),
      ],
      [
        'far from its end, but old',
        'logout_request_expired',
        () => signed({ notOnOrAfter: instant(9_999), issueInstant: instant(-400) }),
      ],
      ['issued in the future', 'logout_request_expired', () => signed({ issueInstant: instant(100) })],
      ['from another issuer', 'issuer_mismatch', () => signed({ issuer: 'https://other.example' })],
      ['for another address', 'destination_mismatch', () => signed({ destination: 'https://other.example/slo' })],
      ['for no address', 'destination_mismatch', () => signed({ destination: undefined })],
      [
        'about another person than was signed',
        'signature_invalid',
        () => {
          const [, signature] = signed({ nameId: 'somebody' }).split('&SigAlg=');
          return `${redirectQuery('SAMLRequest', logoutRequestXml(facts({ nameId: 'eve' })), undefined)}&SigAlg=${signature}`;
        },
      ],
      [
        'a parameter twice',
        'logout_request_malformed',
        () =>
          `${redirectQuery('SAMLRequest', logoutRequestXml(facts({ nameId: 'eve' })), undefined)}&${signed({ nameId: 'somebody' })}`,
      ],
      [
        'a parameter under another spelling of its name, before the one that was signed (S11)',
        'logout_replayed',
        () => {
          const unsigned = redirectQuery('SAMLRequest', logoutRequestXml(facts({ nameId: 'eve' })), undefined);
          return `${unsigned.replace('SAMLRequest=', 'SAML%52equest=')}&${signedBefore}`;
        },
      ],
      [
        'with a DOCTYPE (S8)',
        'xml_doctype',
        () => redirectQuery('SAMLRequest', `<!DOCTYPE x>${logoutRequestXml(facts({ nameId: 'eve' }))}`, provider.keys),
      ],
      ['with a comment inside the NameID (S2)', 'xml_comment', () => signed({ nameId: 'ev<!-- -->e' })],
      [
        'inflating to more than any message has',
        'message_undecodable',
        () => redirectQuery('SAMLRequest', ' '.repeat(5_000_000), provider.keys),
      ],
      [
        'a LogoutResponse',
        'signature_invalid',
        () => redirectQuery('SAMLResponse', logoutRequestXml(facts({ nameId: 'eve' })), provider.keys),
      ],
    ])('%s: %s', async (_what, code, query) => {
      const answer = await byRedirect(query());
      expect([codeIn(answer), answer.status]).toEqual([code, 400]);
      expect(await hasSession(browser)).toBe(true);
    });

    it.each<[string, string, (xml: string, id: string) => string]>([
      ['POST, not signed', 'signature_missing', (xml) => xml],
      ['POST, signed by a stranger', 'signature_invalid', (xml, id) => signElement(xml, id, stranger)],
      [
        'POST, a signed request inside another (S1)',
        'response_malformed',
        (xml, id) =>
          xml
            .replace(id, '_evil')
            .replace(
              '</samlp:LogoutRequest>',
              `${signElement(xml.replace('eve', 'somebody'), id, provider.keys)}</samlp:LogoutRequest>`,
            ),
      ],
    ])('%s: %s', async (_what, code, change) => {
      const request = facts({ nameId: 'eve' });
      const answer = await byPost(change(logoutRequestXml(request), request.id));
      expect([codeIn(answer), answer.status]).toEqual([code, 400]);
      expect(await hasSession(browser)).toBe(true);
    });
  });
});
