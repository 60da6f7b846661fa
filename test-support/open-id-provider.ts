import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import * as client from 'openid-client';
import { OpenIdProvider } from '#libs/openid-provider/open-id-provider.js';
import type {
  LinkedIdentity,
  OpenIdProviderOptions,
  UserClaims,
} from '#libs/openid-provider/open-id-provider-options.js';
import type { GrantRecord, RevocationReason } from '#libs/openid-provider/grants.postgres.js';
import type { TokenIssue } from '#libs/openid-provider/token-exchange.js';
import type { NewSession, SessionAuthentication, SessionRecord } from '#libs/openid-provider/sessions.postgres.js';
import { systemClock } from '#libs/platform/clock.js';
import { newUuid } from '#libs/platform/ids.js';
import { silentLogger } from '#libs/platform/logger.js';
import { createPool } from '#libs/platform/postgres/pool.js';
import type { Pool } from '#libs/platform/postgres/pool.js';
import { relyingPartySettingsSchema } from '#libs/relying-parties/settings.js';
import type { RelyingPartySettings } from '#libs/relying-parties/settings.js';
import { DEFAULT_HTTP_POLICY } from '#libs/platform/guarded-http.js';
import { migrate } from '#libs/platform/postgres/migrations.js';
import { createIndexKeys } from '#libs/privacy/index-key.js';
import type { Branding } from '#libs/web/branding.js';
import type { Limit } from '#libs/throttling/throttles.js';
import { LIMITS, postgresThrottles, throttleMigrations } from '#libs/throttling/throttles.js';
import { createTestDatabase } from './database.js';
import type { Browser } from './browser.js';
import { sessionOf } from './sessions.js';

/** Where relying parties of these tests are: nobody listens there, browsers stop. */
export const APP = 'http://127.0.0.1:9';
export const CALLBACK = `${APP}/callback`;
export const SECRET = 'a-secret-of-a-relying-party-of-tests';

export const MASTER_KEY = Buffer.alloc(32, 7);

/** Who signs in at the sign-in page that these tests have instead of ours. */
export interface Person {
  readonly userId: string;
  readonly organizationId: string;
  readonly claimId: string;
}

export const aPerson = (organizationId = 'default'): Person => ({
  userId: newUuid(),
  organizationId,
  claimId: newUuid(),
});

export const aRelyingParty = (settings: Record<string, unknown> = {}): RelyingPartySettings =>
  relyingPartySettingsSchema.parse({
    clientId: 'app',
    organizationId: 'default',
    displayName: 'App',
    redirectUris: [CALLBACK],
    postLogoutRedirectUris: [`${APP}/signed-out`],
    grantTypes: ['authorization_code'],
    tokenEndpointAuthMethod: 'client_secret_basic',
    clientSecret: SECRET,
    scopes: ['openid', 'profile', 'email'],
    ...settings,
  });

export interface TestOpenIdProvider {
  readonly issuer: string;
  /** Every instance on the one database; requests go to them in turn. */
  readonly instances: readonly OpenIdProvider[];
  readonly pool: Pool;
  /** Limits that are other than {@link LIMITS}. */
  readonly limits: Partial<Record<Limit, { readonly points: number; readonly perS: number }>>;
  readonly relyingParties: Map<string, RelyingPartySettings>;
  /** How an organization's pages look; no organization exists unless told. */
  brandingOf: (organizationId: string) => Promise<Branding | undefined>;
  /** Claims of everyone who may sign in; whoever is not here may not. */
  readonly users: Map<string, UserClaims>;
  readonly linkedIdentities: Map<string, LinkedIdentity[]>;
  /** What was stored of tokens, in order. */
  readonly issued: TokenIssue[];
  readonly revoked: { readonly grant: GrantRecord; readonly reason: RevocationReason }[];
  /** What storing the event of an issue does beside; to make it fail, or refuse. */
  onTokensIssued: (issue: TokenIssue) => Promise<'stored' | 'refused'>;
  /** What storing the event of a revocation does beside. */
  onGrantRevoked: () => Promise<void>;
  /** What the person answers on the consent page; nothing: the page stays, and says `consent` and what is asked for. */
  agrees: boolean | undefined;
  /** Sessions that were told to have been signed out. */
  readonly signedOut: SessionRecord[];
  /** What storing the event of a sign-out does beside; to make it fail. */
  onSignedOut: () => void;
  /** Who signs in at once when the sign-in page opens; nobody: the page stays, and says `sign-in`. */
  person: Person | undefined;
  /** How the person authenticates: now and with a password, unless told. */
  login: () => Pick<SessionAuthentication, 'authTime' | 'acr' | 'amr'>;
  /** Runs between a session's activation and the end of the interaction. */
  onActivated: (sessionId: string) => Promise<void>;
  /** The configuration of a relying party for `openid-client`. */
  relyingParty(clientId: string): Promise<client.Configuration>;
  stop(): Promise<void>;
}

/**
 * An OpenID Provider over HTTP, on a database of its own, with a sign-in page that lets `person` in.
 * @param instanceCount how many instances answer, in turn
 */
export const startTestOpenIdProvider = async (
  instanceCount = 1,
  limits: TestOpenIdProvider['limits'] = {},
): Promise<TestOpenIdProvider> => {
  const database = await createTestDatabase();
  const pools = Array.from({ length: instanceCount }, () =>
    createPool(database.urls.ligature_identity, { applicationName: 'test', max: 10, onIdleError: () => undefined }),
  );
  const [pool] = pools;
  if (!pool) throw new Error('there must be an instance');
  await migrate(pool, 'provider', throttleMigrations);
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const issuer = `http://localhost:${(server.address() as AddressInfo).port}`;

  const state: TestOpenIdProvider = {
    issuer,
    limits,
    instances: [],
    pool,
    relyingParties: new Map([['app', aRelyingParty()]]),
    brandingOf: () => Promise.resolve(undefined),
    users: new Map(),
    linkedIdentities: new Map(),
    issued: [],
    revoked: [],
    onTokensIssued: () => Promise.resolve('stored'),
    onGrantRevoked: () => Promise.resolve(),
    agrees: true,
    signedOut: [],
    onSignedOut: () => undefined,
    person: undefined,
    login: () => ({ authTime: new Date(), amr: ['pwd'] }),
    onActivated: () => Promise.resolve(),
    relyingParty: (clientId) =>
      client.discovery(new URL(issuer), clientId, SECRET, client.ClientSecretBasic(SECRET), {
        execute: [client.allowInsecureRequests],
      }),
    stop: async () => {
      server.closeAllConnections();
      server.close();
      await Promise.all(pools.map((each) => each.end()));
      await database.drop();
    },
  };
  const options = (instancePool: Pool): OpenIdProviderOptions => testOptions(issuer, instancePool, state);
  const instances = await Promise.all(pools.map((each) => OpenIdProvider.create(options(each))));
  (state.instances as OpenIdProvider[]).push(...instances);

  let turn = 0;
  server.on('request', (request, response) => {
    const instance = instances[turn++ % instances.length];
    if (!instance) throw new Error('no instance');
    const path = (request.url ?? '/').split('?')[0] ?? '/';
    const answer = async (): Promise<void> => {
      if (path === '/account') {
        const session = (await instance.current(request, response)) ?? null;
        response
          .setHeader('content-type', 'application/json')
          .end(JSON.stringify(session, (_, value: unknown) => (typeof value === 'bigint' ? Number(value) : value)));
      } else if (path.startsWith('/sign-in/')) {
        const interaction = await instance.findInteraction(request, response);
        const { person } = state;
        if (interaction?.uid !== path.slice('/sign-in/'.length)) response.writeHead(400).end('sign_in_expired');
        else if (!person) response.end(`sign-in ${interaction.organizationId}`);
        else {
          const sessionId = await signInBrowser(
            instance,
            { ...person, ...sessionOf, ...state.login() },
            request,
            response,
          );
          if (sessionId === undefined) return void response.writeHead(403).end('ended');
          await state.onActivated(sessionId);
          const next = await instance.finishInteraction(interaction.uid, sessionId);
          if (next === undefined) response.writeHead(400).end('over');
          else response.writeHead(303, { location: next }).end();
        }
      } else if (path.startsWith('/consent/')) {
        const interaction = await instance.findInteraction(request, response);
        if (!interaction?.userId || interaction.uid !== path.slice('/consent/'.length))
          response.writeHead(400).end('consent_expired');
        else if (state.agrees === undefined) response.end(`consent ${JSON.stringify(interaction.asksFor)}`);
        else {
          const { uid, userId } = interaction;
          const next = state.agrees ? await instance.giveConsent(uid, userId) : await instance.abandonInteraction(uid);
          response.writeHead(303, { location: next ?? '/over' }).end();
        }
      } else {
        instance.handler(request, response);
      }
    };
    answer().catch((error: Error) => response.writeHead(500).end(error.stack));
  });
  return state;
};

/** As the sign-in pages do: the person's own session is renewed, somebody else's is replaced. */
const signInBrowser = async (
  instance: OpenIdProvider,
  session: NewSession,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<string | undefined> => {
  const current = await instance.current(request, response);
  if (current?.userId === session.userId) {
    await instance.prepareRenewal(current.sessionId, session.claimId);
    return (await instance.renew(current.sessionId, session, request, response)) ? current.sessionId : undefined;
  }
  const { sessionId } = await instance.insertPending(session);
  return (await instance.activate(sessionId, request, response)) ? sessionId : undefined;
};

const indexKeys = createIndexKeys(Buffer.alloc(32, 8));

export const testOptions = (issuer: string, pool: Pool, state: TestOpenIdProvider): OpenIdProviderOptions => ({
  issuer,
  pool,
  masterKey: MASTER_KEY,
  cookieKeys: ['a key of these tests'],
  clock: systemClock,
  newId: newUuid,
  logger: silentLogger,
  relyingParties: { find: (clientId) => Promise.resolve(state.relyingParties.get(clientId)) },
  brandingOf: (organizationId) => state.brandingOf(organizationId),
  users: {
    claims: (userId) => Promise.resolve(state.users.get(userId)),
    linkedIdentities: (userId) => Promise.resolve(state.linkedIdentities.get(userId) ?? []),
  },
  http: { ...DEFAULT_HTTP_POLICY, allowLoopback: true },
  throttles: postgresThrottles(pool, indexKeys, { ...LIMITS, ...state.limits }),
  addressLimits: { hit: () => Promise.resolve({ kind: 'allowed' }) },
  pairwiseSubject: (sector, userId) => indexKeys.of('pairwiseSubject', sector, userId),
  signInPath: (uid) => `/sign-in/${uid}`,
  consentPath: (uid) => `/consent/${uid}`,
  onTokensIssued: async (issue) => {
    const answer = await state.onTokensIssued(issue);
    state.issued.push(issue);
    return answer;
  },
  onGrantRevoked: async (grant, reason) => {
    await state.onGrantRevoked();
    state.revoked.push({ grant, reason });
  },
  onSignedOut: (session) => {
    state.onSignedOut();
    state.signedOut.push(session);
    return Promise.resolve();
  },
});

/** An authorization request of a relying party, and what it needs to finish. */
export interface Authorization {
  readonly url: string;
  readonly checks: client.AuthorizationCodeGrantChecks & { readonly pkceCodeVerifier: string };
}

export const authorize = async (
  configuration: client.Configuration,
  parameters: Readonly<Record<string, string>> = {},
): Promise<Authorization> => {
  const [pkceCodeVerifier, expectedState, expectedNonce] = [
    client.randomPKCECodeVerifier(),
    client.randomState(),
    client.randomNonce(),
  ];
  const url = client.buildAuthorizationUrl(configuration, {
    redirect_uri: CALLBACK,
    scope: 'openid profile email',
    code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier),
    code_challenge_method: 'S256',
    state: expectedState,
    nonce: expectedNonce,
    ...parameters,
  });
  return { url: url.href, checks: { pkceCodeVerifier, expectedState, expectedNonce, idTokenExpected: true } };
};

/** The whole flow of a relying party in a browser. @returns its tokens, with claims checked by `openid-client` */
export const signIn = async (
  configuration: client.Configuration,
  browser: Browser,
  parameters: Readonly<Record<string, string>> = {},
): Promise<client.TokenEndpointResponse & client.TokenEndpointResponseHelpers> => {
  const { url, checks } = await authorize(configuration, parameters);
  return client.authorizationCodeGrant(configuration, new URL(await browser.open(url)), checks);
};
