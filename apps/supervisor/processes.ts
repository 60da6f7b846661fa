import { join } from 'node:path';
import type { Role } from '#libs/platform/postgres/provision.js';
import type { ProcessDefinition } from './process-definition.js';
import type { Secrets } from './secrets.js';
import type { Settings } from './settings.js';
import type { StoreCertificate } from './store-certificate.js';

export interface Context {
  /** The checkout. */
  readonly root: string;
  readonly settings: Settings;
  readonly secrets: Secrets;
  readonly storeCertificate: StoreCertificate;
  /** The connection URL of each database role. */
  readonly databaseUrls: Readonly<Record<Role, string>>;
}

const texts = (values: Readonly<Record<string, string | number>>): Record<string, string> =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name, String(value)]));

/** The one account that anything of ours has: it may append and read, and change nothing that is there (E1, E4). */
const STORE_ACCOUNT = 'ligature';

const eventStoreUrl = ({ settings, secrets, storeCertificate }: Context): string =>
  `esdb://${STORE_ACCOUNT}:${secrets.PASSWORD_event_store}@localhost:${settings.ports.EVENT_STORE_PORT}` +
  `?tls=true&tlsCAFile=${encodeURIComponent(storeCertificate.certificate)}`;

/** Mails are not sent from the embedded default; they are written here, and shown at `/dev/outbox`. */
const outboxOf = ({ settings }: Context): string => join(settings.dataDirectory, 'outbox');

/** What the command line needs, all its commands and the demo's configuration file included. */
export const cliEnvironment = (context: Context): Record<string, string> => {
  const { secrets, settings, databaseUrls } = context;
  const { ports } = settings;
  return texts({
    DATABASE_URL: databaseUrls.ligature_cli,
    EVENTSTORE_URL: eventStoreUrl(context),
    LIGATURE_ISSUER: settings.issuer,
    LIGATURE_ENV: 'development',
    LIGATURE_MASTER_KEY: secrets.LIGATURE_MASTER_KEY,
    LIGATURE_INDEX_SECRET: secrets.LIGATURE_INDEX_SECRET,
    DEMO_APP_PORT: ports.DEMO_APP_PORT,
    DEMO_ACME_PORT: ports.DEMO_ACME_PORT,
    DEMO_CORP_PORT: ports.DEMO_CORP_PORT,
    DEMO_GLOBEX_PORT: ports.DEMO_GLOBEX_PORT,
    DEMO_ACME_CLIENT_SECRET: secrets.DEMO_ACME_CLIENT_SECRET,
    DEMO_GLOBEX_CLIENT_SECRET: secrets.DEMO_GLOBEX_CLIENT_SECRET,
    DEMO_APP_CLIENT_SECRET: secrets.DEMO_APP_CLIENT_SECRET,
    DEMO_AUDITOR_CLIENT_SECRET: secrets.DEMO_AUDITOR_CLIENT_SECRET,
  });
};

/**
 * The process tree behind `npm start`, in the order of starting. Each process gets the database role and the secrets
 * that it needs, no others.
 */
export const processes = (context: Context): readonly ProcessDefinition[] => {
  const { root, secrets, settings, storeCertificate, databaseUrls } = context;
  const { ports } = settings;
  const entry = (app: string): string => join(root, 'dist', 'apps', app, 'main.js');
  return [
    {
      kind: 'service',
      name: 'event-store',
      entry: entry('event-store'),
      managementPort: ports.EVENT_STORE_MANAGEMENT_PORT,
      environment: texts({
        DATABASE_URL: databaseUrls.ligature_event_store,
        EVENT_STORE_PORT: ports.EVENT_STORE_PORT,
        EVENT_STORE_MANAGEMENT_PORT: ports.EVENT_STORE_MANAGEMENT_PORT,
        EVENT_STORE_TLS_CERT: storeCertificate.certificate,
        EVENT_STORE_TLS_KEY: storeCertificate.key,
        EVENT_STORE_APPENDERS: `${STORE_ACCOUNT}:${secrets.PASSWORD_event_store}`,
      }),
    },
    // Before what is configured is checked with its providers.
    {
      kind: 'service',
      name: 'demo',
      entry: entry('demo'),
      managementPort: ports.DEMO_MANAGEMENT_PORT,
      environment: texts({
        LIGATURE_ISSUER: settings.issuer,
        DEMO_APP_PORT: ports.DEMO_APP_PORT,
        DEMO_ACME_PORT: ports.DEMO_ACME_PORT,
        DEMO_CORP_PORT: ports.DEMO_CORP_PORT,
        DEMO_GLOBEX_PORT: ports.DEMO_GLOBEX_PORT,
        DEMO_MANAGEMENT_PORT: ports.DEMO_MANAGEMENT_PORT,
        DEMO_ACME_CLIENT_SECRET: secrets.DEMO_ACME_CLIENT_SECRET,
        DEMO_GLOBEX_CLIENT_SECRET: secrets.DEMO_GLOBEX_CLIENT_SECRET,
        DEMO_APP_CLIENT_SECRET: secrets.DEMO_APP_CLIENT_SECRET,
      }),
    },
    // On the first start alone: what operators have declared since is theirs. It takes no sign-in method away, so it waits
    // for no read model, whose projector starts after it.
    {
      kind: 'task',
      name: 'config',
      entry: entry('cli'),
      args: ['config', 'apply', '--initial', join(root, 'apps', 'demo', 'ligature.yaml')],
      environment: cliEnvironment(context),
    },
    {
      kind: 'service',
      name: 'projector',
      entry: entry('projector'),
      managementPort: ports.PROJECTOR_MANAGEMENT_PORT,
      environment: texts({
        DATABASE_URL: databaseUrls.ligature_projector,
        PROCESS_MANAGER_DATABASE_URL: databaseUrls.ligature_process_manager,
        LIGATURE_MAIL_OUTBOX: outboxOf(context),
        EVENTSTORE_URL: eventStoreUrl(context),
        LIGATURE_MASTER_KEY: secrets.LIGATURE_MASTER_KEY,
        PROJECTOR_MANAGEMENT_PORT: ports.PROJECTOR_MANAGEMENT_PORT,
      }),
    },
    {
      kind: 'service',
      name: 'identity',
      entry: entry('identity'),
      managementPort: ports.IDENTITY_MANAGEMENT_PORT,
      environment: texts({
        DATABASE_URL: databaseUrls.ligature_identity,
        EVENTSTORE_URL: eventStoreUrl(context),
        LIGATURE_ISSUER: settings.issuer,
        LIGATURE_ENV: 'development',
        LIGATURE_MASTER_KEY: secrets.LIGATURE_MASTER_KEY,
        LIGATURE_INDEX_SECRET: secrets.LIGATURE_INDEX_SECRET,
        LIGATURE_COOKIE_SECRET: secrets.LIGATURE_COOKIE_SECRET,
        LIGATURE_MAIL_OUTBOX: outboxOf(context),
        LIGATURE_OUTBOX_TOKEN: secrets.OUTBOX_TOKEN,
        IDENTITY_PORT: ports.IDENTITY_PORT,
        IDENTITY_MANAGEMENT_PORT: ports.IDENTITY_MANAGEMENT_PORT,
      }),
    },
  ];
};
