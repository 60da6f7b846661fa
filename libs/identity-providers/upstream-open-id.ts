import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { VerifiedAssertion } from '#libs/linking/verified-assertion.js';
import type { Clock } from '#libs/platform/clock.js';
import type { Discovery, DiscoveredProvider } from './discovery.js';
import type { Flow, Flows } from './flows.postgres.js';
import { freshSecret } from './flows.postgres.js';
import { exchange, HttpExchangeError, jsonObject } from './http.js';
import type { HttpPolicy } from './http.js';
import { verifyIdToken } from './id-token.js';
import type { VerifiedIdToken } from './id-token.js';
import { runStrategy } from './passport-strategy.js';
import type { StrategySurroundings } from './passport-strategy.js';
import type { OidcProviderSettings } from './settings.js';
import { UpstreamError } from './upstream-error.js';
import type { UpstreamStep } from './upstream-error.js';

export interface UpstreamRefusal<Intent = never> {
  readonly kind: 'refused';
  /** What the flow was begun for, once the response has named a flow of this browser: where the person may go on. */
  readonly intent?: Intent;
  readonly code: string;
  readonly step: UpstreamStep;
  /** For the log only. */
  readonly detail: string;
}

export interface UpstreamOpenIdOptions {
  readonly flows: Flows;
  readonly discovery: Discovery;
  readonly policy: HttpPolicy;
  readonly clock: Clock;
}

export interface BeginRequest<Intent> {
  readonly settings: OidcProviderSettings;
  readonly intent: Intent;
  readonly browserId: string;
  readonly callbackUrl: string;
  /** Have the person authenticate again, and have it proven by `auth_time` (OIDC Core 3.1.2.1). */
  readonly reauthenticate?: boolean;
}

export interface CompleteRequest {
  readonly settings: OidcProviderSettings;
  readonly query: Readonly<Record<string, unknown>>;
  readonly browserId: string;
  readonly callbackUrl: string;
}

export interface CompletedSignIn<Intent> {
  readonly kind: 'verified';
  readonly assertion: VerifiedAssertion;
  /** From the one-shot row, never from the response. */
  readonly intent: Intent;
  readonly reauthenticated: boolean;
}

const AUTH_TIME_SKEW_MS = 60_000;

/** Sign-in at external OpenID Providers: authorization code flow with PKCE, state and nonce (security rows O1–O10). */
export class UpstreamOpenId<Intent> {
  constructor(private readonly options: UpstreamOpenIdOptions) {}

  /** Begins a flow: stores its one-shot row, and says where to send the browser. */
  begin(request: BeginRequest<Intent>): Promise<{ readonly kind: 'redirect'; readonly redirectTo: string } | UpstreamRefusal> {
    return refusing(async () => {
      const { settings, browserId, callbackUrl, intent, reauthenticate = false } = request;
      const { metadata } = await this.#discover(settings);
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
            ...(reauthenticate ? { prompt: 'login', max_age: '0' } : {}),
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
        nonce,
        codeVerifier,
        reauthenticate,
        intent,
      });
      return { kind: 'redirect', redirectTo: outcome.location };
    });
  }

  /** Checks a response to the end. Whatever comes in: an answer of this type, never a throw for what a stranger sent. */
  async complete(request: CompleteRequest): Promise<CompletedSignIn<Intent> | UpstreamRefusal<Intent>> {
    const taken = await refusing(() => this.#takeFlow(request));
    if ('kind' in taken) return taken;
    const completed = await this.#completeFlow(request, taken);
    return completed.kind === 'verified' ? completed : { ...completed, intent: taken.intent as Intent };
  }

  #completeFlow(request: CompleteRequest, flow: Flow): Promise<CompletedSignIn<Intent> | UpstreamRefusal> {
    return refusing(async () => {
      const { settings, query, callbackUrl } = request;
      const provider = await this.#discover(settings);
      const code = authorizationCode(query, settings, provider);
      let verified: VerifiedIdToken | undefined;
      let accessToken: unknown;
      const outcome = await runStrategy(
        {
          ...surroundingsOf(settings, provider.metadata, callbackUrl),
          state: 'bound by its row',
          nonce: flow.nonce,
          authorizationParameters: {},
          exchangeCode: async (presented) => {
            const answer = await this.#exchangeCode(presented, flow, settings, provider, callbackUrl);
            verified = await verifyIdToken(answer.id_token, {
              settings,
              keys: provider.keys,
              nonce: flow.nonce,
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
      if (flow.reauthenticate) checkReauthentication(verified, flow);
      const userInfo = settings.userInfo ? await this.#userInfo(accessToken, verified, provider) : {};
      return {
        kind: 'verified',
        assertion: assertionOf(settings, verified, { ...userInfo, ...verified.payload }),
        intent: flow.intent as Intent,
        reauthenticated: flow.reauthenticate,
      };
    });
  }

  async #discover(settings: OidcProviderSettings): Promise<DiscoveredProvider> {
    try {
      return await this.options.discovery.find(settings.issuer);
    } catch (error) {
      if (error instanceof HttpExchangeError) throw new UpstreamError('provider_unreachable', 'discovery', error.message);
      throw error;
    }
  }

  /** The flow that the response's state names: unused, unexpired, of this provider and this browser; on error responses too (O4, L22). */
  async #takeFlow({ settings, query, browserId }: CompleteRequest): Promise<Flow> {
    if (typeof query.state !== 'string' || query.state.length > 500)
      throw new UpstreamError('state_missing', 'authorization_response', 'no state');
    const consumed = await this.options.flows.consume(query.state, browserId);
    if (consumed.kind === 'refused')
      throw new UpstreamError(consumed.code, 'authorization_response', 'the state names no flow of this browser that is open');
    if (consumed.flow.providerId !== settings.id || consumed.flow.issuer !== settings.issuer) {
      throw new UpstreamError('state_mismatch', 'authorization_response', 'the flow belongs to another provider');
    }
    return consumed.flow;
  }

  async #exchangeCode(
    code: string,
    flow: Flow,
    settings: OidcProviderSettings,
    { metadata }: DiscoveredProvider,
    callbackUrl: string,
  ): Promise<Record<string, unknown>> {
    const parameters = new URLSearchParams({
      grant_type: 'authorization_code',
      code,
      redirect_uri: callbackUrl,
      code_verifier: flow.codeVerifier,
    });
    const headers: Record<string, string> = { 'content-type': 'application/x-www-form-urlencoded' };
    if (settings.clientSecret === undefined) parameters.set('client_id', settings.clientId);
    else if (metadata.token_endpoint_auth_methods_supported.includes('client_secret_basic')) {
      // RFC 6749, section 2.3.1: both parts are form-urlencoded first.
      const [id, secret] = [settings.clientId, settings.clientSecret].map((part) => new URLSearchParams({ p: part }).toString().slice(2));
      headers.authorization = `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`;
    } else {
      parameters.set('client_id', settings.clientId);
      parameters.set('client_secret', settings.clientSecret);
    }
    return this.#ask('token_exchange', metadata.token_endpoint, { method: 'POST', headers, body: parameters.toString() });
  }

  /** UserInfo, believed only for the subject of the id_token (OIDC Core 5.3.2; security row O6). */
  async #userInfo(accessToken: unknown, { subject }: VerifiedIdToken, { metadata }: DiscoveredProvider): Promise<Record<string, unknown>> {
    if (metadata.userinfo_endpoint === undefined || typeof accessToken !== 'string') {
      throw new UpstreamError('userinfo_unavailable', 'userinfo', 'no UserInfo endpoint or no access token');
    }
    const claims = await this.#ask('userinfo', metadata.userinfo_endpoint, { headers: { authorization: `Bearer ${accessToken}` } });
    if (claims.sub !== subject) throw new UpstreamError('userinfo_subject_mismatch', 'userinfo', 'sub differs from the id_token’s');
    return claims;
  }

  async #ask(step: UpstreamStep, target: string, init: Parameters<typeof exchange>[2]): Promise<Record<string, unknown>> {
    try {
      const answer = await exchange(target, this.options.policy, init);
      if (answer.status === 200) return jsonObject(target, answer);
      throw new UpstreamError(`${step}_failed`, step, `status ${answer.status}`);
    } catch (error) {
      if (error instanceof HttpExchangeError) throw new UpstreamError('provider_unreachable', step, error.message);
      throw error;
    }
  }
}

const surroundingsOf = (
  settings: OidcProviderSettings,
  metadata: DiscoveredProvider['metadata'],
  callbackUrl: string,
): Pick<StrategySurroundings, 'issuer' | 'authorizationEndpoint' | 'tokenEndpoint' | 'clientId' | 'callbackUrl' | 'scopes'> => ({
  issuer: settings.issuer,
  authorizationEndpoint: metadata.authorization_endpoint,
  tokenEndpoint: metadata.token_endpoint,
  clientId: settings.clientId,
  callbackUrl,
  scopes: settings.scopes,
});

/** `iss` first (RFC 9207; O5), then an error of the provider, then the code. */
const authorizationCode = (query: CompleteRequest['query'], settings: OidcProviderSettings, { metadata }: DiscoveredProvider): string => {
  const { iss, error, code } = query;
  if (iss !== undefined ? iss !== settings.issuer : metadata.authorization_response_iss_parameter_supported) {
    throw new UpstreamError('issuer_mismatch', 'authorization_response', 'the iss parameter is missing or names another issuer');
  }
  if (error !== undefined) {
    const known = typeof error === 'string' && /^[a-z_]{1,60}$/.test(error) ? error : 'unreadable error';
    throw new UpstreamError('provider_error', 'authorization_response', known);
  }
  if (typeof code !== 'string' || code === '') throw new UpstreamError('code_missing', 'authorization_response', 'no code');
  return code;
};

const checkReauthentication = ({ authTime }: VerifiedIdToken, { begunAt }: Flow): void => {
  if (authTime === undefined || authTime.getTime() < begunAt.getTime() - AUTH_TIME_SKEW_MS) {
    throw new UpstreamError('reauthentication_not_proven', 'id_token', 'auth_time is missing or older than the flow');
  }
};

const NOT_PRINTABLE = /[\u0000-\u001f\u007f]/;
const textClaim = z
  .string()
  .min(1)
  .max(500)
  .refine((text) => !NOT_PRINTABLE.test(text));

/** Claims by the provider's allow-list; a value of the wrong type is left out, `email_verified` is true only when it is exactly that (L5). */
const assertionOf = (
  settings: OidcProviderSettings,
  token: VerifiedIdToken,
  claims: Readonly<Record<string, unknown>>,
): VerifiedAssertion => {
  const mapping = settings.claimMapping;
  const text = (field: keyof typeof mapping): string | undefined => textClaim.safeParse(claims[mapping[field]]).data;
  const optional = {
    email: text('email'),
    preferredUsername: text('preferredUsername'),
    name: text('name'),
    givenName: text('givenName'),
    familyName: text('familyName'),
  };
  return {
    providerId: settings.id,
    sourceKind: 'oidc',
    issuer: settings.issuer,
    subject: token.subject,
    claims: {
      ...(Object.fromEntries(Object.entries(optional).filter(([, value]) => value !== undefined)) as Partial<
        Record<keyof typeof optional, string>
      >),
      emailVerified: claims[mapping.emailVerified] === true,
    },
    ...(token.authTime ? { authTime: token.authTime } : {}),
    ...(token.acr === undefined ? {} : { acr: token.acr }),
    amr: token.amr,
    assertionId: token.id,
  };
};

const refusing = async <T>(work: () => Promise<T>): Promise<T | UpstreamRefusal> => {
  try {
    return await work();
  } catch (error) {
    if (error instanceof UpstreamError) return { kind: 'refused', code: error.code, step: error.step, detail: error.message };
    throw error;
  }
};
