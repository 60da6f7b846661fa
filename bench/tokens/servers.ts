import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { applyDeclaration } from '#libs/declared-configuration/apply-declaration.js';
import { parseDeclaration } from '#libs/declared-configuration/declaration.js';
import { userStream } from '#libs/users/streams.js';
import { appendUnconditionally } from '#libs/event-store/command-execution.js';
import { eventCatalog } from '#libs/event-catalog/event-catalog.js';
import { connectEventStore } from '#libs/event-store/connect-event-store.js';
import { prepareDatabase } from '#libs/installation/prepare-database.js';
import { loginViaIdp } from '#libs/linking/commands/login-via-idp.js';
import { LoginViaIdp } from '#libs/linking/commands/login-via-idp.command.js';
import { systemClock } from '#libs/platform/clock.js';
import { newUuid } from '#libs/platform/ids.js';
import { silentLogger } from '#libs/platform/logger.js';
import { createPool } from '#libs/platform/postgres/pool.js';
import { ROLES } from '#libs/platform/postgres/provision.js';
import type { Role } from '#libs/platform/postgres/provision.js';
import { createIndexKeys } from '#libs/privacy/index-key.js';
import { postgresSubjectKeys } from '#libs/privacy/subject-keys.postgres.js';
import { startEventStoreProcess } from '#test-support/event-store-process.js';
import { AT_ONCE, EVERYTHING_ALLOWED, testAssertion, testContext } from '#test-support/installation.js';
import { freePorts } from '#test-support/ports.js';
import { startScratchPostgres } from '../support/scratch-postgres.js';
import { CLIENT, makeSeed, SCOPE, sessionPayloadOf } from './seed.js';
import type { Seed, SeededArtifact } from './seed.js';

/** An OpenID Provider under test, and what it knows. */
export interface TokenServer {
  readonly url: string;
  readonly seeds: readonly Seed[];
  /** Every process that works for it. */
  readonly pids: readonly number[];
}

export interface TokenServers {
  readonly ligature: TokenServer;
  /** oidc-provider with a minimal adapter on the same PostgreSQL server. */
  readonly bare: TokenServer;
  readonly memory: TokenServer;
  /** The database of Ligature, as its superuser. */
  readonly database: pg.Client;
  /**
   * Stores that an account is deactivated, as an administrator does from elsewhere; what follows from it is for
   * Ligature's processes to do.
   */
  deactivate(userId: string): Promise<void>;
  stop(): Promise<void>;
}

const relyingParty = (backchannelLogoutUri: string | undefined): string => `
relyingParties:
  - clientId: ${CLIENT.id}
    organization: default
    displayName: Bench
    redirectUris: [https://app.example/callback]
    grantTypes: [authorization_code, refresh_token, client_credentials]
    clientSecret: { env: BENCH_CLIENT_SECRET }
    scopes: [${SCOPE.split(' ').join(', ')}]${backchannelLogoutUri === undefined ? '' : `\n    backchannelLogoutUri: ${backchannelLogoutUri}`}
`;

const built = (file: string): string => fileURLToPath(new URL(`../../${file}`, import.meta.url));

const untilUp = async (url: string, child: ChildProcess): Promise<void> => {
  for (;;) {
    if (child.exitCode !== null) throw new Error(`${child.spawnargs.join(' ')} ended`);
    if (
      await fetch(url).then(
        ({ ok }) => ok,
        () => false,
      )
    )
      return;
    await delay(50);
  }
};

/**
 * Starts Ligature's identity server (with its event store), and beside it the two baselines, each a process of its own.
 * @param backchannelLogoutUri where the client wants to hear of logouts; then the projector, which carries out
 * revocations, goes on running
 */
export const startTokenServers = async (workers: number, backchannelLogoutUri?: string): Promise<TokenServers> => {
  const postgres = await startScratchPostgres();
  const passwords = Object.fromEntries(ROLES.map((role) => [role, 'bench'])) as Record<Role, string>;
  const urls = await prepareDatabase({ adminUrl: postgres.adminUrl, database: 'bench', passwords });
  const adminUrl = new URL(postgres.adminUrl);
  adminUrl.pathname = '/bench';
  const database = new pg.Client({ connectionString: adminUrl.href });
  await database.connect();
  const store = await startEventStoreProcess({ databaseUrl: urls.ligature_event_store });
  const children: ChildProcess[] = [];
  const start = (file: string, env: Record<string, string>): ChildProcess => {
    const child = spawn(process.execPath, [built(file)], {
      env: { PATH: process.env.PATH, LIGATURE_LOG_LEVEL: 'error', NODE_ENV: 'production', ...env },
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    children.push(child);
    return child;
  };
  const end = async (child: ChildProcess): Promise<void> => {
    if (child.exitCode !== null) return;
    child.kill('SIGTERM');
    await once(child, 'close');
  };

  const [masterKey, indexSecret] = [randomBytes(32), randomBytes(32)];
  const [port = 0, managementPort = 0, projectorPort = 0] = await freePorts(3);
  const shared = { EVENTSTORE_URL: store.url, LIGATURE_MASTER_KEY: masterKey.toString('base64') };
  const url = `http://localhost:${port}`;
  const identity = start('apps/identity/main.js', {
    ...shared,
    DATABASE_URL: urls.ligature_identity,
    LIGATURE_ISSUER: url,
    LIGATURE_ENV: 'development',
    LIGATURE_INDEX_SECRET: indexSecret.toString('base64'),
    LIGATURE_COOKIE_SECRET: randomBytes(32).toString('base64'),
    LIGATURE_MAIL_OUTBOX: '/tmp/ligature-bench-outbox',
    LIGATURE_ALLOW_PRIVATE_PROVIDERS: 'true',
    IDENTITY_PORT: String(port),
    IDENTITY_MANAGEMENT_PORT: String(managementPort),
  });
  await untilUp(`${url}/jwks`, identity);

  // One person for each worker, whom a projector puts into the read model; after that it has nothing to do with issuing
  // tokens, and ends.
  const pool = createPool(urls.ligature_identity, { applicationName: 'bench' });
  const keys = postgresSubjectKeys({ pool, masterKey, clock: systemClock, newId: newUuid });
  const core = connectEventStore({
    url: store.url,
    catalog: eventCatalog,
    keys,
    clock: systemClock,
    newId: newUuid,
    logger: silentLogger,
  });
  const declared = parseDeclaration(EVERYTHING_ALLOWED + relyingParty(backchannelLogoutUri), {
    BENCH_CLIENT_SECRET: CLIENT.secret,
  });
  await applyDeclaration(core.store, declared, testContext(), AT_ONCE);
  const linking = { ...core, indexKeys: createIndexKeys(indexSecret), clock: systemClock, newId: newUuid };
  const people: { readonly userId: string; readonly claimId: string }[] = [];
  for (let i = 0; i < workers; i += 1) {
    const signIn = new LoginViaIdp(
      testAssertion(`person-${i}`),
      { kind: 'sign_in', organizationId: 'default' },
      testContext(),
    );
    const { outcome } = await loginViaIdp(linking, signIn);
    if (outcome.kind !== 'provisioned') throw new Error(`A person was not provisioned: ${outcome.kind}`);
    people.push(outcome);
  }
  const projector = start('apps/projector/main.js', {
    ...shared,
    DATABASE_URL: urls.ligature_projector,
    PROCESS_MANAGER_DATABASE_URL: urls.ligature_process_manager,
    LIGATURE_MAIL_OUTBOX: '/tmp/ligature-bench-outbox',
    PROJECTOR_MANAGEMENT_PORT: String(projectorPort),
  });
  const isProjected = (): Promise<boolean> =>
    database.query('SELECT 1 FROM models.users').then(
      ({ rowCount }) => rowCount === workers,
      () => false,
    );
  while (!(await isProjected())) await delay(50);
  if (backchannelLogoutUri === undefined) await end(projector);

  const seeds = people.map(({ userId }) => makeSeed(userId));
  const put = (table: string, { grant }: Seed, { model, id, payload }: SeededArtifact) =>
    database.query(
      `INSERT INTO ${table} (model, id, payload, grant_id, expires_at) VALUES ($1, $2, $3, $4, now() + interval '1 day')`,
      [model, id, JSON.stringify(payload), model === 'Grant' ? null : grant.id],
    );
  for (const [i, seed] of seeds.entries()) {
    const { userId, sessionUid, grant } = seed;
    const claimId = people[i]?.claimId;
    await database.query(
      `INSERT INTO provider.sessions (uid, state, user_id, organization_id, claim_id, method, auth_time, payload, expires_at, account_revision)
       VALUES ($1, 'active', $2, 'default', $3, 'external', now(), $4, now() + interval '1 day', 1)`,
      [sessionUid, userId, claimId, JSON.stringify(sessionPayloadOf(seed))],
    );
    await database.query(
      `INSERT INTO provider.grants (id, client_id, user_id, organization_id, session_uid, claim_id, account_revision, payload, expires_at)
       VALUES ($1, $2, $3, 'default', $4, $5, 1, $6, now() + interval '1 day')`,
      [grant.id, CLIENT.id, userId, sessionUid, claimId, JSON.stringify(grant.payload)],
    );
    for (const artifact of [seed.accessToken, seed.refreshToken]) await put('provider.artifacts', seed, artifact);
  }

  await database.query(`
    CREATE SCHEMA bare;
    CREATE TABLE bare.artifacts (model text, id text, payload jsonb NOT NULL, grant_id text, expires_at timestamptz, consumed_at timestamptz, PRIMARY KEY (model, id));
    CREATE INDEX ON bare.artifacts (grant_id)`);
  for (const seed of seeds)
    for (const artifact of [seed.grant, seed.accessToken, seed.refreshToken])
      await put('bare.artifacts', seed, artifact);
  const postgresPid = await postgres.pid();
  const baseline = async (
    env: Record<string, string>,
  ): Promise<{ readonly child: ChildProcess; readonly server: TokenServer }> => {
    const child = start('bench/tokens/bare-provider.js', env);
    const [message] = (await once(child, 'message')) as [{ port: number }];
    return {
      child,
      server: {
        url: `http://localhost:${message.port}`,
        seeds,
        pids: [child.pid ?? 0, ...(env.DATABASE_URL ? [postgresPid] : [])],
      },
    };
  };
  const bare = await baseline({ DATABASE_URL: adminUrl.href });
  const memory = await baseline({});
  const known = seeds.flatMap(({ grant, accessToken, refreshToken }) => [grant, accessToken, refreshToken]);
  memory.child.send(known.map(({ model, id, payload }) => ({ key: `${model} ${id}`, payload })));
  await once(memory.child, 'message');

  return {
    ligature: { url, seeds, pids: [identity.pid ?? 0, store.pid, postgresPid] },
    bare: bare.server,
    memory: memory.server,
    database,
    deactivate: async (userId) => {
      await appendUnconditionally(core.store, {
        stream: userStream(userId),
        events: [{ type: 'UserDeactivated', data: {} }],
        context: testContext(),
        subject: userId,
      });
    },
    stop: async () => {
      for (const child of children) await end(child);
      await core.connection.close();
      await pool.end();
      await database.end();
      store.kill('SIGTERM');
      await store.ended;
      await postgres.discard();
    },
  };
};
