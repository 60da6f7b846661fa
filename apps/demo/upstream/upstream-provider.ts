import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { exportJWK, generateKeyPair } from 'jose';
import Provider from 'oidc-provider';
import type { Configuration, JWK } from 'oidc-provider';
import type { Logger } from '#libs/platform/logger.js';
import { listen, PAGE_HEADERS, readForm, redirect, renderPage, sendPage, sendStyle } from '../http.js';
import { createMemoryAdapter } from './memory-adapter.js';
import type { Directory } from './people.js';
import { messagePage, signInPage } from './sign-in-page.js';

export interface UpstreamProviderOptions {
  readonly directory: Directory;
  readonly port: number;
  /** Ligature's registration here. */
  readonly client: { readonly id: string; readonly secret: string; readonly redirectUri: string };
  readonly logger: Logger;
}

export interface UpstreamProvider {
  readonly issuer: string;
  close(): Promise<void>;
}

/** A new key at each start: whoever verifies our signatures must cope with an unknown `kid` (security.md, O8). */
const signingKey = async (): Promise<JWK> => {
  const { privateKey } = await generateKeyPair('RS256', { extractable: true });
  return { ...(await exportJWK(privateKey)), kid: randomBytes(8).toString('hex'), alg: 'RS256', use: 'sig' } as JWK;
};

const configuration = async ({ directory, client }: UpstreamProviderOptions): Promise<Configuration> => ({
  adapter: createMemoryAdapter(),
  jwks: { keys: [await signingKey()] },
  clients: [
    {
      client_id: client.id,
      client_secret: client.secret,
      redirect_uris: [client.redirectUri],
      grant_types: ['authorization_code'],
      response_types: ['code'],
      require_auth_time: true,
    },
  ],
  responseTypes: ['code'],
  scopes: ['openid', 'profile', 'email'],
  claims: { openid: ['sub'], profile: ['name', 'preferred_username'], email: ['email', 'email_verified'] },
  // Many providers put profile and e-mail into the ID Token; OIDC Core 5.4 would leave them to UserInfo here.
  conformIdTokenClaims: false,
  pkce: { required: () => true },
  features: { devInteractions: { enabled: false }, rpInitiatedLogout: { enabled: false } },
  interactions: { url: (_ctx, interaction) => `/interaction/${interaction.uid}` },
  expiresWithSession: () => false,
  // Cookies know no ports (RFC 6265, section 8.5): each provider on this host needs names of its own.
  cookies: {
    names: {
      interaction: `${directory.id}_interaction`,
      resume: `${directory.id}_resume`,
      session: `${directory.id}_session`,
    },
    keys: [randomBytes(32).toString('base64url')],
  },
  ttl: { AccessToken: 300, AuthorizationCode: 60, Grant: 600, IdToken: 300, Interaction: 600, Session: 600 },
  // Consent is given by having an account: the directory's owner trusts Ligature for all its people.
  loadExistingGrant: async (ctx) => {
    const { provider, session, client: asking, params } = ctx.oidc;
    const grant = new provider.Grant({ accountId: session?.accountId, clientId: asking?.clientId });
    grant.addOIDCScope(String(params?.['scope'] ?? 'openid'));
    await grant.save();
    return grant;
  },
  findAccount: (_ctx, subject) => {
    const person = directory.people.find((candidate) => candidate.subject === subject);
    return (
      person && {
        accountId: subject,
        claims: () => ({
          sub: subject,
          name: person.name,
          preferred_username: person.username,
          email: person.email,
          email_verified: person.emailVerified,
        }),
      }
    );
  },
  renderError: (ctx, { error, error_description }) => {
    ctx.set(PAGE_HEADERS);
    ctx.body = renderPage(
      messagePage({ directory, title: 'That did not work', message: `${error}: ${error_description ?? ''}` }),
    );
  },
});

/** A real OpenID Provider with a handful of people, on loopback: what Ligature signs people in through. */
export const startUpstreamProvider = async (options: UpstreamProviderOptions): Promise<UpstreamProvider> => {
  const { directory, logger } = options;
  const server = await listen(options.port);
  const provider = new Provider(server.url, await configuration(options));
  provider.on('server_error', (_ctx, error) =>
    logger.error({ provider: directory.id, err: error }, 'demo provider failed'),
  );
  const protocol = provider.callback();

  const interaction = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { uid } = await provider.interactionDetails(request, response);
    if (request.method !== 'POST')
      return sendPage(response, 200, signInPage({ directory, action: `/interaction/${uid}` }));
    const form = await readForm(request);
    const person = directory.people.find(({ subject }) => subject === form.get('person'));
    const result = person
      ? { login: { accountId: person.subject } }
      : { error: 'access_denied', error_description: `The person cancelled at ${directory.name}.` };
    redirect(response, await provider.interactionResult(request, response, result, { mergeWithLastSubmission: false }));
  };

  server.handle((request, response) => {
    const path = new URL(request.url ?? '/', server.url).pathname;
    if (path === '/style.css') return sendStyle(response);
    if (!path.startsWith('/interaction/')) return void protocol(request, response);
    interaction(request, response).catch((error: Error) => {
      logger.info({ provider: directory.id, reason: error.message }, 'interaction refused');
      const message =
        'This sign-in is over or was started in another browser. Go back to where you came from and start again.';
      sendPage(response, 400, messagePage({ directory, title: 'Start again', message }));
    });
  });
  return { issuer: server.url, close: () => server.close() };
};
