import type { IncomingMessage, ServerResponse } from 'node:http';
import { createLocalJWKSet, jwtVerify, errors as joseErrors } from 'jose';
import type { JSONWebKeySet, JWK } from 'jose';
import { errors, Provider } from 'oidc-provider';
import type { Interaction, InteractionResults } from 'oidc-provider';
import { migrate } from '#libs/platform/postgres/migrations.js';
import { OPENID_SCOPES } from '#libs/relying-parties/settings.js';
import type { RelyingPartySettings } from '#libs/relying-parties/settings.js';
import type { AccessTokenCheck } from '#libs/web/access/access-tokens.js';
import { removeExpired } from './adapter.postgres.js';
import { configureApplication } from './application.js';
import { askedOf } from './asked-authentication.js';
import type { AskedAuthentication } from './asked-authentication.js';
import { loginResult } from './auth-time.js';
import { appsWithAccess } from './apps-with-access.postgres.js';
import type { AppWithAccess } from './apps-with-access.postgres.js';
import { BackchannelLogout } from './backchannel-logout.js';
import { ClientLimits } from './client-limits.js';
import { Consents } from './consents.postgres.js';
import type { Consent } from './consents.postgres.js';
import { cookieOptions, sessionCookieName } from './cookies.js';
import { Grants } from './grants.postgres.js';
import { openIdProviderMigrations } from './migrations.js';
import type { OpenIdProviderOptions } from './open-id-provider-options.js';
import { PageBranding } from './page-branding.js';
import { pathOnly, pinToIssuer } from './pinned-endpoints.js';
import { apiAudience, configurationOf } from './provider-configuration.js';
import { SESSION_TTL_S, SessionRows } from './sessions.postgres.js';
import type {
  ActiveSession,
  NewSession,
  SessionAuthentication,
  SessionRecord,
  SessionSelector,
} from './sessions.postgres.js';
import { scheduleOf } from './signing-key-schedule.js';
import { forgetSigningKeys, loadSigningKeys, rotateWhenAsked } from './signing-keys.postgres.js';

/** What a relying party waits for: a sign-in, or the person's consent. */
export interface RunningInteraction {
  readonly uid: string;
  readonly clientId: string;
  readonly appName: string;
  readonly organizationId: string;
  readonly redirectOrigin: string | undefined;
  /** Languages that the app asked for, by preference (OpenID Connect Core 3.1.2.1). */
  readonly uiLocales: string | undefined;
  /** The identity provider that the app wants the person to be sent to; its word only. */
  readonly idpHint: string | undefined;
  /** Whom the app expects (OpenID Connect Core 3.1.2.1); its word only. */
  readonly loginHint: string | undefined;
  readonly waitsFor: 'login' | 'consent';
  /** What the app asks for. */
  readonly asksFor: Consent;
  /** The user whose session it was in when it began. */
  readonly userId: string | undefined;
  /** What the app asks of the authentication (OpenID Connect Core 3.1.2.1 and 5.5.1). */
  readonly asked: AskedAuthentication;
  readonly begunAt: Date;
}

/** How oidc-provider stands with a set of keys. */
interface Generation {
  readonly provider: Provider;
  readonly handler: (request: IncomingMessage, response: ServerResponse) => Promise<void>;
  readonly logouts: BackchannelLogout;
  readonly publicKeys: JSONWebKeySet;
  /** Which keys it has, and for what. */
  readonly keys: string;
}

/** The OpenID Provider for relying parties (oidc-provider), and the browser sessions that it keeps. */
export class OpenIdProvider {
  readonly sessions: SessionRows;
  readonly #grants: Grants;
  readonly #consents: Consents;
  readonly #limits: ClientLimits;
  readonly #issuer: URL;
  readonly #branding: PageBranding;
  #generation!: Generation;

  private constructor(private readonly options: OpenIdProviderOptions) {
    const { pool, clock, logger, onGrantRevoked, throttles } = options;
    this.sessions = new SessionRows(pool, clock);
    this.#grants = new Grants(pool, clock, logger, onGrantRevoked);
    this.#consents = new Consents(pool, clock);
    this.#limits = new ClientLimits(throttles, clock, options.addressLimits);
    this.#issuer = new URL(options.issuer);
    this.#branding = new PageBranding(options, this.sessions);
  }

  /** Brings the tables up to date, makes or loads the signing keys, and configures the provider. */
  static async create(options: OpenIdProviderOptions): Promise<OpenIdProvider> {
    await migrate(options.pool, 'provider', openIdProviderMigrations);
    const created = new OpenIdProvider(options);
    await created.#useKeys();
    return created;
  }

  /** Handles the requests that the OpenID Provider {@link answers}. */
  readonly handler = (request: IncomingMessage, response: ServerResponse): void => {
    pinToIssuer(request, this.#issuer);
    void this.#generation.handler(request, response);
  };

  /**
   * What happens in the background all the time, once: apps are told of logouts, and events that are owed are stored.
   */
  async work(): Promise<void> {
    await this.#generation.logouts.deliverDue();
    await this.#grants.finishRevocations();
  }

  /** Waits for the apps that are being told of a logout: before the database goes. */
  settled(): Promise<void> {
    return this.#generation.logouts.settled();
  }

  /**
   * Signing keys take their turn, and a rotation that was asked for is begun. To be done far more often than the time
   * for which a key is published before it signs.
   */
  async turnKeys(): Promise<void> {
    const { pool, masterKey, clock } = this.options;
    await rotateWhenAsked(pool, masterKey, clock());
    await this.#useKeys();
  }

  /** oidc-provider cannot change its keys, so another one takes over; requests under way end with the one before. */
  async #useKeys(): Promise<void> {
    const { options, sessions } = this;
    const { pool, masterKey, previousMasterKey, clock, issuer } = options;
    const now = clock();
    const schedule = scheduleOf(await loadSigningKeys(pool, masterKey, now, previousMasterKey), now);
    await forgetSigningKeys(
      pool,
      schedule.over.map(({ kid }) => kid),
    );
    const { signing, published, hintsOnly } = schedule;
    const keys = [...new Set([...signing, ...published, ...hintsOnly])];
    const isPublished = new Set(published.map(({ kid }) => kid));
    const which = JSON.stringify([keys, signing, published].map((list) => list.map(({ kid }) => kid)));
    if (this.#generation?.keys === which) return;
    const parts = {
      options,
      sessions,
      grants: this.#grants,
      consents: this.#consents,
      limits: this.#limits,
      branding: this.#branding,
    };
    const provider = new Provider(
      issuer,
      configurationOf(
        parts,
        keys.map(({ jwk }) => jwk),
      ),
    );
    configureApplication(provider, parts, isPublished);
    const callback = provider.callback();
    this.#generation = {
      provider,
      handler: callback,
      logouts: new BackchannelLogout(provider, options),
      publicKeys: { keys: published.map(({ jwk }) => publicPart(jwk)) } as JSONWebKeySet,
      keys: which,
    };
  }

  /** Whether a request is the OpenID Provider's to answer, at the issuer's root. */
  static answers({ url }: IncomingMessage): boolean {
    const [path = ''] = pathOnly(url).split('?', 1);
    return OpenIdProvider.#PATHS.some((own) => path === own || path.startsWith(`${own}/`));
  }

  static readonly #PATHS = [
    '/.well-known/openid-configuration',
    '/.well-known/oauth-authorization-server',
    '/auth',
    '/token',
    '/jwks',
    '/me',
    '/session',
    '/request',
    '/device',
  ] as const;

  /**
   * The interaction that this browser is in, by its cookie; nothing when it expired, is unknown, or is another
   * browser's.
   */
  async findInteraction(request: IncomingMessage, response: ServerResponse): Promise<RunningInteraction | undefined> {
    try {
      return await this.#describe(await this.#generation.provider.interactionDetails(request, response));
    } catch (error) {
      if (error instanceof errors.SessionNotFound) return undefined;
      throw error;
    }
  }

  /**
   * An interaction by its id alone, for a caller that has bound it to this browser by other means (its cookie goes to
   * the sign-in page only).
   */
  async interactionByUid(uid: string): Promise<RunningInteraction | undefined> {
    const interaction = await this.#generation.provider.Interaction.find(uid);
    return interaction && this.#describe(interaction);
  }

  /**
   * Answers an interaction with an active session.
   * @returns where to send the browser, or nothing when either is over
   */
  async finishInteraction(uid: string, sessionId: string): Promise<string | undefined> {
    const [interaction, login] = [
      await this.#generation.provider.Interaction.find(uid),
      await this.sessions.loginOf(sessionId),
    ];
    const relyingParty = interaction && (await this.#relyingPartyOf(interaction));
    if (!interaction || !login || !relyingParty) return undefined;
    // The browser may have had another session when it came; resuming compares with the one it has now
    // (lib/actions/authorization/resume.js).
    delete interaction.session;
    // Where the organization agreed for its people they are not asked once more; without the answer native apps would
    // ask for ever.
    const agreed = relyingParty.consent === 'by_organization' && !promptsOf(interaction).includes('consent');
    return this.#answer(interaction, { login: loginResult(login), ...(agreed ? { consent: {} } : {}) });
  }

  /**
   * The person agreed to what the app asks for; the event is stored.
   * @returns where to send the browser, or nothing when the interaction is over
   */
  async giveConsent(uid: string, userId: string): Promise<string | undefined> {
    const interaction = await this.#generation.provider.Interaction.find(uid);
    const running = interaction && (await this.#describe(interaction));
    if (!interaction || !running) return undefined;
    await this.#consents.add(userId, running.clientId, running.asksFor);
    return this.#answer(interaction, { consent: {} });
  }

  /**
   * Answers an interaction with the person's refusal (RFC 6749, section 4.1.2.1), or with that the authentication which
   * the app asked for cannot be proven (OpenID Connect Core 3.1.2.6).
   * @returns where to send the browser, or nothing when it is over
   */
  async abandonInteraction(uid: string, error: keyof typeof ABANDONED = 'access_denied'): Promise<string | undefined> {
    const interaction = await this.#generation.provider.Interaction.find(uid);
    return interaction && this.#answer(interaction, { error, error_description: ABANDONED[error] });
  }

  async #answer(interaction: Interaction, result: InteractionResults): Promise<string> {
    interaction.result = { ...interaction.lastSubmission, ...result };
    await interaction.save(interaction.exp - Math.floor(this.options.clock().getTime() / 1_000));
    return interaction.returnTo;
  }

  /** The apps that can do something for a person, for the page on which they take it away. */
  appsWithAccess(userId: string): Promise<readonly AppWithAccess[]> {
    return appsWithAccess(this.options.pool, this.options.clock, userId);
  }

  /** Takes an app's access to a person's account away; the event is stored. */
  async revokeAppAccess(userId: string, clientId: string): Promise<void> {
    await this.#consents.remove(userId, clientId);
    await this.#grants.revoke({ userId, clientId }, 'consent_revoked');
  }

  insertPending(session: NewSession): Promise<{ readonly sessionId: string }> {
    return this.sessions.insertPending(session);
  }

  prepareRenewal(sessionId: string, claimId: string | undefined): Promise<boolean> {
    return this.sessions.prepareRenewal(sessionId, claimId);
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
   * Makes a pending session the browser's own: ends the one it had, which is somebody else's (their own is renewed),
   * and gives it a cookie with a fresh value, so that nothing of an old id survives a sign-in (L22).
   * @returns false when the session was ended meanwhile
   */
  async activate(sessionId: string, request: IncomingMessage, response: ServerResponse): Promise<boolean> {
    const before = await this.current(request, response);
    const jti = await this.sessions.activate(sessionId);
    if (jti === undefined) return false;
    if (before) await this.sessions.end({ sessionId: before.sessionId }, 'replaced');
    this.#setSessionCookie(jti, request, response);
    return true;
  }

  /**
   * The browser's session is of another authentication of the same person from now on; what apps got in it stays.
   * @returns false when it was ended meanwhile
   */
  async renew(
    sessionId: string,
    by: SessionAuthentication,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<boolean> {
    const jti = await this.sessions.renew(sessionId, by);
    if (jti === undefined) return false;
    this.#setSessionCookie(jti, request, response);
    return true;
  }

  /**
   * Gives the browser's session a fresh id, after a link or a re-authentication (L22). Does nothing for one that has
   * ended.
   */
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
      const { payload } = await jwtVerify(token, createLocalJWKSet(this.#generation.publicKeys), {
        issuer: this.options.issuer,
        audience: apiAudience(this.options.issuer),
        typ: 'at+jwt',
        algorithms: ['RS256', 'ES256'],
        requiredClaims: ['exp', 'iat', 'client_id', 'sub'],
        currentDate: this.options.clock(),
      });
      const { client_id: clientId, organization, scope: granted, sub } = payload;
      // Our APIs serve clients that speak for themselves (RFC 9068, section 5): what an app may do for its user is not
      // what it may do to all.
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

  async #relyingPartyOf(interaction: Interaction): Promise<RelyingPartySettings | undefined> {
    return this.options.relyingParties.find(String(interaction.params.client_id));
  }

  async #describe(interaction: Interaction): Promise<RunningInteraction | undefined> {
    const relyingParty = await this.#relyingPartyOf(interaction);
    if (!relyingParty) return undefined;
    const { redirect_uri, organization, idp, login_hint, ui_locales, scope, resource } = interaction.params;
    const scopes = text(scope)?.split(' ') ?? [];
    const resources = relyingParty.resources
      .filter((known) => [resource].flat().includes(known.resource))
      .map((known) => [known.resource, known.scopes.filter((each) => scopes.includes(each))] as const);
    return {
      uid: interaction.uid,
      clientId: relyingParty.clientId,
      appName: relyingParty.displayName,
      organizationId: text(organization) ?? relyingParty.organizationId,
      redirectOrigin: text(redirect_uri) === undefined ? undefined : new URL(String(redirect_uri)).origin,
      uiLocales: text(ui_locales),
      idpHint: text(idp),
      loginHint: text(login_hint)?.slice(0, 320),
      waitsFor: interaction.prompt.name === 'consent' ? 'consent' : 'login',
      asksFor: {
        scopes: scopes.filter((each) => (OPENID_SCOPES as readonly string[]).includes(each)),
        resources: Object.fromEntries(resources),
      },
      userId: interaction.session?.accountId,
      asked: askedOf(interaction.params, relyingParty),
      begunAt: new Date(interaction.iat * 1_000),
    };
  }

  #cookies(request: IncomingMessage, response: ServerResponse) {
    pinToIssuer(request, this.#issuer);
    return this.#generation.provider.createContext(request, response).cookies;
  }

  #setSessionCookie(jti: string, request: IncomingMessage, response: ServerResponse): void {
    this.#cookies(request, response).set(this.#cookieName, jti, {
      ...this.#cookieOptions,
      maxAge: SESSION_TTL_S * 1_000,
    });
  }

  get #cookieName(): string {
    return sessionCookieName(this.options.issuer);
  }

  get #cookieOptions() {
    return { ...cookieOptions(this.options.issuer), signed: true, path: '/' };
  }
}

const ABANDONED = {
  access_denied: 'the person went back to the app',
  login_required: 'the requested authentication could not be proven',
} as const;

const text = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined);
const promptsOf = ({ params }: Interaction): readonly string[] => text(params.prompt)?.split(' ') ?? [];
const publicPart = ({ d: _d, p: _p, q: _q, dp: _dp, dq: _dq, qi: _qi, ...rest }: JWK): JWK => rest;
