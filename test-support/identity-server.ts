import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { pino } from 'pino';
import { startIdentity } from '#apps/identity/identity.js';
import { startProjector } from '#apps/projector/projector.js';
import { listOutbox } from '#libs/mail/outbox-mailer.js';
import type { OutboxMail } from '#libs/mail/outbox-mailer.js';
import { silentLogger } from '#libs/platform/logger.js';
import type { TestEventStore } from './event-store.js';
import { startTestInstallation } from './installation.js';
import type { TestInstallation } from './installation.js';
import { freePorts } from './ports.js';
import { startRoundRobin } from './round-robin.js';

/** Opens `/dev/outbox`. */
export const OUTBOX_TOKEN = 'the-token-of-the-outbox-in-tests';

export interface TestIdentityServer {
  readonly issuer: string;
  /** `/health/ready` and `/metrics`. */
  readonly managementPort: number;
  readonly installation: TestInstallation;
  /** The mails that were sent, newest first. */
  mails(): Promise<readonly OutboxMail[]>;
  /** What the server logged, one JSON object per line. */
  readonly log: Record<string, unknown>[];
  stop(): Promise<void>;
}

/**
 * An identity server and a projector in this process, over real HTTP, on an installation of their own.
 * @param eventStore one that the test has started; it is stopped with the server
 * @param environment of the identity servers, beside what they need
 * @param instances how many identity servers there are behind the one address; requests go to them in turn
 */
export const startTestIdentityServer = async (
  eventStore?: TestEventStore,
  instances = 1,
  environment: NodeJS.ProcessEnv = {},
): Promise<TestIdentityServer> => {
  const installation = await startTestInstallation(eventStore);
  const [port = 0, managementPort = 0, ...others] = await freePorts(2 + (instances > 1 ? instances : 0));
  const issuer = `http://localhost:${port}`;
  const outbox = mkdtempSync(join(tmpdir(), 'ligature-outbox-'));
  const log: Record<string, unknown>[] = [];
  const logger = pino(
    new Writable({
      write: (line: Buffer, _encoding, done) => {
        log.push(JSON.parse(line.toString()) as Record<string, unknown>);
        done();
      },
    }),
  );
  const shared = {
    EVENTSTORE_URL: installation.eventStore.url,
    LIGATURE_MASTER_KEY: installation.masterKey.toString('base64'),
  };
  const { urls } = installation.eventStore.database;
  const projector = await startProjector(
    {
      ...shared,
      DATABASE_URL: urls.ligature_projector,
      PROCESS_MANAGER_DATABASE_URL: urls.ligature_process_manager,
      LIGATURE_MAIL_OUTBOX: outbox,
      PROJECTOR_MANAGEMENT_PORT: '0',
    },
    silentLogger,
  );
  const ports = instances > 1 ? others : [port];
  const identities = await Promise.all(
    ports.map((own, i) =>
      startIdentity(
        {
          ...shared,
          DATABASE_URL: urls.ligature_identity,
          LIGATURE_ISSUER: issuer,
          LIGATURE_ENV: 'development',
          LIGATURE_INDEX_SECRET: installation.indexSecret.toString('base64'),
          LIGATURE_COOKIE_SECRET: Buffer.alloc(32, 7).toString('base64'),
          LIGATURE_MAIL_OUTBOX: outbox,
          LIGATURE_OUTBOX_TOKEN: OUTBOX_TOKEN,
          IDENTITY_PORT: String(own),
          IDENTITY_MANAGEMENT_PORT: String(i === 0 ? managementPort : 0),
          ...environment,
        },
        logger,
      ),
    ),
  );
  const front = instances > 1 ? await startRoundRobin(port, ports) : undefined;
  return {
    issuer,
    mails: () => listOutbox(outbox),
    managementPort,
    installation,
    log,
    stop: async () => {
      front?.close();
      for (const identity of identities) await identity.stop();
      await projector.stop();
      await installation.stop();
      rmSync(outbox, { recursive: true, force: true });
    },
  };
};

/** One organization that offers these providers, everything allowed, and one relying party. */
export const configurationFor = (
  providers: Readonly<Record<string, string>>,
  redirectUri = 'http://127.0.0.1:1/callback',
): string => `
identityProviders:
${Object.entries(providers)
  .map(
    ([id, issuer]) =>
      `  - { id: ${id}, kind: oidc, displayName: ${id}, issuer: "${issuer}", clientId: ligature, scopes: [openid, profile, email] }`,
  )
  .join('\n')}
organizations:
  - id: default
    displayName: Test
    identityProviders:
${Object.keys(providers)
  .map((id) => `      - { id: ${id}, policy: { creationAllowed: true, autoCreate: true, linkingAllowed: true } }`)
  .join('\n')}
relyingParties:
  - clientId: app
    organization: default
    displayName: App
    redirectUris: ["${redirectUri}"]
    grantTypes: [authorization_code]
    tokenEndpointAuthMethod: none
    applicationType: native
    scopes: [openid, profile, email]
`;
