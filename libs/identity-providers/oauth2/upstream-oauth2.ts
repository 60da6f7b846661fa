import { createHash } from 'node:crypto';
import { z } from 'zod';
import { askProvider } from '../ask-provider.js';
import { authorizationCode } from '../authorization-code.js';
import { flowByState } from '../flow-by-state.js';
import { freshSecret } from '../flows.postgres.js';
import type { Flow, Flows } from '../flows.postgres.js';
import { HttpExchangeError } from '#libs/platform/guarded-http.js';
import type { HttpAnswer, HttpPolicy } from '#libs/platform/guarded-http.js';
import { mappedClaims } from '../mapped-claims.js';
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
import type { OAuth2ProviderSettings } from './settings.js';

/** What a token request of a flow must fit to. */
export interface OAuth2FlowSecrets {
  readonly codeVerifier: string;
}

export interface UpstreamOAuth2Options {
  readonly flows: Flows<OAuth2FlowSecrets>;
  readonly policy: HttpPolicy;
}

/**
 * Sign-in at providers that speak OAuth 2.0 with a user API of their own: authorization code flow with PKCE and state
 * (RFC 9700). That a person authenticated just now cannot be proven here, so re-authentication is refused.
 */
export class UpstreamOAuth2<Intent> implements UpstreamProtocol<OAuth2ProviderSettings, Intent> {
  constructor(private readonly options: UpstreamOAuth2Options) {}

  begin(request: BeginRequest<OAuth2ProviderSettings, Intent>): Promise<BegunSignIn | UpstreamRefusal> {
    return refusing(async () => {
      const { settings, intent, browserId, callbackUrl, reauthenticate } = request;
      if (reauthenticate)
        throw new UpstreamError(
          'reauthentication_not_proven',
          'authorization_request',
          'this kind of provider cannot prove it',
        );
      const [state, codeVerifier] = [freshSecret(), freshSecret()];
      const target = new URL(settings.authorizationEndpoint);
      for (const [name, value] of Object.entries({
        response_type: 'code',
        client_id: settings.clientId,
        redirect_uri: callbackUrl,
        scope: settings.scopes.join(' '),
        state,
        code_challenge: createHash('sha256').update(codeVerifier).digest('base64url'),
        code_challenge_method: 'S256',
      }))
        target.searchParams.set(name, value);
      await this.options.flows.insert(state, browserId, {
        providerId: settings.id,
        issuer: settings.issuer,
        kept: { codeVerifier },
        reauthenticate: false,
        intent,
      });
      return { kind: 'redirect', redirectTo: target.href };
    });
  }

  async complete(
    request: CompleteRequest<OAuth2ProviderSettings>,
  ): Promise<CompletedSignIn<Intent> | UpstreamRefusal<Intent>> {
    const flow = await refusing(() => flowByState(this.options.flows, request));
    if ('kind' in flow) return flow;
    const intent = flow.intent as Intent;
    const completed = await refusing(() => this.#identify(request, flow));
    return 'kind' in completed
      ? { ...completed, intent }
      : { kind: 'verified', assertion: completed, intent, reauthenticated: false };
  }

  async #identify(request: CompleteRequest<OAuth2ProviderSettings>, flow: Flow<OAuth2FlowSecrets>) {
    const { settings, parameters } = request;
    const accessToken = await this.#exchangeCode(authorizationCode(parameters, settings.issuer, false), flow, request);
    const bearer = { headers: { authorization: `Bearer ${accessToken}` } };
    const user = await askProvider(this.options.policy, 'userinfo', settings.userEndpoint, bearer);
    const email =
      settings.emailsEndpoint === undefined
        ? undefined
        : primaryOf(await askProvider(this.options.policy, 'userinfo', settings.emailsEndpoint, bearer, emailsOf));
    return {
      providerId: settings.id,
      sourceKind: 'oauth2' as const,
      issuer: settings.issuer,
      subject: subjectOf(settings, user),
      // Another field's values are other names, whatever they look like.
      subjectQualifiers: [settings.subjectField],
      claims: {
        ...mappedClaims(settings.fieldMapping, user),
        ...(email ? mappedClaims({ email: 'email' }, email) : {}),
        emailVerified: email?.verified === true,
      },
      amr: [],
      assertionId: createHash('sha256').update(accessToken).digest('base64url'),
    };
  }

  async #exchangeCode(
    code: string,
    { kept }: Flow<OAuth2FlowSecrets>,
    { settings, callbackUrl }: CompleteRequest<OAuth2ProviderSettings>,
  ): Promise<string> {
    const body = new URLSearchParams({
      grant_type: 'authorization_code',
      code,
      redirect_uri: callbackUrl,
      code_verifier: kept.codeVerifier,
      client_id: settings.clientId,
      ...(settings.clientSecret === undefined ? {} : { client_secret: settings.clientSecret }),
    });
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    const init = { method: 'POST', headers, body: body.toString() } as const;
    const answer = tokenResponseSchema.safeParse(
      await askProvider(this.options.policy, 'token_exchange', settings.tokenEndpoint, init),
    );
    // GitHub answers errors with status 200.
    if (!answer.success)
      throw new UpstreamError('token_exchange_failed', 'token_exchange', 'the answer has no bearer token');
    return answer.data.access_token;
  }
}

const tokenResponseSchema = z.object({
  access_token: z.string().regex(/^[\x21-\x7e]{1,4096}$/),
  token_type: z.string().regex(/^bearer$/i),
});

/** Text or an integer, byte for byte (L14); a number that JSON cannot hold exactly is none. */
const subjectSchema = z.union([
  z
    .string()
    .min(1)
    .max(255)
    .regex(/^[\x20-\x7e]+$/),
  z.int().transform(String),
]);

const subjectOf = (settings: OAuth2ProviderSettings, user: Readonly<Record<string, unknown>>): string => {
  const subject = subjectSchema.safeParse(
    Object.hasOwn(user, settings.subjectField) ? user[settings.subjectField] : undefined,
  );
  if (!subject.success)
    throw new UpstreamError('userinfo_subject_invalid', 'userinfo', `${settings.subjectField} is no subject`);
  return subject.data;
};

const emailSchema = z.object({ email: z.string(), primary: z.boolean(), verified: z.boolean() });
type Email = z.output<typeof emailSchema>;

const emailsOf = (target: string, { body }: HttpAnswer): readonly Email[] => {
  try {
    return z.array(emailSchema).max(1_000).parse(JSON.parse(body));
  } catch {
    throw new HttpExchangeError(`${new URL(target).origin}: its answer is no list of e-mail addresses`);
  }
};

const primaryOf = (emails: readonly Email[]): Email | undefined => emails.find(({ primary }) => primary);
