import type { IncomingMessage, ServerResponse } from 'node:http';
import { createLocalJWKSet, jwtVerify, errors as joseErrors } from 'jose';
import type { JSONWebKeySet } from 'jose';
import { errors, Provider } from 'oidc-provider';
import type { Configuration, Interaction, KoaContextWithOIDC } from 'oidc-provider';
import type { Clock } from '#libs/platform/clock.js';
import type { NewId } from '#libs/platform/ids.js';
import type { Logger } from '#libs/platform/logger.js';
import { migrate } from '#libs/platform/postgres/migrations.js';
import type { Pool } from '#libs/platform/postgres/pool.js';
import type { RelyingPartySettings } from '#libs/relying-parties/settings.js';
import { API_SCOPES, clientIdSchema, OPENID_SCOPES } from '#libs/relying-parties/settings.js';
import { cookiePolicy } from '#libs/web/cookies.js';
import { PostgresAdapter, removeExpired, sessionAdapter } from './adapter.postgres.js';
import { interactionPolicyOf } from './interaction-policy.js';
import { openIdProviderMigrations } from './migrations.js';
import { pinToIssuer } from './pinned-endpoints.js';
import { clientMetadata, EXTRA_METADATA, RESPONSE_MODES } from './relying-party-metadata.js';
import { errorPage, signedOutPage, signOutPage } from './pages.js';
import { SESSION_TTL_S, SessionRows } from './sessions.postgres.js';
import type { ActiveSession, NewSession, SessionRecord, SessionSelector } from './sessions.postgres.js';
import { lookUp } from './temporarily-unavailable.js';
import { loadSigningKeys } from './signing-keys.postgres.js';
import { OPENID_TEXTS } from './texts.js';

/** Standard claims of a user (OIDC Core 5.1). */
export interface UserClaims {
  readonly name?: string | undefined;
  readonly givenName?: string | undefined;
  readonly familyName?: string | undefined;
  readonly email?: string | undefined;
  readonly emailVerified?: boolean | undefined;
}

export interface OpenIdProviderOptions {
  /** The public base URL, without a slash at its end. */
  readonly issuer: string;
  /** Role `ligature_identity`. */
  readonly pool: Pool;
  /** 32 bytes; encrypts the signing keys at rest. */
  readonly masterKey: Buffer;
  /** The one before it, while keys are sealed anew. */
  readonly previousMasterKey?: Buffer | undefined;
  readonly cookieKeys: readonly string[];
  readonly clock: Clock;
  readonly newId: NewId;
  readonly logger: Logger;
  readonly relyingParties: { find(clientId: string): Promise<RelyingPartySettings | undefined> };
  /** Claims of a user; nothing for one that is unknown or may not sign in. */
  readonly users: { claims(userId: string): Promise<UserClaims | undefined> };
  /** Path of our sign-in page for an interaction. */
  readonly signInPath: (interactionUid: string) => string;
  /** A person signs out through a relying party: stores the event. Only then does the session end, so that when this throws it does not. */
  readonly onSignedOut: (session: SessionRecord) => Promise<void>;
}

export type AccessTokenCheck =
  | { readonly kind: 'valid'; readonly clientId: string; readonly organizationId: string }
  | { readonly kind: 'refused'; readonly code: 'invalid_token' | 'insufficient_scope' };

/** A sign-in that a relying party waits for. */
export interface RunningInteraction {
  readonly uid: string;
  readonly clientId: string;
  readonly appName: string;
  readonly organizationId: string;
  readonly redirectOrigin: string | undefined;
  readonly uiLocales: string | undefined;
}

/** JWT access tokens live this long: what a revocation cannot take back (P12, RFC 9068). In seconds. */
const ACCESS_TOKEN_TTL_S = 300;

/** In seconds. */
const ANONYMOUS_SESSION_TTL_S = 3_600;
const GRANT_TTL_S = 14 * 24 * 3_600;

/** The OpenID Provider for relying parties (oidc-provider), and the browser sessions that it keeps. */
export class OpenIdProvider {
  private constructor(
    private readonly options: OpenIdProviderOptions,
    private readonly provider: Provider,
    readonly sessions: SessionRows,
    private readonly verificationKeys: JSONWebKeySet,
  ) {}

  /** Brings the tables up to date, makes or loads the signing keys, and configures the provider. */
  static async create(options: OpenIdProviderOptions): Promise<OpenIdProvider> {
    const { pool, clock, issuer } = options;
    await migrate(pool, 'provider', openIdProviderMigrations);
    const keys = await loadSigningKeys(pool, options.masterKey, options.previousMasterKey);
    const sessions = new SessionRows(pool, clock);
    const provider = new Provider(issuer, configurationOf(options, sessions, keys));
    // pinToIssuer() has put the issuer's own host and scheme where oidc-provider looks for a proxy's.
    provider.proxy = true;
    provider.on('server_error', (ctx: KoaContextWithOIDC, error: Error) => {
      options.logger.error({ error: error.message, stack: error.stack, route: ctx.oidc?.route }, 'the OpenID Provider failed');
    });
    provider.use(async (ctx: KoaContextWithOIDC, next: () => Promise<void>) => {
      ctx.set(PROTOCOL_PAGE_HEADERS);
      await next();
      // Its own configuration can add to the document, not change it.
      if (ctx.oidc?.route === 'discovery') Object.assign(ctx.body as object, { response_modes_supported: RESPONSE_MODES });
    });
    const publicKeys = { keys: keys.map(({ d: _d, p: _p, q: _q, dp: _dp, dq: _dq, qi: _qi, ...rest }) => rest) } as JSONWebKeySet;
    return new OpenIdProvider(options, provider, sessions, publicKeys);
  }

  /** Handles the OpenID Provider's own routes: to be mounted before or after ours, for the paths in `PATHS`. */
  get handler(): (request: IncomingMessage, response: ServerResponse) => void {
    const callback = this.provider.callback();
    return (request, response) => {
      pinToIssuer(request, this.options.issuer);
      void callback(request, response);
    };
  }

  /** The paths that the OpenID Provider answers, at the issuer's root. */
  static readonly PATHS = ['/.well-known/openid-configuration', '/auth', '/token', '/jwks', '/me', '/session', '/request'] as const;

  /** The interaction that this browser is in, by its cookie; nothing when it expired, is unknown, or is another browser's. */
  async findInteraction(request: IncomingMessage, response: ServerResponse): Promise<RunningInteraction | undefined> {
    try {
      return await this.#describe(await this.provider.interactionDetails(request, response));
    } catch (error) {
      if (error instanceof errors.SessionNotFound) return undefined;
      throw error;
    }
  }

  /** An interaction by its id alone, for a caller that has bound it to this browser by other means (its cookie goes to the sign-in page only). */
  async interactionByUid(uid: string): Promise<RunningInteraction | undefined> {
    const interaction = await this.provider.Interaction.find(uid);
    return interaction && this.#describe(interaction);
  }

  /** Answers an interaction with an active session. @returns where to send the browser, or nothing when either is over */
  async finishInteraction(uid: string, sessionId: string): Promise<string | undefined> {
    const [interaction, login] = [await this.provider.Interaction.find(uid), await this.sessions.loginOf(sessionId)];
    if (!interaction || !login) return undefined;
    // The browser may have had another session when it came; resuming compares with the one it has now (lib/actions/authorization/resume.js).
    delete interaction.session;
    // Consent was given by the organization that registered the relying party; without it, `prompt=consent` and native apps would ask for ever.
    interaction.result = { login: { ...login, remember: true }, consent: {} };
    await interaction.save(interaction.exp - Math.floor(this.options.clock().getTime() / 1_000));
    return interaction.returnTo;
  }

  /** Answers an interaction with the person's refusal (RFC 6749, section 4.1.2.1). @returns where to send the browser, or nothing when it is over */
  async abandonInteraction(uid: string): Promise<string | undefined> {
    const interaction = await this.provider.Interaction.find(uid);
    if (!interaction) return undefined;
    interaction.result = { error: 'access_denied', error_description: 'the person went back to the app' };
    await interaction.save(interaction.exp - Math.floor(this.options.clock().getTime() / 1_000));
    return interaction.returnTo;
  }

  insertPending(session: NewSession): Promise<{ readonly sessionId: string }> {
    return this.sessions.insertPending(session);
  }

  activeSessions(userId: string): Promise<readonly ActiveSession[]> {
    return this.sessions.activeOf(userId);
  }

  end(where: SessionSelector, reason: string): Promise<readonly SessionRecord[]> {
    return this.sessions.end(where, reason);
  }

  /** Removes sessions, codes and tokens that have expired. */
  removeExpired(): Promise<number> {
    return removeExpired(this.options.pool, this.options.clock());
  }

  /**
   * Makes a pending session the browser's own: ends the one it had, and gives it a cookie with a fresh value, so that nothing of an old id
   * survives a sign-in (L22). @returns false when the session was ended meanwhile
   */
  async activate(sessionId: string, request: IncomingMessage, response: ServerResponse): Promise<boolean> {
    const before = await this.current(request, response);
    const jti = await this.sessions.activate(sessionId);
    if (jti === undefined) return false;
    if (before) await this.sessions.end({ sessionId: before.sessionId }, 'replaced');
    this.#setSessionCookie(jti, request, response);
    return true;
  }

  /** Gives the browser's session a fresh id, after a link or a re-authentication (L22). Does nothing for one that has ended. */
  async rotate(sessionId: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const jti = await this.sessions.rotate(sessionId);
    if (jti !== undefined) this.#setSessionCookie(jti, request, response);
  }

  /** The browser's active session. */
  async current(request: IncomingMessage, response: ServerResponse): Promise<SessionRecord | undefined> {
    const jti = this.#cookies(request, response).get(this.#cookieName, { signed: true });
    return jti ? this.sessions.findActive(jti) : undefined;
  }

  /** Checks an access token of ours for our own APIs (RFC 9068, section 4). */
  async verifyAccessToken(token: string, { scope }: { readonly scope: string }): Promise<AccessTokenCheck> {
    try {
      const { payload } = await jwtVerify(token, createLocalJWKSet(this.verificationKeys), {
        issuer: this.options.issuer,
        audience: apiAudience(this.options.issuer),
        typ: 'at+jwt',
        algorithms: ['RS256', 'ES256'],
        requiredClaims: ['exp', 'iat', 'client_id', 'sub'],
        currentDate: this.options.clock(),
      });
      const { client_id: clientId, organization, scope: granted, sub } = payload;
      // Our APIs serve clients that speak for themselves (RFC 9068, section 5): what an app may do for its user is not what it may do to all.
      if (typeof clientId !== 'string' || sub !== clientId || typeof organization !== 'string')
        return { kind: 'refused', code: 'invalid_token' };
      const scopes = typeof granted === 'string' ? granted.split(' ') : [];
      return scopes.includes(scope)
        ? { kind: 'valid', clientId, organizationId: organization }
        : { kind: 'refused', code: 'insufficient_scope' };
    } catch (error) {
      if (error instanceof joseErrors.JOSEError) return { kind: 'refused', code: 'invalid_token' };
      throw error;
    }
  }

  async #describe(interaction: Interaction): Promise<RunningInteraction | undefined> {
    const {
      client_id: clientId,
      redirect_uri: redirectUri,
      ui_locales: uiLocales,
    } = interaction.params as { client_id: string; redirect_uri?: string; ui_locales?: string };
    const relyingParty = await this.options.relyingParties.find(clientId);
    if (!relyingParty) return undefined;
    return {
      uid: interaction.uid,
      clientId,
      appName: relyingParty.displayName,
      organizationId: relyingParty.organizationId,
      redirectOrigin: redirectUri === undefined ? undefined : new URL(redirectUri).origin,
      uiLocales,
    };
  }

  #cookies(request: IncomingMessage, response: ServerResponse) {
    pinToIssuer(request, this.options.issuer);
    return this.provider.createContext(request, response).cookies;
  }

  #setSessionCookie(jti: string, request: IncomingMessage, response: ServerResponse): void {
    this.#cookies(request, response).set(this.#cookieName, jti, { ...this.#cookieOptions, maxAge: SESSION_TTL_S * 1_000 });
  }

  get #cookieName(): string {
    return sessionCookieName(this.options.issuer);
  }

  get #cookieOptions() {
    return { ...cookieOptions(this.options.issuer), signed: true, path: '/' };
  }
}

const isClientCredentials = (ctx: KoaContextWithOIDC): boolean => ctx.oidc.params?.grant_type === 'client_credentials';
const apiAudience = (issuer: string): string => `${issuer}/api`;
const sessionCookieName = (issuer: string): string => cookiePolicy(issuer).name('ligature_session');
/** These cookies are bound to a path, which `__Host-` forbids. */
const pathCookieName = (issuer: string, base: string): string => (cookiePolicy(issuer).secure ? `__Secure-${base}` : base);
const cookieOptions = (issuer: string) => ({
  httpOnly: true,
  sameSite: 'lax' as const,
  secure: cookiePolicy(issuer).secure,
  overwrite: true,
});

/** What oidc-provider renders itself: the pages that submit themselves, whose one script it adds by its hash (security.md, "Server"). */
const PROTOCOL_PAGE_HEADERS = {
  'content-security-policy': `default-src 'none'; script-src; frame-ancestors 'none'; base-uri 'none'`,
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
};

const configurationOf = (options: OpenIdProviderOptions, sessions: SessionRows, keys: readonly object[]): Configuration => {
  const { issuer, pool, clock, relyingParties, users, newId, logger } = options;
  const now = (): number => Math.floor(clock().getTime() / 1_000);
  const signOut = async (jti: string): Promise<void> => {
    const session = await sessions.findActive(jti);
    if (!session) return;
    await options.onSignedOut(session);
    await sessions.end({ sessionId: session.sessionId }, 'signed_out');
  };
  const adapterFor = (model: string) => {
    if (model === 'Session') return sessionAdapter(pool, clock, signOut);
    const adapter = new PostgresAdapter(pool, clock, model);
    if (model === 'Client') {
      adapter.find = async (id) => {
        const settings = clientIdSchema.safeParse(id).success ? await lookUp(() => relyingParties.find(id)) : undefined;
        return settings && clientMetadata(settings);
      };
    }
    return adapter;
  };
  return {
    adapter: adapterFor,
    jwks: { keys: [...keys] },
    // P2, P11: code flow with PKCE (S256 is the only method that oidc-provider 9 knows) for every client.
    responseTypes: ['code'],
    pkce: { required: () => true },
    allowOmittingSingleRegisteredRedirectUri: false,
    clientAuthMethods: ['client_secret_basic', 'client_secret_post', 'private_key_jwt', 'none'],
    extraClientMetadata: { properties: EXTRA_METADATA },
    scopes: [...OPENID_SCOPES],
    claims: {
      openid: ['sub', 'auth_time', 'acr', 'amr'],
      profile: ['name', 'given_name', 'family_name'],
      email: ['email', 'email_verified'],
    },
    conformIdTokenClaims: false,
    rotateRefreshToken: true,
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
      IdToken: 3_600,
      Interaction: ANONYMOUS_SESSION_TTL_S,
      // A session's time runs from its sign-in, however often it is used; a stranger's is kept for as long as an interaction.
      Session: (_ctx, session) =>
        session.accountId ? Math.max(1, (session.loginTs ?? 0) + SESSION_TTL_S - now()) : ANONYMOUS_SESSION_TTL_S,
      Grant: GRANT_TTL_S,
      RefreshToken: GRANT_TTL_S,
    },
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      // RFC 7662, section 4: a client learns of its own tokens only.
      introspection: { enabled: true, allowedPolicy: (_ctx, client, token) => token.clientId === client.clientId },
      revocation: { enabled: true, allowedPolicy: (_ctx, client, token) => token.clientId === client.clientId },
      rpInitiatedLogout: {
        enabled: true,
        logoutSource: (ctx, form) => {
          ctx.body = signOutPage(ctx, form);
        },
        postLogoutSuccessSource: (ctx) => {
          ctx.body = signedOutPage(ctx);
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
        getResourceServerInfo: (ctx, resource, client) => {
          if (resource !== apiAudience(issuer) || !isClientCredentials(ctx)) throw new errors.InvalidTarget();
          return {
            scope: String(client.apiScopes ?? ''),
            audience: resource,
            accessTokenFormat: 'jwt',
            accessTokenTTL: ACCESS_TOKEN_TTL_S,
            jwt: { sign: { alg: 'RS256' } },
          };
        },
        useGrantedResource: () => true,
      },
    },
    extraTokenClaims: async (_ctx, token) => {
      const { clientId } = token;
      const settings = clientId === undefined ? undefined : await lookUp(() => relyingParties.find(clientId));
      return settings ? { organization: settings.organizationId } : {};
    },
    interactions: { policy: interactionPolicyOf(sessions), url: (_ctx, interaction) => options.signInPath(interaction.uid) },
    findAccount: async (_ctx, userId) => {
      const claims = await lookUp(() => users.claims(userId));
      if (!claims) return undefined;
      return {
        accountId: userId,
        claims: () => ({
          sub: userId,
          name: claims.name,
          given_name: claims.givenName,
          family_name: claims.familyName,
          email: claims.email,
          email_verified: claims.email === undefined ? undefined : claims.emailVerified === true,
        }),
      };
    },
    // Relying parties belong to the organization: what they are registered for is granted without a page of its own.
    loadExistingGrant: async (ctx) => {
      const { client, session, provider } = ctx.oidc;
      if (!client || !session?.accountId || !(await sessions.admits(session.uid, client.organizationId))) return undefined;
      const grantId = session.grantIdFor(client.clientId);
      const existing = grantId ? await provider.Grant.find(grantId) : undefined;
      const grant = existing ?? new provider.Grant({ accountId: session.accountId, clientId: client.clientId });
      const before = grant.getOIDCScope();
      grant.addOIDCScope(client.scope ?? 'openid');
      if (!existing || grant.getOIDCScope() !== before) await grant.save();
      return grant;
    },
    renderError: (ctx, out, error) => {
      const correlationId = newId();
      const unexpected = !(error instanceof errors.OIDCProviderError);
      logger[unexpected ? 'error' : 'info'](
        { correlationId, error: error.message, errorCode: out.error },
        'the OpenID Provider refused a request',
      );
      // P7: a bad request to sign out is not obeyed; the person may still want to.
      const next = ctx.oidc.route === 'end_session' ? { href: '/session/end', label: OPENID_TEXTS.signOutHere } : undefined;
      ctx.body = errorPage(ctx, { code: out.error, correlationId, next });
    },
  };
};
