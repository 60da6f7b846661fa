import { afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { DOMParser } from '@xmldom/xmldom';
import { ExclusiveCanonicalization, SignedXml } from 'xml-crypto';
import type { Certificate } from '#libs/platform/self-signed-certificate.js';
import { samlCertificate } from '#test-support/certificate.js';
import {
  assertionXml,
  attribute,
  encryptAssertion,
  honestFacts,
  logoutRequestXml,
  PERSISTENT,
  instant,
  responseXml,
  signElement,
} from '#test-support/saml-responses.js';
import type { SamlFacts, SignatureChoices } from '#test-support/saml-responses.js';
import type { UpstreamError } from '../upstream-error.js';
import { nowWithin } from './instant.js';
import { readLogoutRequest } from './logout-request.js';
import { receiveResponse, verifyResponse } from './response.js';
import type { ExpectedResponse } from './response.js';
import { SeenSignatures } from './seen-signatures.js';

const ISSUER = 'https://corp.example/metadata';
const ACS = 'https://id.example.org/providers/corp/acs';
const AUDIENCE = 'https://id.example.org/providers/corp/metadata';
const SLO = 'https://id.example.org/providers/corp/slo';

describe('D1: who signed is known before anything large is parsed or canonicalized', () => {
  let [keys, others, ours]: Certificate[] = [];
  /** What the provider may sign by: five while it rolls over. */
  let certificates: string[];

  beforeAll(async () => {
    const known = await Promise.all(Array.from({ length: 5 }, () => samlCertificate()));
    [keys, others, ours] = [known[4], await samlCertificate(), await samlCertificate()];
    certificates = known.map(({ certificate }) => certificate);
  });
  let seen: SeenSignatures;
  beforeEach(() => {
    seen = new SeenSignatures();
  });
  afterEach(() => {
    jest.restoreAllMocks();
  });

  const factsOf = (): SamlFacts =>
    honestFacts({ id: '_request', acs: ACS, audience: AUDIENCE, issuer: ISSUER, subject: 'subject-1' });
  const response = (
    facts: SamlFacts,
    signer: Certificate | undefined,
    { sign = 'assertion', ...choices }: SignatureChoices & { readonly sign?: 'assertion' | 'response' | 'both' } = {},
  ): string => {
    const plain = assertionXml(facts);
    const signed = sign === 'response' || !signer ? plain : signElement(plain, facts.assertionId, signer, choices);
    const xml = responseXml(facts, signed);
    return sign === 'assertion' || !signer ? xml : signElement(xml, facts.responseId, signer, choices);
  };
  const read = (xml: string, more: Partial<ExpectedResponse> = {}) =>
    verifyResponse(receiveResponse(xml), {
      issuer: ISSUER,
      certificates,
      signed: 'assertion',
      encrypted: 'optional',
      audience: AUDIENCE,
      recipient: ACS,
      decryptionKeys: [ours?.key ?? ''],
      seen,
      now: nowWithin(new Date(), 60),
      ...more,
    });
  /** As Microsoft's providers send them, each with the declarations of its type. */
  const groups = (count: number): string =>
    attribute('groups', 'none').replace(
      /<saml:AttributeValue>.*<\/saml:AttributeValue>/,
      Array.from(
        { length: count },
        (_, i) =>
          '<saml:AttributeValue xmlns:xs="http://www.w3.org/2001/XMLSchema" ' +
          'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="xs:string">' +
          `CN=group-${i},OU=Groups,DC=corp,DC=example</saml:AttributeValue>`,
      ).join(''),
    );
  const large = (): SamlFacts => {
    const facts = factsOf();
    facts.attributes += groups(1_015);
    return facts;
  };

  describe('what real providers send is read', () => {
    it.each([
      ['a person in 1,015 groups, which are the most that Active Directory knows', {}],
      ['the response signed', { sign: 'response' }],
      ['both signed', { sign: 'both' }],
    ] as const)('%s', async (_what, choices) => {
      const facts = large();
      const signed = 'sign' in choices ? choices.sign : 'assertion';
      const { assertion, signers } = await read(response(facts, keys, choices), { signed });
      expect(assertion.attributes.get('groups')).toHaveLength(1_015);
      expect(signers).toEqual([keys?.certificate]);
    });

    it('an encrypted assertion with 300 groups', async () => {
      const facts = factsOf();
      facts.attributes += groups(300);
      const signed = signElement(assertionXml(facts), facts.assertionId, keys as Certificate);
      const { assertion, signers } = await read(
        responseXml(facts, await encryptAssertion(signed, ours as Certificate)),
      );
      expect(assertion.attributes.get('groups')).toHaveLength(300);
      expect(signers).toEqual([keys?.certificate]);
    });

    it('a chain of certificates in KeyInfo', async () => {
      const keyInfo = Array(5).fill(keys?.certificate).join('\n');
      expect((await read(response(large(), keys, { keyInfo }))).assertion.nameId.value).toBe('subject-1');
    });

    it('inclusive namespaces, declared on the response', async () => {
      const facts = large();
      facts.attributes +=
        '<saml:Attribute Name="typed"><saml:AttributeValue>xs:x</saml:AttributeValue></saml:Attribute>';
      const inclusive = (xml: string): string =>
        xml.replace('<samlp:Response ', '<samlp:Response xmlns:xs="http://www.w3.org/2001/XMLSchema" ');
      const plain = inclusive(responseXml(facts, assertionXml(facts)));
      const signer = new SignedXml({
        privateKey: keys?.key ?? '',
        publicCert: keys?.certificate ?? '',
        signatureAlgorithm: 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256',
        canonicalizationAlgorithm: 'http://www.w3.org/2001/10/xml-exc-c14n#',
        inclusiveNamespacesPrefixList: ['xs'],
      });
      const element = `//*[@ID='${facts.assertionId}']`;
      signer.addReference({
        xpath: element,
        transforms: [
          'http://www.w3.org/2000/09/xmldsig#enveloped-signature',
          'http://www.w3.org/2001/10/xml-exc-c14n#',
        ],
        digestAlgorithm: 'http://www.w3.org/2001/04/xmlenc#sha256',
        inclusiveNamespacesPrefixList: ['xs'],
      });
      signer.computeSignature(plain, { prefix: 'ds', location: { reference: `${element}/*[1]`, action: 'after' } });
      const xml: string = signer.getSignedXml();
      expect(/<ds:CanonicalizationMethod [^>]*><InclusiveNamespaces/.test(xml)).toBe(true);
      expect((await read(xml)).assertion.attributes.get('typed')).toEqual(['xs:x']);
    });
  });

  /** What was parsed, and what of it was canonicalized. */
  const watched = () => {
    const parse = jest.spyOn(DOMParser.prototype, 'parseFromString');
    const canonicalize = jest.spyOn(ExclusiveCanonicalization.prototype, 'process');
    return {
      longestParsed: () => Math.max(0, ...parse.mock.calls.map(([source]) => String(source).length)),
      canonicalized: () => canonicalize.mock.calls.map(([element]) => (element as Element).localName),
    };
  };

  it.each([
    ['signed by a stranger', () => response(large(), others), 'signature_invalid'],
    [
      'with a stranger’s signature on the response',
      () => response(large(), others, { sign: 'response' }),
      'signature_invalid',
    ],
    [
      'signed by the provider within, by a stranger around',
      () => {
        const facts = large();
        return signElement(response(facts, keys), facts.responseId, others as Certificate);
      },
      'signature_invalid',
    ],
    ['not signed', () => response(large(), undefined), 'xml_too_complex'],
    [
      'with three signatures',
      () => {
        const facts = large();
        return response(facts, keys).replace(/<ds:Signature .*<\/ds:Signature>/, (one) => one.repeat(3));
      },
      'signature_invalid',
    ],
  ] as const)('a large response %s: nothing of it but the signature', async (_what, make, code) => {
    const xml = (make as () => string)();
    const watching = watched();
    await expect(read(xml)).rejects.toMatchObject({ code });
    expect(watching.longestParsed()).toBeLessThan(10_000);
    expect(watching.canonicalized().filter((name) => name !== 'SignedInfo')).toEqual([]);
  });

  it('a stranger’s assertion, encrypted for us: nothing of it but the signature', async () => {
    const facts = factsOf();
    facts.attributes += groups(600);
    const signed = signElement(assertionXml(facts), facts.assertionId, others as Certificate);
    const xml = responseXml(facts, await encryptAssertion(signed, ours as Certificate));
    const watching = watched();
    await expect(read(xml)).rejects.toMatchObject({ code: 'signature_invalid' });
    expect(watching.canonicalized().filter((name) => name !== 'SignedInfo')).toEqual([]);
  });

  it('a small response by a stranger is not canonicalized either, whatever certificates there are', async () => {
    const xml = response(factsOf(), others);
    const watching = watched();
    await expect(read(xml)).rejects.toMatchObject({ code: 'signature_invalid' });
    expect(watching.canonicalized()).toEqual(['SignedInfo']);
  });

  it('an honest response is canonicalized once, and not for each certificate', async () => {
    const xml = response(factsOf(), keys);
    const watching = watched();
    await read(xml);
    expect(watching.canonicalized().filter((name) => name === 'Assertion')).toHaveLength(1);
  });

  it('S1: a signature that was made for something else proves nothing', async () => {
    const [mine, theirs] = [factsOf(), factsOf()];
    theirs.assertionId = mine.assertionId;
    theirs.nameId = 'somebody-else';
    const signature = /<ds:Signature .*<\/ds:Signature>/.exec(response(mine, keys))?.[0] ?? '';
    const xml = response(theirs, undefined).replace(
      '</saml:Issuer><saml:Subject>',
      `</saml:Issuer>${signature}<saml:Subject>`,
    );
    expect(xml).toContain(signature);
    await expect(read(xml)).rejects.toMatchObject({ code: 'signature_invalid' });
  });

  it.each(['as it was', 'around another assertion'] as const)(
    'a signature of the provider’s, %s, is worth the work a few times only',
    async (how) => {
      const facts = factsOf();
      const honest = response(facts, keys);
      const xml = how === 'as it was' ? honest : honest.replace('subject-1</saml:NameID>', 'subject-2</saml:NameID>');
      const outcomes: string[] = [];
      for (let i = 0; i < 6; i += 1)
        outcomes.push(
          await read(xml).then(
            () => 'read',
            ({ code }: UpstreamError) => code,
          ),
        );
      const watching = watched();
      await expect(read(xml)).rejects.toMatchObject({ code: 'assertion_replayed' });
      expect(watching.canonicalized()).toEqual(['SignedInfo']);
      const first = how === 'as it was' ? 'read' : 'signature_invalid';
      expect(outcomes).toEqual([first, first, first, first, first, 'assertion_replayed']);
    },
  );

  it('a logout request is small, whoever signed it', () => {
    const request = logoutRequestXml({
      id: '_logout',
      issuer: ISSUER,
      destination: SLO,
      issueInstant: instant(),
      notOnOrAfter: instant(120),
      nameId: 'subject-1',
      nameIdFormat: PERSISTENT,
      sessionIndex: '_s1',
    });
    const posted = (xml: string) =>
      readLogoutRequest(
        { binding: 'post', encoded: Buffer.from(xml).toString('base64'), relayState: undefined },
        { issuer: ISSUER, certificates, destination: SLO, now: nowWithin(new Date(), 60) },
      );
    expect(posted(signElement(request, '_logout', keys as Certificate)).id).toBe('_logout');
    const filled = request.replace('</samlp:LogoutRequest>', `${'<x/>'.repeat(300)}</samlp:LogoutRequest>`);
    const signedAndFilled = signElement(filled, '_logout', keys as Certificate);
    const small = signElement(request, '_logout', others as Certificate);
    const watching = watched();
    expect(() => posted(signedAndFilled)).toThrow(expect.objectContaining({ code: 'xml_too_complex' }) as never);
    expect(() => posted(small)).toThrow(expect.objectContaining({ code: 'signature_invalid' }) as never);
    expect(watching.canonicalized()).toEqual(['SignedInfo']);
  });

  it('xml-crypto by itself digests what a stranger signed before it looks at the signature, for each certificate', () => {
    const facts = factsOf();
    const xml = response(facts, others);
    const [, signature] = /(<ds:Signature .*<\/ds:Signature>)/.exec(xml) ?? [];
    const watching = watched();
    for (const publicCert of certificates) {
      const verifier = new SignedXml({ publicCert });
      verifier.loadSignature(signature ?? '');
      expect(() => verifier.checkSignature(xml)).toThrow('invalid signature');
    }
    expect(watching.canonicalized().filter((name) => name === 'Assertion')).toHaveLength(certificates.length);
  });
});
