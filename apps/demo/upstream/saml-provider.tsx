import { createHash, randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { IdentityProvider, SamlLib, ServiceProvider, setSchemaValidator } from 'samlify';
import type { VNode } from 'preact';
import type { Logger } from '#libs/platform/logger.js';
import { selfSignedCertificate } from '#libs/platform/self-signed-certificate.js';
import { listen, PAGE_HEADERS, readForm, renderPage, sendPage, sendStyle } from '../http.js';
import { Layout } from '../layout.js';
import type { Directory, Person } from './people.js';
import { messagePage, signInPage } from './sign-in-page.js';

// Only what Ligature sends is read here, and its schema is Ligature's business.
setSchemaValidator({ validate: () => Promise.resolve('not validated') });

export interface SamlProviderOptions {
  readonly directory: Directory;
  readonly port: number;
  /** Where Ligature's metadata for this provider is; also its entity id. */
  readonly serviceProvider: string;
  readonly logger: Logger;
}

export interface DemoSamlProvider {
  readonly entityId: string;
  close(): Promise<void>;
}

const PERSISTENT = 'urn:oasis:names:tc:SAML:2.0:nameid-format:persistent';
const BINDING = 'urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect';
const HOUR_MS = 3_600_000;
const LIFETIME_MS = 300_000;

/** samlify's own template, with the statement of when the person clicked and the attributes of a person. */
const RESPONSE_TEMPLATE = SamlLib.defaultLoginResponseTemplate.context
  .replace(
    '{AuthnStatement}',
    '<saml:AuthnStatement AuthnInstant="{IssueInstant}" SessionIndex="{AssertionID}"><saml:AuthnContext><saml:AuthnContextClassRef>urn:oasis:names:tc:SAML:2.0:ac:classes:unspecified</saml:AuthnContextClassRef></saml:AuthnContext></saml:AuthnStatement>',
  )
  .replace(
    '{AttributeStatement}',
    `<saml:AttributeStatement>${['mail', 'displayName', 'uid']
      .map(
        (name) =>
          `<saml:Attribute Name="${name}"><saml:AttributeValue>{${name}}</saml:AttributeValue></saml:Attribute>`,
      )
      .join('')}</saml:AttributeStatement>`,
  );

/** Posts the answer to Ligature: at once, or by the button where no script runs. */
const SUBMIT = 'document.forms[0].submit()';
const ANSWER_HEADERS = {
  ...PAGE_HEADERS,
  'content-security-policy': `${PAGE_HEADERS['content-security-policy']}; script-src 'sha256-${createHash('sha256').update(SUBMIT).digest('base64')}'`,
};

const answerPage = (directory: Directory, target: string, message: string): VNode => (
  <Layout title="You are signed in" site={directory.id} siteName={directory.name}>
    <form method="post" action={target}>
      <input type="hidden" name="SAMLResponse" value={message} />
      <button>Continue to Ligature</button>
    </form>
    <script>{SUBMIT}</script>
  </Layout>
);

const responseValues = (
  person: Person,
  entityId: string,
  target: { readonly audience: string; readonly acs: string; readonly request: string },
) => {
  const now = Date.now();
  const at = (offsetMs = 0): string => new Date(now + offsetMs).toISOString();
  return {
    ID: `_${randomUUID()}`,
    AssertionID: `_${randomUUID()}`,
    IssueInstant: at(),
    Issuer: entityId,
    Destination: target.acs,
    SubjectRecipient: target.acs,
    Audience: target.audience,
    InResponseTo: target.request,
    StatusCode: 'urn:oasis:names:tc:SAML:2.0:status:Success',
    NameIDFormat: PERSISTENT,
    NameID: person.subject,
    ConditionsNotBefore: at(),
    ConditionsNotOnOrAfter: at(LIFETIME_MS),
    SubjectConfirmationDataNotOnOrAfter: at(LIFETIME_MS),
    mail: person.email,
    displayName: person.name,
    uid: person.username,
  };
};

/**
 * A real SAML identity provider with a handful of people, on loopback. It makes a new key at each start, which Ligature
 * finds in its metadata, and asks at every sign-in who you are, so that ForceAuthn is honoured always and AuthnInstant
 * is the time of the click.
 */
export const startSamlProvider = async (options: SamlProviderOptions): Promise<DemoSamlProvider> => {
  const { directory, serviceProvider, logger } = options;
  const server = await listen(options.port);
  const entityId = `${server.url}/metadata`;
  const { certificate, key } = await selfSignedCertificate({
    commonName: directory.name,
    keyType: 'rsa',
    from: new Date(Date.now() - HOUR_MS),
    until: new Date(Date.now() + 365 * 24 * HOUR_MS),
  });
  const provider = IdentityProvider({
    entityID: entityId,
    privateKey: key,
    signingCert: certificate,
    requestSignatureAlgorithm: 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256',
    nameIDFormat: [PERSISTENT],
    singleSignOnService: [{ Binding: BINDING, Location: `${server.url}/sso` }],
    loginResponseTemplate: { context: RESPONSE_TEMPLATE, attributes: [] },
  });

  /** What Ligature asks for, and of which service provider it is. */
  const readRequest = async (SAMLRequest: string | null) => {
    const metadata = await fetch(serviceProvider);
    if (!metadata.ok) throw new Error(`${serviceProvider}: status ${metadata.status}`);
    const party = ServiceProvider({ metadata: await metadata.text() });
    const { extract } = await provider.parseLoginRequest(party, 'redirect', { query: { SAMLRequest } });
    return { party, extract, id: String(extract.request?.id) };
  };

  const signOn = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const url = new URL(request.url ?? '/', server.url);
    const form = request.method === 'POST' ? await readForm(request) : undefined;
    const asked = url.searchParams.get('SAMLRequest');
    const { party, extract, id } = await readRequest(asked);
    const person = directory.people.find(({ subject }) => subject === form?.get('person'));
    if (!form)
      return sendPage(
        response,
        200,
        signInPage({ directory, action: `/sso?SAMLRequest=${encodeURIComponent(asked ?? '')}` }),
      );
    if (!person)
      return sendPage(
        response,
        200,
        messagePage({ directory, title: 'Cancelled', message: 'Go back to where you came from.' }),
      );
    const acs = String(party.entityMeta.getAssertionConsumerService('post'));
    const { context } = await provider.createLoginResponse(party, { extract }, 'post', {}, (template) => {
      const values = responseValues(person, entityId, {
        audience: serviceProvider,
        acs,
        request: id,
      });
      return { id: values.ID, context: SamlLib.replaceTagsByValue(template, values) };
    });
    response.writeHead(200, ANSWER_HEADERS).end(renderPage(answerPage(directory, acs, context)));
  };

  server.handle((request, response) => {
    const { pathname } = new URL(request.url ?? '/', server.url);
    if (pathname === '/style.css') return sendStyle(response);
    if (pathname === '/metadata')
      return void response
        .writeHead(200, { 'content-type': 'application/samlmetadata+xml' })
        .end(provider.getMetadata());
    if (pathname !== '/sso') return void response.writeHead(404).end();
    signOn(request, response).catch((error: Error) => {
      logger.info({ provider: directory.id, reason: error.message }, 'sign-in refused');
      sendPage(
        response,
        400,
        messagePage({
          directory,
          title: 'That did not work',
          message: 'Go back to where you came from and start again.',
        }),
      );
    });
  });
  return { entityId, close: () => server.close() };
};
