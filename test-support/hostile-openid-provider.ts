import { createHash, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import type { CryptoKey, JWK } from 'jose';

type Claims = Record<string, unknown>;

/** What the provider may lie about. Everything that is not set is told correctly. */
export interface Lies {
  metadata?: (metadata: Claims) => unknown;
  /** Changes the callback's parameters before the browser is sent back. */
  callback?: (parameters: URLSearchParams) => void;
  claims?: (claims: Claims) => unknown;
  /** Replaces the signed id_token. */
  idToken?: (
    claims: Claims,
    keys: { readonly key: CryptoKey; readonly kid: string; readonly publicJwk: JWK },
  ) => unknown;
  /** Replaces the whole token response's body. */
  tokenBody?: () => string;
  /** Replaces the whole token response's body, knowing what it would have been. */
  tokenAnswer?: (answer: Claims) => string;
  userInfo?: (claims: Claims) => string;
  jwks?: (keys: JWK[]) => unknown;
  /** Answers this path never. */
  hang?: string;
  /** Answers any request itself; true when it did. */
  intercept?: (request: IncomingMessage, response: ServerResponse) => boolean;
}

interface Pending {
  readonly nonce: string;
  readonly challenge: string;
  readonly redirectUri: string;
}

/**
 * A real OpenID Provider over real HTTP with real keys, which lies on demand. It signs everybody in as `subject`
 * without asking.
 */
export class HostileOpenIdProvider {
  lies: Lies = {};
  subject = 'subject-1';
  /** The parameters of the last authorization request, and of the last token request with its headers. */
  lastAuthorization = new URLSearchParams();
  lastTokenRequest = { parameters: new URLSearchParams(), headers: {} as IncomingMessage['headers'] };
  jwksRequests = 0;
  readonly #codes = new Map<string, Pending>();
  #keys: { key: CryptoKey; kid: string; publicJwk: JWK }[] = [];

  private constructor(
    readonly issuer: string,
    private readonly server: ReturnType<typeof createServer>,
  ) {}

  static async start(): Promise<HostileOpenIdProvider> {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const provider = new HostileOpenIdProvider(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, server);
    await provider.rotateKeys();
    server.on('request', (request, response) => {
      provider.#answer(request, response).catch((error: Error) => response.writeHead(500).end(error.message));
    });
    return provider;
  }

  /** Throws the old signing key away. */
  async rotateKeys(): Promise<void> {
    const { privateKey, publicKey } = await generateKeyPair('RS256', { extractable: true });
    const kid = randomUUID();
    this.#keys = [
      { key: privateKey, kid, publicJwk: { ...(await exportJWK(publicKey)), kid, alg: 'RS256', use: 'sig' } },
    ];
  }

  /** A token of this provider, such as a logout token. */
  async sign(claims: Claims, header: { readonly typ?: string } = {}): Promise<string> {
    const [signer] = this.#keys;
    if (!signer) throw new Error('no key');
    return new SignJWT(claims).setProtectedHeader({ alg: 'RS256', kid: signer.kid, ...header }).sign(signer.key);
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
  }

  /** What the browser would do: follows an authorization request to the callback's query. */
  async authorize(redirectTo: string): Promise<Record<string, string>> {
    const response = await fetch(redirectTo, { redirect: 'manual' });
    return Object.fromEntries(new URL(response.headers.get('location') ?? '').searchParams);
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', this.issuer);
    if (this.lies.hang === url.pathname) return;
    if (this.lies.intercept?.(request, response)) return;
    const json = (body: unknown): void =>
      void response
        .setHeader('content-type', 'application/json')
        .end(typeof body === 'string' ? body : JSON.stringify(body));
    switch (url.pathname) {
      case '/.well-known/openid-configuration':
        return json((this.lies.metadata ?? ((metadata) => metadata))(this.#metadata()));
      case '/jwks':
        this.jwksRequests += 1;
        return json((this.lies.jwks ?? ((keys) => ({ keys })))(this.#keys.map(({ publicJwk }) => publicJwk)));
      case '/authorize':
        return this.#authorize(url.searchParams, response);
      case '/token':
        this.lastTokenRequest = { parameters: new URLSearchParams(await bodyOf(request)), headers: request.headers };
        return json(await this.#token(this.lastTokenRequest.parameters));
      case '/userinfo':
        return json(
          (this.lies.userInfo ?? JSON.stringify)({
            sub: this.subject,
            email: 'from-userinfo@example.org',
            email_verified: true,
          }),
        );
      default:
        response.writeHead(404).end();
    }
  }

  #metadata(): Claims {
    const endpoints = {
      authorization_endpoint: 'authorize',
      token_endpoint: 'token',
      jwks_uri: 'jwks',
      userinfo_endpoint: 'userinfo',
    };
    return {
      issuer: this.issuer,
      ...Object.fromEntries(Object.entries(endpoints).map(([name, path]) => [name, `${this.issuer}/${path}`])),
      authorization_response_iss_parameter_supported: true,
    };
  }

  /** What the provider answers to an authorization request, without HTTP. */
  answerTo(parameters: URLSearchParams): URLSearchParams {
    this.lastAuthorization = parameters;
    const code = randomUUID();
    const redirectUri = parameters.get('redirect_uri') ?? '';
    this.#codes.set(code, {
      nonce: parameters.get('nonce') ?? '',
      challenge: parameters.get('code_challenge') ?? '',
      redirectUri,
    });
    const answer = new URLSearchParams({ code, state: parameters.get('state') ?? '', iss: this.issuer });
    this.lies.callback?.(answer);
    return answer;
  }

  #authorize(parameters: URLSearchParams, response: ServerResponse): void {
    const answer = this.answerTo(parameters);
    const redirectUri = parameters.get('redirect_uri') ?? '';
    if (parameters.get('response_mode') === 'form_post')
      return void response.setHeader('content-type', 'text/html').end(formPost(redirectUri, answer));
    response.writeHead(303, { location: `${redirectUri}?${answer}` }).end();
  }

  async #token(parameters: URLSearchParams): Promise<unknown> {
    if (this.lies.tokenBody) return this.lies.tokenBody();
    const pending = this.#codes.get(parameters.get('code') ?? '');
    this.#codes.delete(parameters.get('code') ?? '');
    const proven =
      createHash('sha256')
        .update(parameters.get('code_verifier') ?? '')
        .digest('base64url') === pending?.challenge;
    if (!pending || !proven || pending.redirectUri !== parameters.get('redirect_uri'))
      return { error: 'invalid_grant' };
    const now = Math.floor(Date.now() / 1_000);
    const truth: Claims = {
      iss: this.issuer,
      aud: 'ligature',
      sub: this.subject,
      nonce: pending.nonce,
      iat: now,
      exp: now + 300,
      auth_time: now,
      email: `${this.subject}@example.org`,
      email_verified: true,
      name: 'A Person',
    };
    const claims = (this.lies.claims ?? ((honest) => honest))(truth) as Claims;
    const [signer] = this.#keys;
    if (!signer) throw new Error('no key');
    const answer = {
      access_token: 'at',
      token_type: 'Bearer',
      id_token: this.lies.idToken ? await this.lies.idToken(claims, signer) : await this.sign(claims),
    };
    return this.lies.tokenAnswer ? this.lies.tokenAnswer(answer) : answer;
  }
}

/** OAuth 2.0 Form Post Response Mode, section 2; the browser's script is left out. */
const formPost = (redirectUri: string, answer: URLSearchParams): string =>
  `<form method="post" action="${redirectUri}">${[...answer].map(([name, value]) => `<input type="hidden" name="${name}" value="${value}">`).join('')}</form>`;

const bodyOf = async (request: IncomingMessage): Promise<string> => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
};
