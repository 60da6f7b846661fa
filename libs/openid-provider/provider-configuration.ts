import { errors } from 'oidc-provider';
import type {
  Adapter,
  Client,
  ClientAuthMethod,
  Configuration,
  KoaContextWithOIDC,
  ResourceServer,
} from 'oidc-provider';
import { RowBound } from '#libs/platform/postgres/row-bound.js';
import type { Bound } from '#libs/platform/postgres/row-bound.js';
import { API_SCOPES, clientIdSchema, OPENID_SCOPES } from '#libs/relying-parties/settings.js';
import { PostgresAdapter, sessionAdapter } from './adapter.postgres.js';
import { Artifacts } from './artifacts.postgres.js';
import type { ClientLimits } from './client-limits.js';
import type { Consents } from './consents.postgres.js';
import { cookieOptions, pathCookieName, sessionCookieName } from './cookies.js';
import { DEVICE_CODE_TTL_S, deviceFlowOf, limitCodeGuesses } from './device-flow.js';
import { grantAdapter } from './grants.postgres.js';
import type { Grants } from './grants.postgres.js';
import { guardedFetch } from './guarded-fetch.js';
import { interactionPolicyOf, organizationOf } from './interaction-policy.js';
import type { OpenIdProviderOptions } from './open-id-provider-options.js';
import type { PageBranding } from './page-branding.js';
import { errorPage, signedOutPage, signOutPage, stillSignedInPage } from './pages.js';
import { clientMetadata, EXTRA_METADATA, ownMetadata } from './relying-party-metadata.js';
import { rememberRelyingParties } from './relying-party-cache.js';
import { SESSION_TTL_S } from './sessions.postgres.js';
import type { SessionRows } from './sessions.postgres.js';
import { lookUp } from './temporarily-unavailable.js';
import { OPENID_TEXTS } from './texts.js';
import { TokenExchange } from './token-exchange.js';

export const ROUTES = {
  authorization: '/auth',
  token: '/token',
  introspection: '/token/introspection',
  revocation: '/token/revocation',
  userinfo: '/me',
  jwks: '/jwks',
  end_session: '/session/end',
  pushed_authorization_request: '/request',
  device_authorization: '/device/auth',
  code_verification: '/device',
} as const;

/** JWT access tokens live this long: what a revocation cannot take back (P12, RFC 9068). In seconds. */
const ACCESS_TOKEN_TTL_S = 300;
const ID_TOKEN_TTL_S = 3_600;
/** In seconds. */
export const ANONYMOUS_SESSION_TTL_S = 3_600;
/**
 * A refresh token that nobody uses ends after this time, in seconds; its grant ends after {@link GRANT_TTL_S} in any
 * case.
 */
const REFRESH_TOKEN_TTL_S = 14 * 24 * 3_600;
const GRANT_TTL_S = 90 * 24 * 3_600;

/** What an authorization request makes before anybody has signed in (security row D2). */
const MADE_BY_STRANGERS: ReadonlySet<string> = new Set(['Interaction', 'DeviceCode', 'PushedAuthorizationRequest']);
const MOST_OF_STRANGERS: Bound = { perAddress: 20_000, total: 400_000 };

const CLAIMS_OF_SCOPE: Readonly<Record<string, readonly string[]>> = {
  openid: ['sub', 'auth_time', 'acr', 'amr'],
  profile: ['name', 'given_name', 'family_name'],
  email: ['email', 'email_verified'],
  linked_identities: ['linked_identities'],
};

export const apiAudience = (issuer: string): string => `${issuer}/api`;

export interface ProviderParts {
  readonly options: OpenIdProviderOptions;
  readonly sessions: SessionRows;
  readonly grants: Grants;
  readonly consents: Consents;
  readonly limits: ClientLimits;
  readonly branding: PageBranding;
}

/** oidc-provider's configuration. @param keys private JWKs, the ones that sign first */
export const configurationOf = (parts: ProviderParts, keys: readonly object[]): Configuration => {
  const { options, sessions, branding } = parts;
  const { issuer, clock, newId, logger, users } = options;
  const now = (): number => Math.floor(clock().getTime() / 1_000);
  return {
    adapter: adapters(parts),
    jwks: { keys: [...keys] },
    routes: { ...ROUTES },
    fetch: guardedFetch(options.http),
    // P2, P11: code flow with PKCE (S256 is the only method that oidc-provider 9 knows) for every client.
    responseTypes: ['code'],
    pkce: { required: () => true },
    allowOmittingSingleRegisteredRedirectUri: false,
    clientAuthMethods: [
      'client_secret_basic',
      'client_secret_post',
      'private_key_jwt',
      'none',
    ] satisfies ClientAuthMethod[],
    // P9: oidc-provider also takes the addresses of endpoints, and lists of audiences.
    assertJwtClientAuthClaimsAndHeader: (_ctx, { aud }) => {
      if (aud !== issuer) throw new errors.InvalidClientAuth('the audience must be the issuer, and nothing else');
    },
    extraClientMetadata: { properties: [...EXTRA_METADATA] },
    extraParams: EXTRA_PARAMETERS,
    scopes: [...OPENID_SCOPES],
    claims: Object.fromEntries(Object.entries(CLAIMS_OF_SCOPE).map(([scope, claims]) => [scope, [...claims]])),
    conformIdTokenClaims: false,
    subjectTypes: ['public', 'pairwise'],
    pairwiseIdentifier: (_ctx, userId, client) => options.pairwiseSubject(String(client.sectorIdentifier), userId),
    // With `offline_access` it outlives the session; without, it ends with it.
    issueRefreshToken: (_ctx, client) => client.grantTypeAllowed('refresh_token'),
    rotateRefreshToken: true,
    revokeGrantPolicy: () => true,
    // The browser app itself may ask; nobody else's page may.
    clientBasedCORS: (ctx, origin, client) =>
      (ctx.oidc.route === 'userinfo' || client.tokenEndpointAuthMethod === 'none') &&
      (client.redirectUris ?? []).some((uri) => new URL(uri).origin === origin),
    cookies: {
      keys: [...options.cookieKeys],
      names: {
        session: sessionCookieName(issuer),
        interaction: pathCookieName(issuer, 'ligature_interaction'),
        resume: pathCookieName(issuer, 'ligature_resume'),
      },
      long: { ...cookieOptions(issuer), signed: true },
      short: { ...cookieOptions(issuer), signed: true },
    },
    ttl: {
      AccessToken: ACCESS_TOKEN_TTL_S,
      ClientCredentials: ACCESS_TOKEN_TTL_S,
      AuthorizationCode: 60,
      DeviceCode: DEVICE_CODE_TTL_S,
      IdToken: ID_TOKEN_TTL_S,
      Interaction: ANONYMOUS_SESSION_TTL_S,
      // A session's time runs from its sign-in, however often it is used; a stranger's is kept for as long as an
      // interaction.
      Session: (_ctx, session) =>
        session.accountId ? Math.max(1, session.iat + SESSION_TTL_S - now()) : ANONYMOUS_SESSION_TTL_S,
      Grant: GRANT_TTL_S,
      RefreshToken: REFRESH_TOKEN_TTL_S,
    },
    features: {
      devInteractions: { enabled: false },
      claimsParameter: { enabled: true },
      clientCredentials: { enabled: true },
      deviceFlow: deviceFlowOf(branding),
      dPoP: { enabled: true },
      pushedAuthorizationRequests: { enabled: true },
      // RFC 7662, section 4: a client learns of its own tokens only.
      introspection: { enabled: true, allowedPolicy: (_ctx, client, token) => token.clientId === client.clientId },
      revocation: { enabled: true, allowedPolicy: (_ctx, client, token) => token.clientId === client.clientId },
      backchannelLogout: { enabled: true },
      rpInitiatedLogout: {
        enabled: true,
        logoutSource: async (ctx, form) => {
          ctx.body = signOutPage(ctx, await branding.of(ctx), form);
        },
        // Both answers lead here; whether there still is a session is what counts, not how the address was come by.
        postLogoutSuccessSource: async (ctx) => {
          const jti = ctx.oidc.cookies.get(sessionCookieName(issuer), { signed: true });
          const page = jti && (await sessions.findActive(jti)) ? stillSignedInPage : signedOutPage;
          ctx.body = page(ctx, await branding.of(ctx));
        },
      },
      resourceIndicators: {
        enabled: true,
        // Clients that ask for a scope of our own API get a token for it without naming the resource.
        defaultResource: (ctx) => {
          if (!isClientCredentials(ctx)) return [];
          const requested = String(ctx.oidc.params?.scope ?? '').split(' ');
          return API_SCOPES.some((scope) => requested.includes(scope)) ? apiAudience(issuer) : [];
        },
        getResourceServerInfo: (ctx, resource, client) => resourceServerOf(issuer, ctx, resource, client),
        useGrantedResource: () => true,
      },
    },
    extraTokenClaims: (ctx, token) => {
      const { client } = ctx.oidc;
      // What speaks for a client belongs to the client's own organization; what speaks for a person, to the person's.
      const ofClient = client && ownMetadata(client).organizations[0];
      const organization = token.kind === 'ClientCredentials' ? ofClient : TokenExchange.current()?.organizationId;
      return organization === undefined ? {} : { organization };
    },
    interactions: {
      policy: interactionPolicyOf(sessions),
      url: (_ctx, { uid, prompt }) => (prompt.name === 'consent' ? options.consentPath(uid) : options.signInPath(uid)),
    },
    findAccount: async (_ctx, userId) => {
      const claims = await lookUp(() => users.claims(userId));
      if (!claims) return undefined;
      return {
        accountId: userId,
        claims: async (_use, scope, requested) => ({
          sub: userId,
          name: claims.name,
          given_name: claims.givenName,
          family_name: claims.familyName,
          email: claims.email,
          email_verified: claims.email === undefined ? undefined : claims.emailVerified === true,
          ...(scope.split(' ').includes('linked_identities') || 'linked_identities' in requested
            ? { linked_identities: await lookUp(() => users.linkedIdentities(userId)) }
            : {}),
        }),
      };
    },
    loadExistingGrant: (ctx) => loadGrant(parts, ctx),
    renderError: async (ctx, out, error) => {
      const correlationId = newId();
      const unexpected = !(error instanceof errors.OIDCProviderError);
      logger[unexpected ? 'error' : 'info'](
        { correlationId, error: error.message, errorCode: out.error },
        'the OpenID Provider refused a request',
      );
      // P7: a bad request to sign out is not obeyed; the person may still want to.
      const next =
        ctx.oidc.route === 'end_session' ? { href: ROUTES.end_session, label: OPENID_TEXTS.signOutHere } : undefined;
      ctx.body = errorPage(ctx, await branding.of(ctx), { code: out.error, correlationId, next });
    },
  };
};

/** oidc-provider looks at the constructor's name, so these are plain functions. */
const EXTRA_PARAMETERS: Configuration['extraParams'] = {
  /** For an app of several organizations: the one that the request is about (domain.md, "Organizations"). */
  organization: function (_ctx: KoaContextWithOIDC, value: string | undefined, client: Client) {
    if (value !== undefined && !ownMetadata(client).organizations.includes(value))
      throw new errors.InvalidRequest('the app does not belong to this organization');
  },
  /** The identity provider that the person should be sent to; a hint, so one that is not offered is passed over. */
  idp: null,
};

const isClientCredentials = (ctx: KoaContextWithOIDC): boolean => ctx.oidc.params?.grant_type === 'client_credentials';

const resourceServerOf = (
  issuer: string,
  ctx: KoaContextWithOIDC,
  resource: string,
  client: Client,
): ResourceServer => {
  const own = resource === apiAudience(issuer);
  // Our APIs serve clients that speak for themselves only.
  if (own && !isClientCredentials(ctx)) throw new errors.InvalidTarget();
  const scopes = own
    ? ownMetadata(client).apiScopes
    : ownMetadata(client)
        .resources.find((known) => known.resource === resource)
        ?.scopes.join(' ');
  if (scopes === undefined) throw new errors.InvalidTarget();
  return {
    scope: scopes,
    audience: resource,
    accessTokenFormat: 'jwt',
    accessTokenTTL: ACCESS_TOKEN_TTL_S,
    jwt: { sign: { alg: 'RS256' } },
  };
};

const adapters = ({ options, sessions, grants, limits }: ProviderParts): ((model: string) => Adapter) => {
  const { pool, clock, relyingParties, throttles } = options;
  const artifacts = new Artifacts(pool, clock);
  const findRelyingParty = rememberRelyingParties((clientId) => relyingParties.find(clientId), clock);
  const signOut = async (jti: string): Promise<void> => {
    const session = await sessions.findActive(jti);
    if (!session) return;
    await options.onSignedOut(session);
    await sessions.end({ sessionId: session.sessionId }, 'signed_out');
  };
  return (model) => {
    if (model === 'Session') {
      const anonymous = new RowBound(pool, 'provider.sessions', MOST_OF_STRANGERS, `state = 'anonymous'`);
      return sessionAdapter(pool, clock, signOut, anonymous);
    }
    if (model === 'Grant') return grantAdapter(pool, clock, grants);
    const bound = MADE_BY_STRANGERS.has(model)
      ? new RowBound(pool, 'provider.artifacts', MOST_OF_STRANGERS, `model = '${model}'`)
      : undefined;
    const adapter = new PostgresAdapter(pool, artifacts, clock, model, bound);
    if (model === 'Client') {
      adapter.find = async (id) => {
        if (!clientIdSchema.safeParse(id).success) return undefined;
        await limits.admit(id);
        const settings = await lookUp(() => findRelyingParty(id));
        return settings && clientMetadata(settings);
      };
    }
    if (model === 'DeviceCode')
      adapter.findByUserCode = limitCodeGuesses(throttles, clock, adapter.findByUserCode.bind(adapter));
    return adapter;
  };
};

/**
 * What an app may have of this person, in this session: what it is registered for, where the organization agreed for
 * its people; else what the person agreed to. Claims that are asked for by name (OpenID Connect Core 5.5) are given
 * where a scope of the app's covers them.
 */
const loadGrant = async ({ sessions, consents }: ProviderParts, ctx: KoaContextWithOIDC) => {
  const { client, session, provider, resourceServers = {}, requestParamClaims } = ctx.oidc;
  if (!client || !session?.accountId || !(await sessions.admits(session.uid, organizationOf(ctx)))) return undefined;
  const grantId = session.grantIdFor(client.clientId);
  const existing = grantId ? await provider.Grant.find(grantId) : undefined;
  const grant = existing ?? new provider.Grant({ accountId: session.accountId, clientId: client.clientId });
  const before = JSON.stringify(grant);
  const registered = (client.scope ?? 'openid').split(' ');
  const agreed =
    ownMetadata(client).consent === 'by_person' ? await consents.find(session.accountId, client.clientId) : undefined;
  const byOrganization = ownMetadata(client).consent === 'by_organization';
  const scopes = byOrganization ? registered : registered.filter((scope) => agreed?.scopes.includes(scope));
  if (scopes.length > 0) grant.addOIDCScope(scopes.join(' '));
  for (const [resource, server] of Object.entries(resourceServers)) {
    const known = (server.scope ?? '').split(' ');
    const allowed = byOrganization ? known : known.filter((scope) => agreed?.resources[resource]?.includes(scope));
    if (allowed.length > 0) grant.addResourceScope(resource, allowed.join(' '));
  }
  const covered = new Set(scopes.flatMap((scope) => CLAIMS_OF_SCOPE[scope] ?? []));
  const [given, refused] = [true, false].map((wanted) =>
    [...requestParamClaims].filter((claim) => covered.has(claim) === wanted),
  );
  if (given?.length) grant.addOIDCClaims(given);
  if (refused?.length) grant.rejectOIDCClaims(refused);
  // Nothing was agreed to yet: there is nothing to keep.
  if (!existing && !grant.openid && !grant.resources) return undefined;
  if (!existing || JSON.stringify(grant) !== before) await grant.save();
  return grant;
};
