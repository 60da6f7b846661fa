import { createHash } from 'node:crypto';
import type { VerifiedAssertion } from '../verified-assertion.js';
import type { Clock } from '#libs/platform/clock.js';
import { clientAuthentication } from './client-authentication.js';
import type { Discovery, DiscoveredProvider } from './discovery.js';
import { flowByState } from '../flow-by-state.js';
import type { Flow, Flows } from '../flows.postgres.js';
import { freshSecret } from '../flows.postgres.js';
import { askProvider } from '../ask-provider.js';
import { authorizationCode } from '../authorization-code.js';
import { HttpExchangeError } from '#libs/platform/guarded-http.js';
import type { HttpPolicy } from '#libs/platform/guarded-http.js';
import { isOfFlow, NOTHING_ASKED, oidcReauthentication, provesReauthentication } from '../reauthentication.js';
import type { AskedOfProvider } from '../reauthentication.js';
import { verifyIdToken } from './id-token.js';
import type { VerifiedIdToken } from './id-token.js';
import { mappedClaims } from '../mapped-claims.js';
import { runStrategy } from './passport-strategy.js';
import type { StrategySurroundings } from './passport-strategy.js';
import type { OidcProviderSettings } from './settings.js';
import { subjectOf } from './subject.js';
import { UpstreamError } from '../upstream-error.js';
import { refusing } from '../upstream-protocol.js';
import type {
  BeginRequest,
  BegunSignIn,
  CompletedSignIn,
  CompleteRequest,
  UpstreamProtocol,
  UpstreamRefusal,
} from '../upstream-protocol.js';

/** What an id_token and a token request of a flow must fit to. */
export interface OpenIdFlowSecrets {
  readonly nonce: string;
  readonly codeVerifier: string;
  /** What was asked for by `acr_values`. */
  readonly acrValues?: readonly string[];
}
type OpenIdFlow = Flow<OpenIdFlowSecrets>;

export interface UpstreamOpenIdOptions {
  readonly flows: Flows<OpenIdFlowSecrets>;
  readonly discovery: Discovery;
  readonly policy: HttpPolicy;
  readonly clock: Clock;
}

/** A `max_age` that any sign-in meets, in seconds: who is asked has to return `auth_time` (OpenID Connect Core 2). */
const ANY_AGE_S = 365 * 24 * 3_600;

/** Sign-in at external OpenID Providers: authorization code flow with PKCE, state and nonce (security rows O1–O10). */
export class UpstreamOpenId<Intent> implements UpstreamProtocol<OidcProviderSettings, Intent> {
  constructor(private readonly options: UpstreamOpenIdOptions) {}

  begin(request: BeginRequest<OidcProviderSettings, Intent>): Promise<BegunSignIn | UpstreamRefusal> {
    return refusing(async () => {
      const { settings, browserId, callbackUrl, intent, reauthenticate = false, asked = NOTHING_ASKED } = request;
      if (reauthenticate && !provesReauthentication(settings))
        throw new UpstreamError(
          'reauthentication_not_proven',
          'authorization_request',
          'by its settings the provider cannot prove it',
        );
      const { metadata } = await this.#discover(settings);
      const acrValues = acrValuesFor(settings, metadata, asked);
      const [state, nonce, codeVerifier] = [freshSecret(), freshSecret(), freshSecret()];
      const outcome = await runStrategy(
        {
          ...surroundingsOf(settings, metadata, callbackUrl),
          state,
          nonce,
          authorizationParameters: {
            nonce,
            code_challenge: createHash('sha256').update(codeVerifier).digest('base64url'),
            code_challenge_method: 'S256',
            ...(settings.responseMode === 'query' ? {} : { response_mode: settings.responseMode }),
            ...freshnessParameters(settings, { ...asked, anew: asked.anew || reauthenticate }),
            ...(acrValues.length === 0 ? {} : { acr_values: acrValues.join(' ') }),
          },
          exchangeCode: () => Promise.reject(new Error('there is no code yet')),
        },
        {},
      );
      if (outcome.kind !== 'redirect')
        throw new UpstreamError('provider_unreachable', 'discovery', 'no authorization request could be made');
      await this.options.flows.insert(state, browserId, {
        providerId: settings.id,
        issuer: settings.issuer,
        kept: { nonce, codeVerifier, acrValues },
        reauthenticate,
        intent,
      });
      return { kind: 'redirect', redirectTo: outcome.location };
    });
  }

  async complete(
    request: CompleteRequest<OidcProviderSettings>,
  ): Promise<CompletedSignIn<Intent> | UpstreamRefusal<Intent>> {
    const taken = await refusing(() => flowByState(this.options.flows, request));
    if ('kind' in taken) return taken;
    const completed = await this.#completeFlow(request, taken);
    return completed.kind === 'verified' ? completed : { ...completed, intent: taken.intent as Intent };
  }

  #completeFlow(
    request: CompleteRequest<OidcProviderSettings>,
    flow: OpenIdFlow,
  ): Promise<CompletedSignIn<Intent> | UpstreamRefusal> {
    return refusing(async () => {
      const { settings, parameters, callbackUrl } = request;
      const provider = await this.#discover(settings);
      const code = authorizationCode(
        parameters,
        settings.issuer,
        provider.metadata.authorization_response_iss_parameter_supported,
      );
      let verified: VerifiedIdToken | undefined;
      let accessToken: unknown;
      const outcome = await runStrategy(
        {
          ...surroundingsOf(settings, provider.metadata, callbackUrl),
          state: 'bound by its row',
          nonce: flow.kept.nonce,
          authorizationParameters: {},
          exchangeCode: async (presented) => {
            const answer = await this.#exchangeCode(presented, flow, settings, provider, callbackUrl);
            verified = await verifyIdToken(answer.id_token, {
              settings,
              keys: provider.keys,
              nonce: flow.kept.nonce,
              clock: this.options.clock,
            });
            accessToken = answer.access_token;
            return { idToken: answer.id_token as string };
          },
        },
        { code, state: 'bound by its row' },
      );
      if (outcome.kind !== 'success' || !verified || outcome.subject !== verified.subject) {
        throw new UpstreamError(
          'id_token_claims_invalid',
          'id_token',
          outcome.kind === 'fail' ? outcome.reason : 'the library read another subject',
        );
      }
      if (flow.reauthenticate && !isOfFlow(authTimeOf(settings, verified), flow.begunAt))
        throw new UpstreamError(
          'reauthentication_not_proven',
          'id_token',
          'auth_time is missing or older than the flow',
        );
      const userInfo = settings.userInfo ? await this.#userInfo(accessToken, verified, provider) : {};
      return {
        kind: 'verified',
        assertion: assertionOf(settings, verified, userInfo, flow.kept.acrValues),
        intent: flow.intent as Intent,
        reauthenticated: flow.reauthenticate,
      };
    });
  }

  async #discover(settings: OidcProviderSettings): Promise<DiscoveredProvider> {
    try {
      return await this.options.discovery.find(settings.issuer);
    } catch (error) {
      if (error instanceof HttpExchangeError)
        throw new UpstreamError('provider_unreachable', 'discovery', error.message);
      throw error;
    }
  }

  async #exchangeCode(
    code: string,
    flow: OpenIdFlow,
    settings: OidcProviderSettings,
    { metadata }: DiscoveredProvider,
    callbackUrl: string,
  ): Promise<Record<string, unknown>> {
    const parameters = new URLSearchParams({
      grant_type: 'authorization_code',
      code,
      redirect_uri: callbackUrl,
      code_verifier: flow.kept.codeVerifier,
    });
    const authentication = await clientAuthentication(settings, metadata, this.options.clock);
    for (const [name, value] of Object.entries(authentication.parameters)) parameters.set(name, value);
    const headers = { 'content-type': 'application/x-www-form-urlencoded', ...authentication.headers };
    const init = { method: 'POST', headers, body: parameters.toString() } as const;
    return askProvider(this.options.policy, 'token_exchange', metadata.token_endpoint, init);
  }

  /** UserInfo, believed only for the subject of the id_token (OIDC Core 5.3.2; security row O6). */
  async #userInfo(
    accessToken: unknown,
    { subject }: VerifiedIdToken,
    { metadata }: DiscoveredProvider,
  ): Promise<Record<string, unknown>> {
    if (metadata.userinfo_endpoint === undefined || typeof accessToken !== 'string') {
      throw new UpstreamError('userinfo_unavailable', 'userinfo', 'no UserInfo endpoint or no access token');
    }
    const bearer = { headers: { authorization: `Bearer ${accessToken}` } };
    const claims = await askProvider(this.options.policy, 'userinfo', metadata.userinfo_endpoint, bearer);
    if (claims.sub !== subject)
      throw new UpstreamError('userinfo_subject_mismatch', 'userinfo', 'sub differs from the id_token’s');
    return claims;
  }
}

const surroundingsOf = (
  settings: OidcProviderSettings,
  metadata: DiscoveredProvider['metadata'],
  callbackUrl: string,
): Pick<
  StrategySurroundings,
  'issuer' | 'authorizationEndpoint' | 'tokenEndpoint' | 'clientId' | 'callbackUrl' | 'scopes'
> => ({
  issuer: settings.issuer,
  authorizationEndpoint: metadata.authorization_endpoint,
  tokenEndpoint: metadata.token_endpoint,
  clientId: settings.clientId,
  callbackUrl,
  scopes: settings.scopes,
});

/**
 * `prompt` and `max_age`, of what the provider honours. One that does not know `max_age` authenticates the person now
 * instead: what it last did nobody could rely on.
 */
const freshnessParameters = (
  settings: OidcProviderSettings,
  { anew, maxAgeS, authTime }: AskedOfProvider,
): Readonly<Record<string, string>> => {
  const { prompt, maxAge } = oidcReauthentication(settings);
  const age = anew ? 0 : (maxAgeS ?? (authTime ? ANY_AGE_S : undefined));
  return {
    ...(prompt && (anew || (age !== undefined && !maxAge)) ? { prompt: 'login' } : {}),
    ...(maxAge && age !== undefined ? { max_age: String(age) } : {}),
  };
};

/** Of the classes that are asked for, those that the provider says it knows: others may be an error there. */
const acrValuesFor = (
  settings: OidcProviderSettings,
  { acr_values_supported: known }: DiscoveredProvider['metadata'],
  { acrValues }: AskedOfProvider,
): readonly string[] =>
  oidcReauthentication(settings).acrValues ? acrValues.filter((value) => known.includes(value)) : [];

/** Nothing of a provider whose word for it is not believed. */
const authTimeOf = (settings: OidcProviderSettings, { authTime }: VerifiedIdToken): Date | undefined =>
  oidcReauthentication(settings).authTime ? authTime : undefined;

/**
 * Claims by the provider's allow-list, the id_token's before UserInfo's; `email_verified` is true only when it is
 * exactly that (L5), and speaks of the address that stands beside it, never of one from elsewhere.
 */
const assertionOf = (
  settings: OidcProviderSettings,
  token: VerifiedIdToken,
  userInfo: Readonly<Record<string, unknown>>,
  requestedAcrValues: readonly string[] = [],
): VerifiedAssertion => {
  const authTime = authTimeOf(settings, token);
  const { emailVerified, ...mapping } = settings.claimMapping;
  const claims = { ...userInfo, ...token.payload };
  const besideEmail = Object.hasOwn(token.payload, mapping.email) ? token.payload : userInfo;
  return {
    providerId: settings.id,
    ...subjectOf(settings, token.subject, token.payload),
    issuer: settings.issuer,
    claims: { ...mappedClaims(mapping, claims), emailVerified: besideEmail[emailVerified] === true },
    ...(authTime ? { authTime } : {}),
    ...(token.acr === undefined ? {} : { acr: token.acr }),
    ...(requestedAcrValues.length === 0 ? {} : { requestedAcrValues }),
    atProvider: { providerId: settings.id, issuer: settings.issuer, subject: token.subject, session: token.session },
    amr: token.amr,
    assertionId: token.id,
  };
};
