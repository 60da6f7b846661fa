import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { EventStore } from '#libs/event-store/event-store.js';
import { changeIdentityProvider } from '#libs/identity-providers/commands/change-identity-provider.js';
import { SETTLED_AFTER_MS } from '#libs/platform/deadline.js';
import { decideAnnounceRemoval } from '#libs/identity-providers/decide.js';
import { identityProviderStream } from '#libs/identity-providers/state.js';
import { Browser } from '#test-support/browser.js';
import { HostileOpenIdProvider } from '#test-support/hostile-openid-provider.js';
import { startTestIdentityServer } from '#test-support/identity-server.js';
import type { TestIdentityServer } from '#test-support/identity-server.js';
import { testContext } from '#test-support/installation.js';
import { until } from '#test-support/until.js';

const SECRET = 'a-secret-of-this-test-and-no-other';
const API = '/api/v1/identity-providers';

const configuration = (instanceWide: string): string => `
identityProviders:
  - { id: everybodys, kind: oidc, displayName: Everybody's, issuer: "${instanceWide}", clientId: ligature, scopes: [openid] }
organizations:
${['default', 'other'].map((id) => `  - { id: ${id}, displayName: Organization ${id} }`).join('\n')}
relyingParties:
${[
  ['admin', 'default', 'identity-providers:write'],
  ['admin-of-other', 'other', 'identity-providers:write'],
  ['users-only', 'default', 'users:write'],
]
  .map(
    ([clientId, organization, scope]) =>
      `  - { clientId: ${clientId}, organization: ${organization}, displayName: ${clientId}, grantTypes: [client_credentials], tokenEndpointAuthMethod: client_secret_post, clientSecret: { env: TEST_CLIENT_SECRET }, scopes: ["${scope}"] }`,
  )
  .join('\n')}`;

describe('L27: editing identity providers', () => {
  let server: TestIdentityServer;
  let acme: HostileOpenIdProvider;
  let elsewhere: HostileOpenIdProvider;

  beforeAll(async () => {
    acme = await HostileOpenIdProvider.start();
    elsewhere = await HostileOpenIdProvider.start();
    server = await startTestIdentityServer();
    await server.installation.configure(configuration(acme.issuer), { TEST_CLIENT_SECRET: SECRET });
  }, 60_000);
  afterAll(async () => {
    await server.stop();
    await acme.stop();
    await elsewhere.stop();
  });

  const tokens = new Map<string, string>();
  const tokenOf = async (clientId: string): Promise<string> => {
    const known = tokens.get(clientId);
    if (known) return known;
    const scope = clientId === 'users-only' ? 'users:write' : 'identity-providers:write';
    const response = await fetch(`${server.issuer}/token`, {
      method: 'POST',
      body: new URLSearchParams({
        grant_type: 'client_credentials',
        client_id: clientId,
        client_secret: SECRET,
        scope,
      }),
    });
    const { access_token: token } = (await response.json()) as { access_token: string };
    tokens.set(clientId, token);
    return token;
  };
  const call = async (
    method: string,
    path: string,
    options: { readonly client?: string; readonly body?: unknown } = {},
  ): Promise<{ readonly status: number; readonly body: Record<string, unknown>; readonly text: string }> => {
    const { client = 'admin', body } = options;
    const response = await fetch(`${server.issuer}${API}/${path}`, {
      method,
      headers: {
        ...(client === '' ? {} : { authorization: `Bearer ${await tokenOf(client)}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, text, body: text ? (JSON.parse(text) as Record<string, unknown>) : {} };
  };
  const settings = (more: object = {}) => ({
    kind: 'oidc',
    displayName: 'Acme',
    issuer: acme.issuer,
    clientId: 'ligature',
    scopes: ['openid'],
    clientSecret: 'top-secret',
    ...more,
  });
  const offer = (id: string): Promise<void> =>
    // What belongs to an organization is offered by it, as the operator says.
    server.installation.configure(
      `
identityProviders:
  - { id: ${id}, organizationId: default, kind: oidc, displayName: Acme, issuer: "${acme.issuer}", clientId: ligature, scopes: [openid], clientSecret: { env: S } }
organizations:
  - id: default
    displayName: Organization default
    loginPolicy: { password: false }
    identityProviders: [{ id: ${id}, policy: { creationAllowed: true, autoCreate: true, emailTrustedDomains: ['*'] } }]
`,
      { S: 'top-secret' },
    );
  const person = async (subject: string): Promise<Browser> => {
    acme.subject = subject;
    const browser = new Browser();
    await browser.open(`${server.issuer}/sign-in`);
    return browser;
  };

  it('needs a scope of its own: a client that may administer users may not', async () => {
    const denied = [
      await call('PUT', 'mine', { client: '', body: settings() }),
      await call('PUT', 'mine', { client: 'users-only', body: settings() }),
      await call('POST', 'mine/deactivate', { client: 'users-only' }),
      await call('POST', 'mine/removal/commit', { client: 'users-only', body: { force: true } }),
      await call('GET', 'mine', { client: 'users-only' }),
    ];
    expect(denied.map(({ status, body }) => [status, body.code])).toEqual([
      [401, 'token_missing'],
      ...Array.from({ length: 4 }, () => [403, 'insufficient_scope']),
    ]);
    expect(await server.installation.store.read(identityProviderStream('mine'))).toEqual([]);
  });

  it('is an event that names who did it; secrets go in, encrypted, and never come out', async () => {
    expect((await call('PUT', 'first', { body: settings() })).status).toBe(204);
    const [stored] = await server.installation.store.read(identityProviderStream('first'));
    expect(stored).toMatchObject({
      event: {
        type: 'IdentityProviderConfigured',
        data: { settings: { organizationId: 'default' }, secrets: { clientSecret: 'top-secret' } },
      },
      metadata: { actor: { type: 'client', id: 'admin' }, organizationId: 'default' },
    });
    const shown = await call('GET', 'first');
    expect(shown.body).toMatchObject({ id: 'first', active: true, removal: 'none', secretsSet: ['clientSecret'] });
    expect(shown.text).not.toContain('top-secret');
    const [raw] = await server.installation.store.readStored(identityProviderStream('first'));
    expect(JSON.stringify(raw?.data)).not.toContain('top-secret');
  });

  it('leaves a secret as it is that is left out', async () => {
    await call('PUT', 'first', { body: settings({ clientSecret: undefined, displayName: 'Renamed' }) });
    const events = await server.installation.store.read(identityProviderStream('first'));
    expect(events.at(-1)?.event.data).toMatchObject({
      settings: { displayName: 'Renamed' },
      secrets: { clientSecret: 'top-secret' },
    });
  });

  it('shows a secret that is left out to nobody else than before', async () => {
    expect((await call('PUT', 'moved', { body: settings() })).status).toBe(204);
    const rest = settings({ issuer: elsewhere.issuer, clientSecret: undefined });
    const answer = await call('PUT', 'moved', { body: rest });
    expect([answer.status, answer.body.mistakes]).toEqual([
      422,
      [{ path: 'clientSecret', message: expect.stringContaining('sent again') }],
    ]);
    expect((await call('GET', 'moved')).body).toMatchObject({ settings: { issuer: acme.issuer } });
    expect((await call('PUT', 'moved', { body: { ...rest, clientSecret: 'top-secret' } })).status).toBe(204);
  });

  it('is refused with all mistakes at once', async () => {
    const refused = await call('PUT', 'wrong', {
      body: settings({ issuer: 'nonsense', scopes: [], clientSecret: 'top-secret', more: 1 }),
    });
    expect([refused.status, refused.body.code]).toEqual([422, 'settings_invalid']);
    expect((refused.body.mistakes as { path: string }[]).map(({ path }) => path).sort()).toEqual([
      '',
      'issuer',
      'scopes',
    ]);
    expect(refused.text).not.toContain('top-secret');
    const inside = await call('PUT', 'wrong', { body: settings({ issuer: 'https://10.0.0.1' }) });
    expect([inside.status, inside.body.mistakes]).toEqual([
      422,
      [{ path: 'issuer', message: expect.stringContaining('inside the network') }],
    ]);
  });

  it('invariant 11: providers of another organization and of the installation are not there', async () => {
    for (const [id, client] of [
      ['first', 'admin-of-other'],
      ['everybodys', 'admin'],
      ['No Slug', 'admin'],
    ] as const)
      for (const [method, path] of [
        ['GET', ''],
        ['PUT', ''],
        ['POST', '/deactivate'],
        ['POST', '/removal'],
      ] as const) {
        const answer = await call(method, `${encodeURIComponent(id)}${path}`, {
          client,
          ...(method === 'PUT' ? { body: settings() } : {}),
        });
        expect([id, method, path, answer.status, answer.body.code]).toEqual([
          id,
          method,
          path,
          404,
          'provider_not_found',
        ]);
      }
  });

  it('is told to those whose way in changed, and to nobody else, once', async () => {
    await offer('second');
    const browser = await person('told');
    expect(browser.text).toContain('told@example.org');
    const mails = async () =>
      (await server.mails()).filter(({ to, subject }) => to === 'told@example.org' && subject.includes('was changed'));
    await call('PUT', 'second', { body: settings({ displayName: 'Only a name' }) });
    expect((await call('POST', 'second/deactivate')).status).toBe(204);
    const [mail] = await until(async () => ((await mails()).length > 0 ? mails() : undefined));
    expect(mail?.text).toContain('switched off signing in through Only a name');
    await call('POST', 'second/activate');
    await call('PUT', 'second', { body: settings({ clientId: 'another-client' }) });
    await until(async () => ((await mails()).length === 3 ? true : undefined));
    const told = (await mails()).map(({ text }) => /An administrator (.*)/.exec(text)?.[1] ?? '').sort();
    expect(told).toEqual([
      expect.stringMatching(/^changed how Acme says who you are/),
      expect.stringMatching(/^switched off/),
      expect.stringMatching(/^switched on/),
    ]);
  });

  it('a removal goes in its two phases, and says how many people would lose their last way in', async () => {
    await offer('third');
    await person('left-alone');
    expect((await call('POST', 'third/removal')).status).toBe(204);
    const early = await call('POST', 'third/removal/commit');
    expect([early.status, early.body.code]).toEqual([409, 'removal_not_settled']);
    // As if it had been announced long enough ago: cancelled, and announced by a process whose clock is late.
    await call('DELETE', 'third/removal');
    const { connection, codec, newId } = server.installation;
    const late = new EventStore({
      connection,
      codec,
      newId,
      clock: () => new Date(Date.now() - SETTLED_AFTER_MS - 1_000),
    });
    await changeIdentityProvider(late, 'third', decideAnnounceRemoval, testContext());
    const refused = await until(async () => {
      const answer = await call('POST', 'third/removal/commit');
      return answer.status === 503 ? undefined : answer;
    });
    expect([refused.status, refused.body.code, refused.body.detail]).toEqual([
      409,
      'people_would_lose_their_last_way_in',
      expect.stringContaining('Users without another sign-in method: 1'),
    ]);
    const forced = await call('POST', 'third/removal/commit', { body: { force: true } });
    expect([forced.status, forced.body]).toEqual([200, { peopleWithoutWayIn: 1 }]);
    expect((await call('POST', 'third/activate')).body.code).toBe('provider_removed');
  });
});
