import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createHash, randomBytes } from 'node:crypto';
import { HostileOpenIdProvider } from '#test-support/hostile-openid-provider.js';
import { startTestIdentityServer } from '#test-support/identity-server.js';
import type { TestIdentityServer } from '#test-support/identity-server.js';

/** A site of somebody else’s: an app that browsers are sent back to, or an attacker’s page. */
export interface StubApp {
  readonly url: string;
  /** The address of an authorization request for a client whose callback is here. */
  authorization(issuer: string, clientId: string, more?: Readonly<Record<string, string>>): string;
  /** Serves this at its root from now on. */
  show(html: string): void;
  stop(): Promise<void>;
}

const startStubApp = async (): Promise<StubApp> => {
  let shown = '';
  const server = createServer((request, response) => {
    if (request.url === '/logo.svg') {
      response.setHeader('content-type', 'image/svg+xml');
      return response.end(LOGO);
    }
    response.setHeader('content-type', 'text/html').end(`<!doctype html><html lang="en"><title>App</title>${shown}`);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    authorization: (issuer, clientId, more = {}) => {
      const parameters = {
        client_id: clientId,
        response_type: 'code',
        scope: 'openid profile email',
        redirect_uri: `${url}/callback`,
        state: randomBytes(8).toString('hex'),
        nonce: randomBytes(8).toString('hex'),
        code_challenge: createHash('sha256').update(randomBytes(32)).digest('base64url'),
        code_challenge_method: 'S256',
        ...more,
      };
      return `${issuer}/auth?${new URLSearchParams(parameters)}`;
    },
    show: (html) => (shown = html),
    stop: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
};

const LOGO = `<svg xmlns="http://www.w3.org/2000/svg" width="132" height="36"><rect width="36" height="36" rx="9" fill="#0b6e4f"/><path d="M10 24 18 9l8 15z" fill="#fff"/><text x="46" y="25" font-family="sans-serif" font-size="19" font-weight="700" fill="#3fae8a">Initech</text></svg>`;

/**
 * Everything that pages are seen with: a few organizations, two providers and one that is away, an app of each
 * organization.
 */
export interface PageInstallation {
  readonly server: TestIdentityServer;
  readonly acme: HostileOpenIdProvider;
  readonly globex: HostileOpenIdProvider;
  readonly app: StubApp;
  /** The issuer of a provider that does not answer, "Umbrella". */
  readonly away: string;
  stop(): Promise<void>;
}

const configuration = (acme: string, globex: string, away: string, app: string): string => `
identityProviders:
  - { id: acme, kind: oidc, displayName: Acme, issuer: "${acme}", clientId: ligature, scopes: [openid, profile, email] }
  - { id: globex, kind: oidc, displayName: Globex, issuer: "${globex}", clientId: ligature, scopes: [openid, profile, email] }
  - id: umbrella
    kind: oidc
    displayName: Umbrella
    issuer: "${away}"
    clientId: ligature
    scopes: [openid]
    reauthentication: { prompt: false, maxAge: false }
organizations:
  - id: default
    displayName: Northwind
    loginPolicy: { password: true, registration: true, recovery: true }
    identityProviders:
      - { id: acme, policy: { creationAllowed: true, autoCreate: true, linkingAllowed: true } }
      - { id: globex, policy: { creationAllowed: true, linkingAllowed: true } }
  - id: initech
    displayName: Initech
    branding: { logoUrl: "${app}/logo.svg", accentColor: "#0b6e4f", backgroundColor: "#e7f1ec" }
    identityProviders:
      - { id: acme, policy: { creationAllowed: true, autoCreate: true, linkingAllowed: true } }
  - id: initech-umbrella
    displayName: Initech
    branding: { logoUrl: "${app}/logo.svg", accentColor: "#0b6e4f", backgroundColor: "#e7f1ec" }
    identityProviders:
      - { id: umbrella, policy: { creationAllowed: true, autoCreate: true } }
  - id: backup
    displayName: Backup
    loginPolicy: { password: true, registration: true }
    identityProviders:
      - { id: umbrella, policy: { creationAllowed: true, autoCreate: true } }
  - id: mailers
    displayName: Mailers
    loginPolicy: { externalSignIn: false, password: true, registration: true, recovery: true, loginNames: [email] }
relyingParties:
${['default', 'initech', 'initech-umbrella', 'backup', 'mailers']
  .map(
    (organization) => `  - clientId: app-${organization}
    organization: ${organization}
    displayName: Timesheets
    redirectUris: ["${app}/callback"]
    postLogoutRedirectUris: ["${app}/"]
    grantTypes: [authorization_code]
    tokenEndpointAuthMethod: none
    applicationType: native
    scopes: [openid, profile, email]`,
  )
  .join('\n')}
  - clientId: app-consent
    organization: default
    displayName: Timesheets
    consent: by_person
    redirectUris: ["${app}/callback"]
    grantTypes: [authorization_code]
    tokenEndpointAuthMethod: none
    applicationType: native
    scopes: [openid, profile, email]
  - clientId: television
    organization: default
    displayName: Television
    grantTypes: ["urn:ietf:params:oauth:grant-type:device_code"]
    tokenEndpointAuthMethod: none
    applicationType: native
    scopes: [openid, profile]
`;

/** Where nobody listens any more. */
const addressOfNobody = async (): Promise<string> => {
  const away = await HostileOpenIdProvider.start();
  await away.stop();
  return away.issuer;
};

export const startPageInstallation = async (): Promise<PageInstallation> => {
  const [acme, globex, app] = [
    await HostileOpenIdProvider.start(),
    await HostileOpenIdProvider.start(),
    await startStubApp(),
  ];
  const server = await startTestIdentityServer();
  const away = await addressOfNobody();
  await server.installation.configure(configuration(acme.issuer, globex.issuer, away, app.url));
  return {
    server,
    acme,
    globex,
    app,
    away,
    stop: async () => {
      await server.stop();
      await Promise.all([acme.stop(), globex.stop(), app.stop()]);
    },
  };
};
