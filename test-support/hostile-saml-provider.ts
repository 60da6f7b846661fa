import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { inflateRawSync } from 'node:zlib';
import { DOMParser } from '@xmldom/xmldom';
import type { Certificate } from '#libs/platform/self-signed-certificate.js';
import { samlCertificate } from './certificate.js';
import { assertionXml, encryptAssertion, honestFacts, responseXml, signElement } from './saml-responses.js';
import type { SamlFacts, SignatureChoices } from './saml-responses.js';

/** What the provider may lie about. Everything that is not set is told correctly. */
export interface SamlLies {
  /** Changes what is said, before it is signed. */
  facts?: (facts: SamlFacts) => void;
  /** What is signed; the assertion unless told. */
  sign?: 'assertion' | 'response' | 'both' | 'none';
  signature?: SignatureChoices;
  /** Signs with this instead of the provider's key. */
  signer?: Certificate;
  /** Encrypts the assertion for this key. */
  encryptFor?: Certificate;
  encryption?: Partial<Record<'content' | 'key', string>>;
  /** Changes the assertion before it goes into the response (and before it is encrypted). */
  assertion?: (xml: string) => string;
  /** Changes the signed message. */
  message?: (xml: string, facts: SamlFacts) => string | Promise<string>;
  /** Replaces the published metadata. */
  metadata?: (xml: string) => string;
  /** Answers no request. */
  hang?: boolean;
}

/** An authentication request as the provider read it. */
export interface ReceivedRequest {
  readonly id: string;
  readonly acs: string;
  readonly audience: string;
  readonly forceAuthn: boolean;
  readonly xml: string;
  /** As it came: query or form. */
  readonly parameters: URLSearchParams;
}

/**
 * A real SAML identity provider over real HTTP with real keys, which lies on demand. It signs everybody in as `subject`
 * without asking.
 */
export class HostileSamlProvider {
  lies: SamlLies = {};
  subject = 'subject-1';
  lastRequest: ReceivedRequest | undefined;
  metadataRequests = 0;

  private constructor(
    readonly url: string,
    private readonly server: ReturnType<typeof createServer>,
    public keys: Certificate,
  ) {}

  get entityId(): string {
    return `${this.url}/metadata`;
  }

  static async start(): Promise<HostileSamlProvider> {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const provider = new HostileSamlProvider(url, server, await samlCertificate());
    server.on('request', (request, response) => {
      provider.#answer(request, response).catch((error: Error) => response.writeHead(500).end(error.stack));
    });
    return provider;
  }

  /** Throws the old signing key away. */
  async rotateKeys(): Promise<void> {
    this.keys = await samlCertificate();
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
  }

  /**
   * What the provider answers a request with.
   * @param request nothing: an unsolicited response, for this address of ours
   */
  async respond(request: ReceivedRequest | { readonly acs: string; readonly audience: string }): Promise<string> {
    const id = 'id' in request ? request.id : undefined;
    const facts = honestFacts({
      id,
      acs: request.acs,
      audience: request.audience,
      issuer: this.entityId,
      subject: this.subject,
    });
    this.lies.facts?.(facts);
    const {
      sign = 'assertion',
      signature,
      signer = this.keys,
      encryptFor,
      assertion: change = (xml) => xml,
    } = this.lies;
    const plain = assertionXml(facts);
    const signed = change(
      sign === 'assertion' || sign === 'both' ? signElement(plain, facts.assertionId, signer, signature) : plain,
    );
    const inner = encryptFor ? await encryptAssertion(signed, encryptFor, this.lies.encryption) : signed;
    const response = responseXml(facts, inner);
    const message =
      sign === 'response' || sign === 'both' ? signElement(response, facts.responseId, signer, signature) : response;
    return (await this.lies.message?.(message, facts)) ?? message;
  }

  /** Our metadata, as providers publish it. */
  metadataXml(): string {
    const certificate = this.keys.certificate.replace(/-----[A-Z ]+-----|\s/g, '');
    return (
      `<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" entityID="${this.entityId}">` +
      `<md:IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">` +
      `<md:KeyDescriptor use="signing"><ds:KeyInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:X509Data><ds:X509Certificate>${certificate}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>` +
      `<md:SingleLogoutService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" Location="${this.url}/slo"/>` +
      `<md:SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" Location="${this.url}/sso"/>` +
      `<md:SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="${this.url}/sso"/>` +
      `</md:IDPSSODescriptor></md:EntityDescriptor>`
    );
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', this.url);
    if (this.lies.hang) return;
    switch (url.pathname) {
      case '/sso': {
        const posted = request.method === 'POST';
        this.lastRequest = readRequest(posted ? new URLSearchParams(await bodyOf(request)) : url.searchParams, posted);
        const encoded = Buffer.from(await this.respond(this.lastRequest)).toString('base64');
        const relayState = this.lastRequest.parameters.get('RelayState');
        // What a provider's page with its self-submitting form has; tests post it themselves.
        response
          .setHeader('content-type', 'text/html')
          .end(
            `<form method="post" action="${this.lastRequest.acs}"><input type="hidden" name="SAMLResponse" value="${encoded}">` +
              `${relayState === null ? '' : `<input type="hidden" name="RelayState" value="${relayState}">`}</form>`,
          );
        return;
      }
      case '/slo':
        response.end('signed out');
        return;
      case '/metadata':
        this.metadataRequests += 1;
        response
          .setHeader('content-type', 'application/samlmetadata+xml')
          .end(this.lies.metadata?.(this.metadataXml()) ?? this.metadataXml());
        return;
      default:
        response.writeHead(404).end();
    }
  }
}

const readRequest = (parameters: URLSearchParams, posted: boolean): ReceivedRequest => {
  const bytes = Buffer.from(parameters.get('SAMLRequest') ?? '', 'base64');
  const xml = (posted ? bytes : inflateRawSync(bytes)).toString('utf8');
  const root = new DOMParser().parseFromString(xml, 'text/xml').documentElement;
  const issuer = root.getElementsByTagNameNS('urn:oasis:names:tc:SAML:2.0:assertion', 'Issuer')[0];
  return {
    id: root.getAttribute('ID') ?? '',
    acs: root.getAttribute('AssertionConsumerServiceURL') ?? '',
    audience: issuer?.textContent ?? '',
    forceAuthn: root.getAttribute('ForceAuthn') === 'true',
    xml,
    parameters,
  };
};

const bodyOf = async (request: IncomingMessage): Promise<string> => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
};
