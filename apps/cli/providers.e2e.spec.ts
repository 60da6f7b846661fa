import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { userStream } from '#libs/users/streams.js';
import { appendUnconditionally } from '#libs/event-store/command-execution.js';
import type { DomainEvent } from '#libs/event-store/event-definition.js';
import { EventStore } from '#libs/event-store/event-store.js';
import { loadOrganization } from '#libs/organizations/queries/load-organization.js';
import { organizationStream } from '#libs/organizations/state.js';
import { SETTLED_AFTER_MS } from '#libs/platform/deadline.js';
import { INSTALLATION_SUBJECT } from '#libs/privacy/subject-keys.js';
import { HostileOpenIdProvider } from '#test-support/hostile-openid-provider.js';
import { testContext } from '#test-support/installation.js';
import { startTestIdentityServer } from '#test-support/identity-server.js';
import type { TestIdentityServer } from '#test-support/identity-server.js';
import { until } from '#test-support/until.js';

const run = promisify(execFile);

describe('ligature providers', () => {
  let server: TestIdentityServer;
  let acme: HostileOpenIdProvider;
  const directory = mkdtempSync(join(tmpdir(), 'ligature-cli-'));

  beforeAll(async () => {
    acme = await HostileOpenIdProvider.start();
    server = await startTestIdentityServer();
  }, 60_000);
  afterAll(async () => {
    await server.stop();
    await acme.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  const file = (name: string, text: string): string => {
    writeFileSync(join(directory, name), text);
    return join(directory, name);
  };
  const ligature = async (
    ...args: readonly string[]
  ): Promise<{ readonly code: number; readonly out: string; readonly err: string }> => {
    const { eventStore, masterKey, indexSecret } = server.installation;
    const env = {
      PATH: process.env.PATH,
      DATABASE_URL: eventStore.database.urls.ligature_cli,
      EVENTSTORE_URL: eventStore.url,
      LIGATURE_MASTER_KEY: masterKey.toString('base64'),
      LIGATURE_INDEX_SECRET: indexSecret.toString('base64'),
      LIGATURE_ISSUER: server.issuer,
      LIGATURE_ENV: 'development',
    };
    try {
      const { stdout, stderr } = await run(process.execPath, ['dist/apps/cli/main.js', ...args], { env });
      return { code: 0, out: stdout, err: stderr };
    } catch (error) {
      const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
      return { code, out: stdout, err: stderr };
    }
  };
  const configuration = (issuer: string): string => `
identityProviders:
  - { id: acme, template: oidc, displayName: Acme, issuer: "${issuer}", clientId: ligature }
organizations:
  - { id: default, displayName: Test, identityProviders: [{ id: acme, policy: { creationAllowed: true } }] }
`;

  it('a way in that would be somebody’s last is not taken away by a file; by force it is', async () => {
    const { store, connection, codec, newId } = server.installation;
    const declared = (password: boolean): string =>
      file(
        'policy.yaml',
        `organizations: [{ id: strict, displayName: Strict, loginPolicy: { password: ${password} } }]`,
      );
    expect((await ligature('config', 'apply', declared(true))).code).toBe(0);
    const userId = newId();
    const registered: DomainEvent[] = [
      { type: 'UserRegistered', data: { organizationId: 'strict', displayName: 'Ann' } },
      { type: 'PasswordSet', data: { passwordHash: 'x' } },
    ];
    await appendUnconditionally(store, {
      stream: userStream(userId),
      events: registered,
      context: testContext(),
      subject: userId,
    });
    // As if it had been announced long enough ago.
    const late = new EventStore({
      connection,
      codec,
      newId,
      clock: () => new Date(Date.now() - SETTLED_AFTER_MS - 1_000),
    });
    const announced: DomainEvent = {
      type: 'RestrictionAnnounced',
      data: { restriction: { methods: ['password'], providers: [] } },
    };
    const announce = () =>
      appendUnconditionally(late, {
        stream: organizationStream('strict'),
        events: [announced],
        context: testContext(),
        subject: INSTALLATION_SUBJECT,
      });
    await announce();
    const refused = await ligature('config', 'apply', declared(false), '--json');
    expect([refused.code, JSON.parse(refused.out)]).toEqual([
      1,
      { kind: 'would_take_last_way_in', people: { strict: 1 } },
    ]);
    expect((await loadOrganization(store, 'strict')).loginPolicy.password).toBe(true);
    await announce();
    expect(await ligature('config', 'apply', declared(false), '--force')).toMatchObject({
      code: 0,
      out: 'organization-strict: RestrictionCommitted, LoginPolicyChanged\n',
    });
  });

  it('a provider is declared, listed, tested, previewed, deactivated and activated', async () => {
    expect(await ligature('config', 'apply', file('good.yaml', configuration(acme.issuer)))).toMatchObject({
      code: 0,
      err: '',
    });
    const listed = await until(async () => {
      const { out } = await ligature('providers', 'list', '--json');
      const providers = JSON.parse(out) as readonly object[];
      return providers.length > 0 ? providers : undefined;
    });
    expect(listed).toEqual([
      expect.objectContaining({ id: 'acme', kind: 'oidc', state: 'active', links: 0, organizationId: null }),
    ]);

    acme.lies = { callback: (parameters) => (parameters.delete('code'), parameters.set('error', 'login_required')) };
    expect(await ligature('providers', 'test', 'acme')).toMatchObject({
      code: 0,
      out: expect.stringMatching(/ok +redirect uri +http/),
    });
    acme.lies = { jwks: () => ({ keys: [] }) };
    expect(await ligature('providers', 'test', 'acme')).toMatchObject({
      code: 1,
      out: expect.stringMatching(/FAIL +keys[^]*→ See http/),
    });
    acme.lies = {};

    const claims = file(
      'claims.json',
      JSON.stringify({ sub: 's', email: 'a@b.example', email_verified: true, roles: ['admin'] }),
    );
    const preview = JSON.parse((await ligature('providers', 'preview', 'acme', claims, '--json')).out) as object;
    expect(preview).toEqual({
      subject: 's',
      claims: { email: 'a@b.example', emailVerified: true },
      leftOut: ['roles'],
    });

    expect(await ligature('providers', 'deactivate', 'acme')).toMatchObject({
      code: 0,
      out: 'acme is deactivated; its links are kept.\n',
    });
    expect(await ligature('providers', 'activate', 'acme')).toMatchObject({ code: 0, out: 'acme is active.\n' });
    expect(await ligature('providers', 'remove', 'acme', '--cancel')).toMatchObject({
      code: 0,
      out: 'acme is kept.\n',
    });
    expect(await ligature('providers', 'remove', 'nonesuch')).toMatchObject({
      code: 2,
      err: 'There is no identity provider nonesuch.\n',
    });
  }, 60_000);

  it('misconfiguration is refused when saved, with the reason and the line', async () => {
    acme.lies = { metadata: (metadata) => ({ ...metadata, issuer: 'https://another.example' }) };
    const wrong = await ligature(
      'config',
      'apply',
      file(
        'wrong.yaml',
        configuration(acme.issuer).replace('id: acme,', 'id: other,').replace('[{ id: acme', '[{ id: other'),
      ),
    );
    expect([wrong.code, wrong.err]).toEqual([
      2,
      expect.stringMatching(
        /line 3: identityProviders\.0\.issuer: .*it says that its issuer is "https:\/\/another\.example"/,
      ),
    ]);
    acme.lies = {};
    const inside = await ligature(
      'config',
      'apply',
      file('inside.yaml', configuration('https://192.168.0.1').replaceAll('id: acme', 'id: inside')),
    );
    expect([inside.code, inside.err]).toEqual([2, expect.stringContaining('issuer: leads inside the network')]);
    const away = await ligature(
      'config',
      'apply',
      file('away.yaml', configuration('http://127.0.0.1:1').replaceAll('id: acme', 'id: away')),
    );
    expect([away.code, away.err]).toEqual([0, expect.stringContaining('Warning: away: not checked: ')]);
  }, 60_000);

  it('L31: a policy that looks as if it linked by username automatically is warned about', async () => {
    const automatic = configuration(acme.issuer)
      .replace('displayName: Test,', 'displayName: Test, loginPolicy: { password: true, registration: true },')
      .replace(
        'creationAllowed: true',
        'creationAllowed: true, autoLink: [username], onMatch: automatic, usernameAuthoritative: true',
      );
    const { code, err } = await ligature('config', 'apply', file('automatic.yaml', automatic));
    expect([code, err]).toEqual([0, expect.stringMatching(/^Warning: line \d+: .* a match by username asks/m)]);
  }, 60_000);

  it('what a provider publishes becomes the beginning of its entry', async () => {
    const { out } = await ligature(
      'providers',
      'import',
      `${acme.issuer}/.well-known/openid-configuration`,
      '--id',
      'new',
    );
    expect(out).toContain(`issuer: ${acme.issuer}`);
    expect(await ligature('providers', 'import', file('nothing.txt', 'nothing'), '--id', 'new')).toMatchObject({
      code: 2,
      err: expect.stringContaining('neither'),
    });
    expect((await ligature('providers', 'templates')).out).toMatch(
      /^entra\n {2}tenant: the directory[^]*believed addresses: none/m,
    );
  }, 60_000);
});
