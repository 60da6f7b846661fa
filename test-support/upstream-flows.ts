import { flowMigrations, Flows } from '#libs/identity-providers/flows.postgres.js';
import { DEFAULT_HTTP_POLICY } from '#libs/platform/guarded-http.js';
import type { HttpPolicy } from '#libs/platform/guarded-http.js';
import { BackChannelLogout } from '#libs/identity-providers/oidc/back-channel-logout.js';
import { Discovery } from '#libs/identity-providers/oidc/discovery.js';
import { oidcProviderSettingsSchema } from '#libs/identity-providers/oidc/settings.js';
import type { OidcProviderSettings } from '#libs/identity-providers/oidc/settings.js';
import { UpstreamOpenId } from '#libs/identity-providers/oidc/upstream-open-id.js';
import type { OpenIdFlowSecrets } from '#libs/identity-providers/oidc/upstream-open-id.js';
import type { BeginRequest } from '#libs/identity-providers/upstream-protocol.js';
import { migrate } from '#libs/platform/postgres/migrations.js';
import { createPool } from '#libs/platform/postgres/pool.js';
import type { Pool } from '#libs/platform/postgres/pool.js';
import { createTestDatabase } from './database.js';
import type { TestDatabase } from './database.js';
import { HostileOpenIdProvider } from './hostile-openid-provider.js';
import type { Lies } from './hostile-openid-provider.js';

export interface Intent {
  readonly purpose: string;
}

/** What a flow asks for beside who the person is. */
type Asking = Pick<BeginRequest<OidcProviderSettings, Intent>, 'reauthenticate' | 'asked'>;

export const TEST_POLICY: HttpPolicy = { ...DEFAULT_HTTP_POLICY, allowLoopback: true, timeoutMs: 400 };
export const CALLBACK = 'https://id.example.org/providers/hostile/callback';
export const BROWSER = 'browser-1';

/**
 * Sign-ins at a provider that lies, as the identity server makes them, without its pages: `start`, then `reset` before
 * each test.
 */
export class UpstreamFlows {
  provider!: HostileOpenIdProvider;
  settings!: OidcProviderSettings;
  upstream!: UpstreamOpenId<Intent>;
  logout!: BackChannelLogout;
  now: () => Date = () => new Date();

  private constructor(
    private readonly database: TestDatabase,
    readonly pool: Pool,
  ) {}

  static async start(): Promise<UpstreamFlows> {
    const database = await createTestDatabase();
    const pool = createPool(database.urls.ligature_identity, { applicationName: 'test' });
    await migrate(pool, 'provider', flowMigrations);
    return new UpstreamFlows(database, pool);
  }

  /** A new provider that tells the truth, of which nothing is remembered. */
  async reset(): Promise<void> {
    await this.stopProvider();
    this.provider = await HostileOpenIdProvider.start();
    this.settings = this.settingsOf({});
    this.now = () => new Date();
    this.forget();
  }

  async stop(): Promise<void> {
    await this.stopProvider();
    await this.pool.end();
    await this.database.drop();
  }

  async stopProvider(): Promise<void> {
    const running = this.provider as HostileOpenIdProvider | undefined;
    this.provider = undefined as never;
    await running?.stop();
  }

  settingsOf(more: object): OidcProviderSettings {
    return oidcProviderSettingsSchema.parse({
      id: 'hostile',
      kind: 'oidc',
      displayName: 'Hostile',
      issuer: this.provider.issuer,
      clientId: 'ligature',
      clientSecret: 's',
      scopes: ['openid'],
      ...more,
    });
  }

  /** As after a restart: nothing is remembered of the provider. */
  forget(policy = TEST_POLICY): void {
    const clock = (): Date => this.now();
    const discovery = new Discovery(policy, clock);
    this.upstream = new UpstreamOpenId<Intent>({
      flows: new Flows<OpenIdFlowSecrets>(this.pool, clock),
      discovery,
      policy,
      clock,
    });
    this.logout = new BackChannelLogout({ discovery, clock });
  }

  tryToBegin(more: Asking = {}) {
    const { settings } = this;
    return this.upstream.begin({
      settings,
      intent: { purpose: 'test' },
      browserId: BROWSER,
      callbackUrl: CALLBACK,
      ...more,
    });
  }

  /** @returns where the browser is sent to */
  async begin(more: Asking = {}): Promise<string> {
    const begun = await this.tryToBegin(more);
    if (begun.kind !== 'redirect') throw new Error(`not begun: ${JSON.stringify(begun)}`);
    return begun.redirectTo;
  }

  complete(parameters: Readonly<Record<string, unknown>>, browserId = BROWSER) {
    return this.upstream.complete({ settings: this.settings, parameters, browserId, callbackUrl: CALLBACK });
  }

  /** A whole flow. */
  async signIn(more: Asking = {}) {
    return this.complete(await this.provider.authorize(await this.begin(more)));
  }

  /** A whole flow in which the provider lies after it was begun; the code with which it is refused, or `verified`. */
  async outcomeWith(lies: Lies, more: Asking = {}): Promise<string> {
    const redirectTo = await this.begin(more);
    this.provider.lies = lies;
    const result = await this.complete(await this.provider.authorize(redirectTo));
    return result.kind === 'refused' ? result.code : result.kind;
  }

  /** {@link outcomeWith}, with an id_token whose claims are changed; `undefined` takes one away. */
  withClaims(change: object, more: Asking = {}): Promise<string> {
    return this.outcomeWith({ claims: (claims) => ({ ...claims, ...change }) }, more);
  }
}
