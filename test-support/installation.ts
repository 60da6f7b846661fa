import { randomBytes } from 'node:crypto';
import { parseDeclaration } from '#libs/declared-configuration/declaration.js';
import type { Restricting } from '#libs/declared-configuration/agree-on-restrictions.js';
import { applyDeclaration } from '#libs/declared-configuration/apply-declaration.js';
import { eventCatalog } from '#libs/event-catalog/event-catalog.js';
import { connectEventStore } from '#libs/event-store/connect-event-store.js';
import type { EventCore } from '#libs/event-store/connect-event-store.js';
import { unobserved } from '#libs/event-store/store-metrics.js';
import type { StoreObserver } from '#libs/event-store/store-metrics.js';
import type { CommandContext } from '#libs/event-store/event-metadata.js';
import type { VerifiedAssertion } from '#libs/identity-providers/verified-assertion.js';
import type { LinkingDependencies } from '#libs/linking/commands/linking-dependencies.js';
import { systemClock } from '#libs/platform/clock.js';
import { newUuid } from '#libs/platform/ids.js';
import { silentLogger } from '#libs/platform/logger.js';
import { migrate } from '#libs/platform/postgres/migrations.js';
import { createPool } from '#libs/platform/postgres/pool.js';
import type { Pool } from '#libs/platform/postgres/pool.js';
import { createIndexKeys } from '#libs/privacy/index-key.js';
import { postgresSubjectKeys, subjectKeyMigrations } from '#libs/privacy/subject-keys.postgres.js';
import type { DestructibleSubjectKeys } from '#libs/privacy/subject-keys.js';
import type { OpenSessionDependencies } from '#libs/sign-in/open-session.js';
import { startTestEventStore } from './event-store.js';
import type { TestEventStore } from './event-store.js';

/**
 * A whole installation without its HTTP servers: an event store, a database with its keys, and what the commands need.
 */
export interface TestInstallation extends EventCore, LinkingDependencies, Pick<OpenSessionDependencies, 'isDenied'> {
  readonly eventStore: TestEventStore;
  /** As the identity server connects. */
  readonly pool: Pool;
  readonly keys: DestructibleSubjectKeys;
  readonly masterKey: Buffer;
  readonly indexSecret: Buffer;
  /** Applies a configuration file's text. @param environment where its secrets are */
  configure(yaml: string, environment?: NodeJS.ProcessEnv): Promise<void>;
  stop(): Promise<void>;
}

const provider = (id: string): string => `
  - id: ${id}
    kind: oidc
    displayName: ${id}
    issuer: https://${id}.example
    clientId: ligature
    scopes: [openid]`;

/**
 * Two organizations' worth of settings would hide what a test is about: one organization, two providers, everything
 * allowed.
 */
export const EVERYTHING_ALLOWED = `
identityProviders:${provider('acme')}${provider('globex')}
organizations:
  - id: default
    displayName: Test
    identityProviders:
      - { id: acme, policy: { creationAllowed: true, autoCreate: true, linkingAllowed: true } }
      - { id: globex, policy: { creationAllowed: true, autoCreate: true, linkingAllowed: true } }
`;

export const testContext = (commandId = newUuid()): CommandContext => ({
  commandId,
  correlationId: commandId,
  actor: { type: 'system', id: 'test' },
  organizationId: 'default',
});

/** Takes ways in away without waiting and without asking whom it affects. */
export const AT_ONCE: Restricting = {
  clock: systemClock,
  pause: () => Promise.resolve(),
  affected: async function* () {
    yield await Promise.resolve([]);
  },
  force: true,
};

export const testAssertion = (subject: string, providerId = 'acme'): VerifiedAssertion => ({
  providerId,
  sourceKind: 'oidc',
  issuer: `https://${providerId}.example`,
  subject,
  claims: { emailVerified: false, name: `Person ${subject}`, email: `${subject}@${providerId}.example` },
  amr: [],
  assertionId: `assertion-${subject}`,
});

/** @param given an event store that the test has started; it is stopped with the installation */
export const startTestInstallation = async (
  given?: TestEventStore,
  observer: StoreObserver = unobserved,
): Promise<TestInstallation> => {
  const eventStore = given ?? (await startTestEventStore());
  const pool = createPool(eventStore.database.urls.ligature_identity, { applicationName: 'test' });
  await migrate(pool, 'keys', subjectKeyMigrations);
  const masterKey = randomBytes(32);
  const indexSecret = randomBytes(32);
  const keys = postgresSubjectKeys({ pool, masterKey, clock: systemClock, newId: newUuid });
  const core = connectEventStore({
    url: eventStore.url,
    catalog: eventCatalog,
    keys,
    clock: systemClock,
    newId: newUuid,
    logger: silentLogger,
    observer,
  });
  return {
    ...core,
    eventStore,
    pool,
    keys,
    masterKey,
    indexSecret,
    indexKeys: createIndexKeys(indexSecret),
    clock: systemClock,
    newId: newUuid,
    isDenied: () => Promise.resolve(false),
    configure: async (yaml, environment = process.env) => {
      await applyDeclaration(core.store, parseDeclaration(yaml, environment), testContext(), AT_ONCE);
    },
    stop: async () => {
      await core.connection.close();
      await pool.end();
      await eventStore.stop();
    },
  };
};
