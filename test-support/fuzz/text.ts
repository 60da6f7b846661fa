import { Browser } from '../browser.js';
import { HostileOpenIdProvider } from '../hostile-openid-provider.js';
import { startTestIdentityServer } from '../identity-server.js';
import type { TestIdentityServer } from '../identity-server.js';
import { pick } from './fuzz.js';
import type { FuzzOutcome, FuzzTarget, Random } from './fuzz.js';

const AWKWARD = ['\ud83d', '\udc00', '\u0000', '\u001b', '\u007f', '\u0085', '\ufffe', '\u{1fae9}', '\u202e', '\n'];

/** Any UTF-16 code units, the awkward ones often. */
const anyText = (random: Random): string => {
  const length = random() < 0.01 ? 3_000 : Math.floor(random() * 10);
  const unit = (): string =>
    random() < 0.4
      ? pick(random, AWKWARD)
      : String.fromCharCode(Math.floor(random() * (random() < 0.7 ? 0x80 : 0x10000)));
  return Array.from({ length }, unit).join('');
};

const configuration = (acme: string): string => `
identityProviders:
  - { id: acme, kind: oidc, displayName: Acme, issuer: "${acme}", clientId: ligature, scopes: [openid, profile, email] }
organizations:
  - id: default
    displayName: Test
    loginPolicy: { password: true, registration: true, recovery: true }
    identityProviders:
      - { id: acme, policy: { creationAllowed: true, autoCreate: true, linkingAllowed: true, autoUpdate: true } }
relyingParties:
  - clientId: admin
    organization: default
    displayName: Administration
    grantTypes: [client_credentials]
    scopes: [identity-providers:write]
    clientSecret: { env: ADMIN_SECRET }
  - clientId: app
    organization: default
    displayName: App
    redirectUris: ["http://127.0.0.1:1/callback"]
    grantTypes: [authorization_code]
    tokenEndpointAuthMethod: none
    applicationType: native
    scopes: [openid, profile]
`;

/** Of a page's form: what a hostile client needs to post it again and again. */
interface Form {
  readonly cookie: string;
  readonly csrf: string;
}

/** One way into the server, tried with one text. @returns the status of its last answer */
type Way = (text: string) => Promise<number>;

/**
 * Any string by any way in (security row T1): nothing is answered with 500, and no stream is parked. "Accepted" is what
 * breaks that.
 */
export class TextFuzz implements FuzzTarget {
  readonly name = 'text';
  readonly #ways: readonly (readonly [name: string, way: Way])[];
  #tried = 0;
  #unique = 0;

  private constructor(
    private readonly server: TestIdentityServer,
    private readonly acme: HostileOpenIdProvider,
    private readonly token: string,
    forms: { readonly register: Form; readonly signIn: Form; readonly recovery: Form },
  ) {
    const { register, signIn, recovery } = forms;
    const name = (): string => `person${(this.#unique += 1)}`;
    const query = (parameters: Record<string, string>): string => new URLSearchParams(parameters).toString();
    const authorization = {
      client_id: 'app',
      response_type: 'code',
      redirect_uri: 'http://127.0.0.1:1/callback',
      scope: 'openid',
      code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
      code_challenge_method: 'S256',
    };
    const perhaps = (field: string, text: string): Record<string, string> => ({ ...authorization, [field]: text });
    this.#ways = [
      [
        'register, a name',
        (text) =>
          this.#form('/register', register, { username: name(), displayName: `Ada ${text}`, password: 'short' }),
      ],
      [
        'register',
        (text) =>
          this.#form('/register', register, {
            username: name(),
            displayName: `Ada ${text}`.slice(0, 90),
            password: `a horse that nobody knows ${text}`,
          }),
      ],
      ['register, a username', (text) => this.#form('/register', register, { username: text, password: text })],
      ['register by JSON', (text) => this.#json('POST', '/register', { displayName: text })],
      ['sign in', (text) => this.#form('/sign-in/password', signIn, { login: text, password: text })],
      [
        'recovery',
        (text) => this.#form('/recovery', recovery, { email: `${text}@example.org`, organization: 'default' }),
      ],
      ['a path', (text) => this.#get(`/link-account/${encodeURIComponent(text.toWellFormed())}`)],
      ['a query', (text) => this.#get(`/account?${query({ notice: text, [text]: 'x' })}`)],
      ...['state', 'nonce', 'login_hint', 'ui_locales', 'idp', 'client_id', 'scope', 'claims', 'acr_values'].map(
        (field): [string, Way] => [
          `/auth, ${field}`,
          (text) =>
            this.#get(`/auth?${query(perhaps(field, field === 'claims' ? JSON.stringify({ x: text }) : text))}`),
        ],
      ),
      [
        '/auth, claims',
        (text) =>
          this.#get(`/auth?${query(perhaps('claims', JSON.stringify({ id_token: { acr: { value: text } } })))}`),
      ],
      ['PAR', (text) => this.#post('/request', query(perhaps('state', text)))],
      [
        'a token',
        (text) => this.#post('/token', query({ client_id: 'app', grant_type: 'authorization_code', code: text })),
      ],
      ['a client', (text) => this.#post('/token', query({ client_id: text, grant_type: text, client_secret: text }))],
      [
        'signing out',
        (text) => this.#get(`/session/end?${query({ state: text, id_token_hint: text, client_id: 'app' })}`),
      ],
      ['a device', (text) => this.#post('/device/auth', query({ client_id: 'app', scope: text }))],
      ['a user code', (text) => this.#get(`/device?${query({ user_code: text })}`)],
      ['a provider', (text) => this.#byProvider(text)],
      [
        'a callback',
        (text) => this.#get(`/providers/acme/callback?${query({ state: text, code: text, error_description: text })}`),
      ],
      ['a posted answer', (text) => this.#post('/providers/acme/acs', query({ SAMLResponse: text, RelayState: text }))],
      [
        'a back-channel logout',
        (text) => this.#post('/providers/acme/backchannel-logout', query({ logout_token: text })),
      ],
      [
        'an administrator',
        (text) => this.#json('PUT', '/api/v1/identity-providers/own', { ...settings(acme.issuer), displayName: text }),
      ],
      [
        'an idempotency key',
        (text) => this.#json('PUT', '/api/v1/identity-providers/own', settings(acme.issuer), text),
      ],
    ];
  }

  static async start(): Promise<TextFuzz> {
    const acme = await HostileOpenIdProvider.start();
    const server = await startTestIdentityServer();
    await server.installation.configure(configuration(acme.issuer), { ADMIN_SECRET: 'a secret of the administration' });
    const answer = await fetch(`${server.issuer}/token`, {
      method: 'POST',
      headers: { authorization: `Basic ${btoa(`admin:${encodeURIComponent('a secret of the administration')}`)}` },
      body: new URLSearchParams({ grant_type: 'client_credentials', scope: 'identity-providers:write' }),
    });
    const { access_token: token } = (await answer.json()) as { access_token: string };
    const form = async (path: string): Promise<Form> => {
      const browser = new Browser();
      await browser.open(`${server.issuer}${path}`);
      const csrf = /name="csrf" value="([^"]+)"/.exec(browser.html)?.[1] ?? '';
      return { csrf, cookie: `ligature_browser=${browser.cookie(server.issuer, 'ligature_browser')}` };
    };
    const forms = {
      register: await form('/register'),
      signIn: await form('/sign-in'),
      recovery: await form('/recovery'),
    };
    return new TextFuzz(server, acme, token, forms);
  }

  get issuer(): string {
    return this.server.issuer;
  }

  async try(random: Random): Promise<FuzzOutcome> {
    const [name, way] = this.#ways[this.#tried % this.#ways.length] as readonly [string, Way];
    if (this.#tried % 100 === 0) await this.server.installation.pool.query('DELETE FROM provider.throttles');
    this.#tried += 1;
    const text = anyText(random);
    const status = await way(text);
    const parked = await this.#parked();
    const input = `${name}: ${JSON.stringify(text)}`;
    return status === 500 || parked > 0
      ? { outcome: 'accepted', detail: `${status}, ${parked} parked`, input }
      : { outcome: 'refused', detail: String(status), input };
  }

  async stop(): Promise<void> {
    await this.server.stop();
    await this.acme.stop();
  }

  async #parked(): Promise<number> {
    const { rows } = await this.server.installation.pool.query<{ parked: string }>(
      `SELECT (SELECT count(*) FROM models.parked_streams) + (SELECT count(*) FROM provider.process_manager_parked) AS parked`,
    );
    return Number(rows[0]?.parked);
  }

  async #send(method: string, path: string, headers: Record<string, string>, body?: string): Promise<number> {
    const answer = await fetch(this.server.issuer + path, { method, headers, redirect: 'manual', body: body ?? null });
    await answer.arrayBuffer();
    return answer.status;
  }

  #get(path: string): Promise<number> {
    return this.#send('GET', path, {});
  }

  #post(path: string, body: string, headers: Record<string, string> = {}): Promise<number> {
    return this.#send('POST', path, { 'content-type': 'application/x-www-form-urlencoded', ...headers }, body);
  }

  #form(path: string, { cookie, csrf }: Form, fields: Record<string, string>): Promise<number> {
    return this.#post(path, new URLSearchParams({ csrf, ...fields }).toString(), { cookie });
  }

  #json(method: string, path: string, body: object, key?: string): Promise<number> {
    const headers = { 'content-type': 'application/json', authorization: `Bearer ${this.token}` };
    // What cannot be in a header is not sent by any client.
    const keyed = key !== undefined && /^[\t\x20-\x7e\x80-\xff]+$/.test(key) ? { 'idempotency-key': key } : {};
    return this.#send(method, path, { ...headers, ...keyed }, JSON.stringify(body));
  }

  /** A provider whose names are cut inside a character: the sign-in goes on, with what can be kept of them. */
  async #byProvider(text: string): Promise<number> {
    this.acme.subject = `subject-${(this.#unique += 1)}`;
    this.acme.lies = {
      claims: (claims) => ({
        ...claims,
        name: `Ada ${text}`,
        given_name: text,
        email: `${text}@example.org`,
        sid: text,
      }),
    };
    const browser = new Browser();
    await browser.open(`${this.server.issuer}/sign-in`);
    await browser.submit({}, 'providers/acme');
    if (browser.status !== 200 || !browser.url.endsWith('/account')) return 500;
    return browser.status;
  }
}

const settings = (issuer: string): object => ({
  kind: 'oidc',
  displayName: 'Own',
  issuer,
  clientId: 'ligature',
  scopes: ['openid'],
});

export const startTextFuzz = (): Promise<TextFuzz> => TextFuzz.start();
export const textTarget = { name: 'text', start: startTextFuzz } as const;
