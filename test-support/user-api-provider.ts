import { createHash, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What the provider may lie about. */
export interface UserApiLies {
  callback?: (parameters: URLSearchParams) => void;
  token?: (answer: object) => unknown;
  user?: (user: object) => unknown;
  emails?: (emails: readonly object[]) => unknown;
  /** Answers any request itself; true when it did. */
  intercept?: (request: IncomingMessage, response: ServerResponse) => boolean;
}

interface Granted {
  readonly challenge: string;
  readonly redirectUri: string;
}

/**
 * An OAuth 2.0 provider with a user API of its own, as GitHub is one, over real HTTP. It signs everybody in as `user`
 * without asking.
 */
export class UserApiProvider {
  lies: UserApiLies = {};
  user: Record<string, unknown> = { id: 4711, login: 'octo', name: 'Octo Cat', email: 'public@example.org' };
  readonly #codes = new Map<string, Granted>();
  readonly #tokens = new Set<string>();

  private constructor(
    readonly origin: string,
    private readonly server: ReturnType<typeof createServer>,
  ) {}

  static async start(): Promise<UserApiProvider> {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const provider = new UserApiProvider(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, server);
    server.on('request', (request, response) => {
      provider.#answer(request, response).catch((error: Error) => response.writeHead(500).end(error.message));
    });
    return provider;
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
    if (this.lies.intercept?.(request, response)) return;
    const url = new URL(request.url ?? '/', this.origin);
    const json = (body: unknown): void =>
      void response
        .setHeader('content-type', 'application/json')
        .end(typeof body === 'string' ? body : JSON.stringify(body));
    const bearer = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1] ?? '';
    switch (url.pathname) {
      case '/authorize': {
        const code = randomUUID();
        const { searchParams: asked } = url;
        const redirectUri = asked.get('redirect_uri') ?? '';
        this.#codes.set(code, { challenge: asked.get('code_challenge') ?? '', redirectUri });
        const answer = new URLSearchParams({ code, state: asked.get('state') ?? '' });
        this.lies.callback?.(answer);
        return void response.writeHead(303, { location: `${redirectUri}?${answer}` }).end();
      }
      case '/token':
        return json((this.lies.token ?? ((answer) => answer))(this.#token(new URLSearchParams(await bodyOf(request)))));
      // GitHub refuses requests that do not say who makes them.
      case '/user':
        if (!this.#tokens.has(bearer) || !request.headers['user-agent']) return void response.writeHead(401).end();
        return json((this.lies.user ?? ((user) => user))(this.user));
      case '/user/emails':
        if (!this.#tokens.has(bearer)) return void response.writeHead(401).end();
        return json((this.lies.emails ?? ((emails) => emails))(this.#emails()));
      default:
        response.writeHead(404).end();
    }
  }

  #emails(): readonly object[] {
    return [
      { email: 'second@example.org', primary: false, verified: true },
      { email: 'first@example.org', primary: true, verified: true },
    ];
  }

  #token(parameters: URLSearchParams): object {
    const granted = this.#codes.get(parameters.get('code') ?? '');
    this.#codes.delete(parameters.get('code') ?? '');
    const challenge = createHash('sha256')
      .update(parameters.get('code_verifier') ?? '')
      .digest('base64url');
    const fits = granted?.challenge === challenge && granted.redirectUri === parameters.get('redirect_uri');
    // Status 200, as GitHub does it.
    if (!fits || parameters.get('client_secret') !== 'secret') return { error: 'bad_verification_code' };
    const accessToken = randomUUID();
    this.#tokens.add(accessToken);
    return { access_token: accessToken, token_type: 'bearer', scope: 'read:user' };
  }
}

const bodyOf = async (request: IncomingMessage): Promise<string> => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
};
