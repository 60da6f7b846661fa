import { beforeAll, describe, expect, it } from '@jest/globals';
import { SAML, ValidateInResponseTo } from '@node-saml/passport-saml';
import type { Certificate } from '#libs/platform/self-signed-certificate.js';
import { samlCertificate } from '#test-support/certificate.js';
import {
  assertionXml,
  attribute,
  honestFacts,
  instant,
  logoutRequestXml,
  PERSISTENT,
  redirectQuery,
  responseXml,
  signElement,
} from '#test-support/saml-responses.js';
import type { SamlFacts, SignatureChoices } from '#test-support/saml-responses.js';
import { readByLibrary } from './passport-strategy.js';
import type { StrategySurroundings } from './passport-strategy.js';
import { nowWithin } from './instant.js';
import { receiveResponse, verifyResponse } from './response.js';
import { SeenSignatures } from './seen-signatures.js';

const ISSUER = 'https://corp.example/metadata';
const ACS = 'https://id.example.org/providers/corp/acs';
const AUDIENCE = 'https://id.example.org/providers/corp/metadata';
const REQUEST = '_request';

/*
 * What @node-saml/passport-saml 5.1.1 accepts although it is configured as strictly as it can be: why everything is
 * checked by us first. When one of these fails, the library has learned it; when all do, the checks beside it may go.
 */
describe('node-saml, hardened, by itself', () => {
  let keys: Certificate;
  let surroundings: StrategySurroundings;

  beforeAll(async () => {
    keys = await samlCertificate();
    surroundings = {
      entityId: AUDIENCE,
      assertionConsumerService: ACS,
      singleSignOnService: 'https://corp.example/sso',
      certificates: [keys.certificate],
      signed: 'assertion',
      nameIdFormat: PERSISTENT,
      clockSkewS: 60,
      requestId: REQUEST,
      forceAuthn: false,
      authnContexts: [],
    };
  });

  interface Lie {
    readonly facts?: (facts: SamlFacts) => void;
    readonly signature?: SignatureChoices;
    readonly message?: (xml: string) => string;
  }
  const respond = ({ facts: change, signature, message = (xml) => xml }: Lie): string => {
    const facts = honestFacts({ id: REQUEST, acs: ACS, audience: AUDIENCE, issuer: ISSUER, subject: 'subject-1' });
    change?.(facts);
    return message(responseXml(facts, signElement(assertionXml(facts), facts.assertionId, keys, signature)));
  };
  const byLibrary = (xml: string) => readByLibrary(surroundings, Buffer.from(xml).toString('base64'));
  const byUs = async (xml: string) =>
    verifyResponse(receiveResponse(xml), {
      issuer: ISSUER,
      certificates: [keys.certificate],
      signed: 'assertion',
      encrypted: 'optional',
      audience: AUDIENCE,
      recipient: ACS,
      decryptionKeys: [],
      seen: new SeenSignatures(),
      now: nowWithin(new Date(), 60),
    });

  it('both read an honest response', async () => {
    const honest = respond({});
    expect(await byLibrary(honest)).toEqual({ nameId: 'subject-1', issuer: ISSUER });
    expect(await byUs(honest)).toMatchObject({
      assertion: { inResponseTo: REQUEST, nameId: { value: 'subject-1', format: PERSISTENT } },
    });
  });

  it.each<[string, Lie]>([
    ['S5: no InResponseTo in SubjectConfirmationData', { facts: (f) => void (f.subjectInResponseTo = undefined) }],
    ['S6: another Recipient', { facts: (f) => void (f.recipient = 'https://other.example/acs') }],
    ['S6: another Destination', { facts: (f) => void (f.destination = 'https://other.example/acs') }],
    ['S6: a response from another issuer', { facts: (f) => void (f.issuer = 'https://other.example') }],
    [
      'S6: a holder-of-key confirmation',
      { facts: (f) => void (f.method = 'urn:oasis:names:tc:SAML:2.0:cm:holder-of-key') },
    ],
    [
      'S6: a Status that is no success',
      { facts: (f) => void (f.status = 'urn:oasis:names:tc:SAML:2.0:status:Responder') },
    ],
    ['S8: a DOCTYPE', { message: (xml) => `<!DOCTYPE x>${xml}` }],
    [
      'S9: an attribute twice',
      { facts: (f) => void (f.attributes += attribute('mail', 'somebody-else@corp.example')) },
    ],
    [
      'S10: SHA-1',
      {
        signature: {
          signatureAlgorithm: 'http://www.w3.org/2000/09/xmldsig#rsa-sha1',
          digestAlgorithm: 'http://www.w3.org/2000/09/xmldsig#sha1',
        },
      },
    ],
    ['S2: a comment inside the NameID', { message: (xml) => xml.replace('subject-1<', 'subject<!-- -->-1<') }],
  ])('accepts %s, which we refuse', async (_what, lie) => {
    const response = respond(lie);
    expect((await byLibrary(response)).nameId).toBe('subject-1');
    await expect(byUs(response)).rejects.toMatchObject({ code: expect.stringMatching(/^[a-z_]+$/) });
  });

  it('S6: accepts an assertion from another issuer, whose name it hands on', async () => {
    const response = respond({ facts: (f) => void (f.assertionIssuer = 'https://other.example') });
    expect(await byLibrary(response)).toEqual({ nameId: 'subject-1', issuer: 'https://other.example' });
    await expect(byUs(response)).rejects.toMatchObject({ code: 'issuer_mismatch' });
  });

  it('S4: accepts one response twice at once', async () => {
    const library = new SAML({
      issuer: AUDIENCE,
      callbackUrl: ACS,
      idpCert: keys.certificate,
      wantAuthnResponseSigned: false,
      validateInResponseTo: ValidateInResponseTo.always,
    });
    await library.cacheProvider.saveAsync(REQUEST, new Date().toISOString());
    const container = { SAMLResponse: Buffer.from(respond({})).toString('base64') };
    const both = await Promise.all([
      library.validatePostResponseAsync(container),
      library.validatePostResponseAsync(container),
    ]);
    expect(both.map(({ profile }) => profile?.nameID)).toEqual(['subject-1', 'subject-1']);
  });

  it('S11: accepts a LogoutRequest by the redirect binding that nobody signed', async () => {
    const library = new SAML({ issuer: AUDIENCE, callbackUrl: ACS, idpCert: keys.certificate, idpIssuer: ISSUER });
    const request = logoutRequestXml({
      id: '_l',
      issuer: ISSUER,
      destination: undefined,
      issueInstant: instant(),
      notOnOrAfter: undefined,
      nameId: 'subject-1',
      nameIdFormat: PERSISTENT,
      sessionIndex: undefined,
    });
    const query = redirectQuery('SAMLRequest', request, undefined);
    const { loggedOut } = await library.validateRedirectAsync(
      Object.fromEntries(new URLSearchParams(query)) as never,
      query,
    );
    expect(loggedOut).toBe(true);
  });
});
