import { isDeepStrictEqual } from 'node:util';
import { nowWithin } from '#libs/identity-providers/saml/instant.js';
import { decodePostMessage } from '#libs/identity-providers/saml/message.js';
import { parseStrictly } from '#libs/identity-providers/saml/xml.js';
import { receiveResponse, verifyResponse } from '#libs/identity-providers/saml/response.js';
import { SeenSignatures } from '#libs/identity-providers/saml/seen-signatures.js';
import type { SignedPart } from '#libs/identity-providers/saml/response.js';
import type { SamlAssertion } from '#libs/identity-providers/saml/assertion.js';
import { UpstreamError } from '#libs/identity-providers/upstream-error.js';
import type { Certificate } from '#libs/platform/self-signed-certificate.js';
import { samlCertificate } from '../certificate.js';
import { assertionXml, encryptAssertion, honestFacts, responseXml, signElement } from '../saml-responses.js';
import { EVIL, wrapSignature } from '../signature-wrapping.js';
import { pick } from './fuzz.js';
import type { FuzzOutcome, FuzzTarget, Random } from './fuzz.js';

const ISSUER = 'https://corp.example/metadata';
const ACS = 'https://id.example.org/providers/corp/acs';
const AUDIENCE = 'https://id.example.org/providers/corp/metadata';

/** An honest response, what it must be read as, and how the provider is declared. */
interface Original {
  readonly xml: string;
  readonly signed: SignedPart;
  readonly assertion: SamlAssertion;
}

const position = (random: Random, text: string): number => Math.floor(random() * text.length);
const cut = (text: string, from: number, length: number, instead = ''): string =>
  text.slice(0, from) + instead + text.slice(from + length);

/** The text between a random start and end of some element, both included. */
const anElement = (random: Random, xml: string): { readonly from: number; readonly text: string } => {
  const tags = [...xml.matchAll(/<([\w:]+)[^>]*>/g)];
  const tag = pick(random, tags);
  const from = tag?.index ?? 0;
  const end = tag?.[0].endsWith('/>') ? -1 : xml.indexOf(`</${tag?.[1]}>`, from);
  return { from, text: end < 0 ? (tag?.[0] ?? '') : xml.slice(from, end + (tag?.[1]?.length ?? 0) + 3) };
};

const SNIPPETS = [
  '<!-- -->',
  '<![CDATA[x]]>',
  '<?x y?>',
  '<!DOCTYPE x [<!ENTITY e "somebody-else">]>',
  '&e;',
  '&#0;',
  '&#x10ffff;',
  '\u0000',
  '\ud800',
  '\u202e',
  ' ',
  '\n',
  '<saml:Assertion/>',
  '<ds:Object/>',
  '<samlp:Extensions/>',
  ' ID="_evil"',
  ' xmlns="urn:x"',
  ' xmlns:saml="urn:x"',
];
const VALUES = [
  'urn:oasis:names:tc:SAML:2.0:cm:sender-vouches',
  'urn:oasis:names:tc:SAML:2.0:status:Responder',
  'urn:oasis:names:tc:SAML:2.0:nameid-format:transient',
  'http://www.w3.org/2000/09/xmldsig#rsa-sha1',
  'http://www.w3.org/2000/09/xmldsig#hmac-sha1',
  'http://www.w3.org/2000/09/xmldsig#sha1',
  'http://www.w3.org/2001/10/xml-exc-c14n#WithComments',
  'http://www.w3.org/TR/1999/REC-xslt-19991116',
  'http://www.w3.org/2001/04/xmlenc#aes256-cbc',
  'http://www.w3.org/2001/04/xmlenc#rsa-1_5',
  '',
  '#',
  `' or '1'='1`,
  '9999-12-31T23:59:59Z',
  'somebody-else',
  '\u00e9'.repeat(300),
];

/** Ways in which a response is changed. Each is one thing that an attacker, or a broken provider, does. */
const MUTATIONS: readonly ((random: Random, xml: string) => string)[] = [
  (random, xml) => cut(xml, position(random, xml), 1, String.fromCharCode(32 + Math.floor(random() * 95))),
  (random, xml) => cut(xml, position(random, xml), 1 + Math.floor(random() * 40)),
  (random, xml) => cut(xml, position(random, xml), 0, pick(random, SNIPPETS)),
  (random, xml) => xml.slice(0, position(random, xml)),
  (random, xml) => pick(random, SNIPPETS) + xml,
  // An element leaves, is there twice, or goes elsewhere.
  (random, xml) => {
    const { from, text } = anElement(random, xml);
    return cut(xml, from, text.length);
  },
  (random, xml) => {
    const { from, text } = anElement(random, xml);
    return cut(xml, from, 0, text);
  },
  (random, xml) => {
    const [one, other] = [anElement(random, xml), anElement(random, xml)];
    return cut(cut(xml, one.from, one.text.length), Math.min(other.from, xml.length - one.text.length), 0, one.text);
  },
  // An attribute has another value, or is gone.
  (random, xml) => {
    const attribute = pick(random, [...xml.matchAll(/\s[\w:]+="([^"]*)"/g)]);
    return attribute
      ? cut(xml, attribute.index, attribute[0].length, attribute[0].replace(/"[^"]*"/, `"${pick(random, VALUES)}"`))
      : xml;
  },
  (random, xml) => {
    const attribute = pick(random, [...xml.matchAll(/\s[\w:]+="([^"]*)"/g)]);
    return attribute ? cut(xml, attribute.index, attribute[0].length) : xml;
  },
  // A text is another one.
  (random, xml) => {
    const text = pick(random, [...xml.matchAll(/>([^<]+)</g)]);
    return text ? cut(xml, text.index + 1, text[1]?.length ?? 0, pick(random, VALUES).replaceAll('&', '&amp;')) : xml;
  },
  (random, xml) => wrapped(random, xml),
  (_, xml) => xml.replace(/(<(?:saml:)?NameID[^>]*>)[^<]*/, `$1${EVIL}`),
  (random, xml) => xml.replaceAll('saml:', `${pick(random, ['samlp', 'ds', 'x', ''])}:`),
  (random, xml) => `${'<a>'.repeat(Math.floor(random() * 5_000))}${xml}`,
];

const mutate = (random: Random, xml: string): string => {
  let mutated = xml;
  for (let i = Math.floor(random() * 4); i >= 0; i -= 1) mutated = pick(random, MUTATIONS)(random, mutated);
  return mutated;
};

const wrapped = (random: Random, xml: string): string => {
  try {
    return wrapSignature(xml, 1 + Math.floor(random() * 8), pick(random, ['Response', 'Assertion'] as const), {
      sameId: random() < 0.5,
    });
  } catch {
    // What was changed before may be no XML any more.
    return xml;
  }
};

const ENCODINGS: readonly ((random: Random, encoded: string) => string)[] = [
  (_, encoded) => encoded,
  (_, encoded) => encoded,
  (_, encoded) => encoded,
  (random, encoded) => cut(encoded, position(random, encoded), 1, pick(random, ['A', '-', '%', '=', '\n', 'é'])),
  (random, encoded) => encoded.slice(0, position(random, encoded)),
];

/** Responses of a SAML provider that were changed on their way, as the assertion consumer service verifies them. */
class SamlResponseFuzz implements FuzzTarget {
  readonly name = 'SAML responses';

  private constructor(
    private readonly originals: readonly Original[],
    private readonly keys: Certificate,
    private readonly ours: Certificate,
    private readonly now: Date,
  ) {}

  static async start(): Promise<SamlResponseFuzz> {
    const [keys, ours] = await Promise.all([samlCertificate(), samlCertificate()]);
    const now = new Date();
    const fuzz = new SamlResponseFuzz([], keys, ours, now);
    const originals: Original[] = [];
    for (const sign of ['assertion', 'response', 'both'] as const) {
      for (const encrypted of [false, true]) {
        const facts = honestFacts({
          id: '_request',
          acs: ACS,
          audience: AUDIENCE,
          issuer: ISSUER,
          subject: 'subject-1',
        });
        const plain = assertionXml(facts);
        const signed = sign === 'response' && !encrypted ? plain : signElement(plain, facts.assertionId, keys);
        const response = responseXml(facts, encrypted ? await encryptAssertion(signed, ours) : signed);
        const xml = sign === 'assertion' ? response : signElement(response, facts.responseId, keys);
        originals.push({ xml, signed: sign, assertion: await fuzz.#verify(xml, sign) });
      }
    }
    return new SamlResponseFuzz(originals, keys, ours, now);
  }

  /** Changes one honest response in one to four ways, and has it verified. @throws whatever is no refusal: a crash */
  async try(random: Random): Promise<FuzzOutcome> {
    const { xml, signed, assertion } = pick(random, this.originals);
    const bySigner = random() < 0.1;
    const mutated = bySigner ? this.#signedNonsense(random) : mutate(random, xml);
    const input = pick(random, ENCODINGS)(random, Buffer.from(mutated).toString('base64'));
    try {
      const read = await this.#verify(decodePostMessage(input), bySigner ? 'assertion' : signed);
      // What no signature covers may change as long as nobody reads it.
      return {
        outcome: bySigner || isDeepStrictEqual(read, assertion) ? 'genuine' : 'accepted',
        detail: signed,
        input,
      };
    } catch (error) {
      if (error instanceof UpstreamError) return { outcome: 'refused', detail: `${error.step} ${error.code}`, input };
      throw error;
    }
  }

  stop(): Promise<void> {
    return Promise.resolve();
  }

  /** What a provider that is broken signs: reaches the checks behind the signature. */
  #signedNonsense(random: Random): string {
    const facts = honestFacts({ id: '_request', acs: ACS, audience: AUDIENCE, issuer: ISSUER, subject: 'subject-1' });
    const plain = assertionXml(facts);
    try {
      const nonsense = mutate(random, plain);
      parseStrictly(nonsense, 'saml_message');
      return responseXml(facts, signElement(nonsense, facts.assertionId, this.keys));
    } catch {
      // Not even XML, or without an id: that the signed ones are as well.
      facts.notOnOrAfter = pick(random, VALUES).replaceAll('&', '');
      return responseXml(facts, signElement(assertionXml(facts), facts.assertionId, this.keys));
    }
  }

  async #verify(xml: string, signed: SignedPart): Promise<SamlAssertion> {
    const { assertion } = await verifyResponse(receiveResponse(xml), {
      issuer: ISSUER,
      certificates: [this.keys.certificate],
      signed,
      encrypted: 'optional',
      audience: AUDIENCE,
      recipient: ACS,
      decryptionKeys: [this.ours.key],
      seen: new SeenSignatures(),
      now: nowWithin(this.now, 60),
    });
    return assertion;
  }
}

export const samlResponseTarget = { name: 'SAML responses', start: () => SamlResponseFuzz.start() } as const;
