import type { AccountApps, AccountDependencies, AccountReadModels } from '#libs/account-pages/account-dependencies.js';
import type { UsersDependencies } from '#libs/users/users-dependencies.js';
import { createAccountMail } from '#libs/users/account-mail.js';
import { postgresMailTokens } from '#libs/users/mail-tokens.postgres.js';
import { postgresPendingAddresses } from '#libs/users/pending-addresses.postgres.js';
import { createPasswords } from '#libs/users/passwords.js';
import { loadAccount } from '#libs/users/queries/load-account.js';
import { exists } from '#libs/users/state.js';
import { USER_ACTIVITY_CATEGORY, USER_CATEGORY } from '#libs/users/streams.js';
import type { AdministrationDependencies } from '#libs/administration/administration-dependencies.js';
import type { AuditDependencies } from '#libs/audit/audit-dependencies.js';
import { historyIndex } from '#libs/audit/queries/history-index.js';
import { eventCatalog } from '#libs/event-catalog/event-catalog.js';
import { connectEventStore } from '#libs/event-store/connect-event-store.js';
import type { EventCore } from '#libs/event-store/connect-event-store.js';
import { checkInstallationSecrets } from '#libs/event-store/installation-secrets.js';
import { followStreamChanges } from '#libs/event-store/follow-stream-changes.js';
import { endOfLog } from '#libs/event-store/read-log.js';
import type { EventStore } from '#libs/event-store/event-store.js';
import { warnOfAccount } from '#libs/event-store/store-account.js';
import { checkStoreUrl } from '#libs/event-store/store-url.js';
import type { StoreObserver } from '#libs/event-store/store-metrics.js';
import { Flows, removeExpiredFlows } from '#libs/identity-providers/flows.postgres.js';
import { httpPolicyOf } from '#libs/platform/http-policy.js';
import { UpstreamOAuth2 } from '#libs/identity-providers/oauth2/upstream-oauth2.js';
import type { OAuth2FlowSecrets } from '#libs/identity-providers/oauth2/upstream-oauth2.js';
import { BackChannelLogout } from '#libs/identity-providers/oidc/back-channel-logout.js';
import { Discovery } from '#libs/identity-providers/oidc/discovery.js';
import { UpstreamOpenId } from '#libs/identity-providers/oidc/upstream-open-id.js';
import type { OpenIdFlowSecrets } from '#libs/identity-providers/oidc/upstream-open-id.js';
import { postgresPostedResponses } from '#libs/identity-providers/posted-responses.postgres.js';
import { ProviderHealth, withHealth } from '#libs/identity-providers/provider-health.js';
import { Reachability, whereReachable } from '#libs/identity-providers/reachability.js';
import { upstreamSignIn } from '#libs/identity-providers/upstream-protocol.js';
import { ConsumedAssertions } from '#libs/identity-providers/saml/consumed-assertions.postgres.js';
import { SamlServiceProvider } from '#libs/identity-providers/saml/service-provider.js';
import { SigningCertificates } from '#libs/identity-providers/saml/signing-certificates.js';
import type { SamlFlowRequest } from '#libs/identity-providers/saml/consumed-assertions.postgres.js';
import { UpstreamSaml } from '#libs/identity-providers/saml/upstream-saml.js';
import type { LinkingDependencies } from '#libs/linking/commands/linking-dependencies.js';
import type { CarryOutRevocations } from '#libs/linking/commands/unlink-external-identity.js';
import { countPeopleWithoutWayIn } from '#libs/linking/queries/people-without-way-in.js';
import { loadWaysIn } from '#libs/linking/queries/providers-in-organization.js';
import { mailerFrom, outboxOf } from '#libs/mail/mailer-from.js';
import type { OutboxSettings } from '#libs/mail/outbox.controller.js';
import type { ConsentDependencies } from '#libs/openid-provider/consent/consent-dependencies.js';
import { consentPath } from '#libs/openid-provider/consent/consent-dependencies.js';
import { OpenIdProvider } from '#libs/openid-provider/open-id-provider.js';
import type {
  LinkedIdentity,
  OpenIdProviderOptions,
  UserClaims,
} from '#libs/openid-provider/open-id-provider-options.js';
import { systemClock } from '#libs/platform/clock.js';
import { newUuid } from '#libs/platform/ids.js';
import type { Logger } from '#libs/platform/logger.js';
import { migrate } from '#libs/platform/postgres/migrations.js';
import { createPool } from '#libs/platform/postgres/pool.js';
import type { Pool } from '#libs/platform/postgres/pool.js';
import { createIndexKeys } from '#libs/privacy/index-key.js';
import {
  masterKeyId,
  postgresSubjectKeys,
  rewrapSubjectKeys,
  subjectKeyMigrations,
} from '#libs/privacy/subject-keys.postgres.js';
import { INSTALLATION_SUBJECT } from '#libs/privacy/subject-keys.js';
import { isDenied } from '#libs/projection-engine/parked.postgres.js';
import { checkStoreIdentity } from '#libs/projection-engine/store-check.js';
import { readModelsBehind, waitForPosition } from '#libs/projection-engine/wait-for-position.js';
import { loadRelyingParty } from '#libs/relying-parties/queries/load-relying-party.js';
import { postgresAttemptWindows } from '#libs/sign-in/attempt-windows.postgres.js';
import { createSignInAttempts } from '#libs/sign-in/attempts.js';
import { createContinuations } from '#libs/sign-in/continuations.js';
import type { FlowIntent } from '#libs/sign-in/external-sign-in.js';
import { providerMigrations } from '#libs/installation/provider-migrations.js';
import { purgeUser } from '#libs/installation/purge-user.js';
import { appendActivity } from '#libs/sign-in/open-session.js';
import { postgresPendingLinks } from '#libs/sign-in/pending-links.postgres.js';
import { noteConsent, noteConsentRevoked } from '#libs/sign-in/consents.js';
import { noteRevokedGrant, TokenIssues } from '#libs/sign-in/token-grants.js';
import { carryOutRevocations, placed } from '#libs/sign-in/revocations.js';
import { postgresReauthentications } from '#libs/sign-in/reauthentications.postgres.js';
import { postgresSessionsAtProviders } from '#libs/sign-in/sessions-at-providers.postgres.js';
import { signInPath } from '#libs/sign-in/sign-in-dependencies.js';
import type { SignInDependencies } from '#libs/sign-in/sign-in-dependencies.js';
import { AddressLimits } from '#libs/throttling/address-limits.js';
import { postgresThrottles } from '#libs/throttling/throttles.js';
import { cookiePolicy } from '#libs/web/cookies.js';
import { createCsrfTokens } from '#libs/web/csrf.js';
import type { LinkView } from '#projections/links/read-model.js';
import { countingLinksOfUser, linksOfUser, usersOfProviders } from '#projections/links/read-model.js';
import { loadBranding } from '#libs/organizations/queries/load-branding.js';
import { connectReadModels } from '#projections/read-models.js';
import type { ReadModels } from '#projections/read-models.js';
import { claimsReader, findUser } from '#projections/users/read-model.js';
import type { IdentityConfiguration } from './configuration.js';

/** Everything that the identity server's modules need from outside, put together once. */
export interface IdentityDependencies {
  readonly core: EventCore;
  readonly pool: Pool;
  readonly readModels: ReadModels;
  readonly openIdProvider: OpenIdProvider;
  readonly consent: ConsentDependencies;
  readonly linking: LinkingDependencies & { readonly carryOutRevocations: CarryOutRevocations };
  readonly accounts: UsersDependencies;
  readonly signIn: SignInDependencies;
  readonly account: AccountDependencies;
  readonly audit: AuditDependencies;
  readonly administration: AdministrationDependencies;
  readonly addressLimits: AddressLimits;
  /** The outbox to show; in development only. */
  readonly outbox: OutboxSettings | undefined;
  /** Removes flows, sessions and tokens that have expired. */
  removeExpired(): Promise<void>;
  close(): Promise<void>;
}

export const connectDependencies = async (
  config: IdentityConfiguration,
  logger: Logger,
  observer: StoreObserver,
  onTokenAnswer: OpenIdProviderOptions['onTokenAnswer'],
): Promise<IdentityDependencies> => {
  checkStoreUrl(config.EVENTSTORE_URL);
  const mailer = mailerFrom(config, systemClock, newUuid);
  const pool = createPool(config.DATABASE_URL, {
    applicationName: 'ligature-identity',
    max: 20,
    onIdleError: (error) => logger.warn({ error: error.message }, 'a database connection broke'),
  });
  await migrate(pool, 'keys', subjectKeyMigrations);
  await migrate(pool, 'provider', providerMigrations);
  const [clock, newId] = [systemClock, newUuid];
  const previousMasterKey = config.LIGATURE_MASTER_KEY_PREVIOUS;
  const keys = postgresSubjectKeys({ pool, masterKey: config.LIGATURE_MASTER_KEY, previousMasterKey, clock, newId });
  await keys.forWriting(INSTALLATION_SUBJECT);
  const core = connectEventStore({
    url: config.EVENTSTORE_URL,
    catalog: eventCatalog,
    keys,
    clock,
    newId,
    logger,
    observer,
  });
  const { store } = core;
  const indexKeys = createIndexKeys(config.LIGATURE_INDEX_SECRET);
  try {
    await checkStoreIdentity(pool, core.connection, logger);
    await warnOfAccount(core.connection, logger);
    const startId = newId();
    await checkInstallationSecrets(
      store,
      {
        index: indexKeys.fingerprint,
        master: masterKeyId(config.LIGATURE_MASTER_KEY),
        previousMaster: previousMasterKey && masterKeyId(previousMasterKey),
      },
      { commandId: startId, correlationId: startId, actor: { type: 'system', id: 'identity' } },
    );
  } catch (error) {
    await core.connection.close();
    await pool.end();
    throw error;
  }

  const readModels = await connectReadModels(config.DATABASE_URL, 'ligature-identity-read-models');
  const policy = httpPolicyOf(config);
  const throttles = postgresThrottles(pool, indexKeys, config.LIGATURE_LIMITS);
  const addressLimits = new AddressLimits(throttles, clock);
  const following = followStreamChanges(core.connection, [`${USER_CATEGORY}-`, `${USER_ACTIVITY_CATEGORY}-`], logger);
  const tokenIssues = new TokenIssues(store, newId, following.changes);
  const openIdProvider = await OpenIdProvider.create({
    issuer: config.LIGATURE_ISSUER,
    pool,
    masterKey: config.LIGATURE_MASTER_KEY,
    previousMasterKey,
    cookieKeys: [config.LIGATURE_COOKIE_SECRET.toString('base64url')],
    clock,
    newId,
    logger,
    relyingParties: { find: (clientId) => loadRelyingParty(store, clientId) },
    brandingOf: (organizationId) => loadBranding(store, organizationId),
    users: {
      claims: claimsOf(core, pool),
      linkedIdentities: async (userId) => (await countingLinksOfUser(readModels, userId)).map(linkedIdentity),
    },
    http: policy,
    throttles,
    addressLimits,
    pairwiseSubject: (sector, userId) => indexKeys.of('pairwiseSubject', sector, userId),
    signInPath,
    consentPath,
    ...(onTokenAnswer ? { onTokenAnswer } : {}),
    onTokensIssued: (issue) => tokenIssues.issue(issue),
    onGrantRevoked: (grant, reason) => noteRevokedGrant(store, newId, grant, reason),
    onSignedOut: async ({ userId, organizationId, sessionId }) => {
      const commandId = newId();
      const context = {
        commandId,
        correlationId: commandId,
        actor: { type: 'user', id: userId },
        organizationId,
      } as const;
      await appendActivity(
        store,
        userId,
        [{ type: 'SessionEnded', data: { sessionId, reason: 'signed_out' } }],
        context,
      );
    },
  });

  const discovery = new Discovery(policy, clock);
  const sessionsAtProviders = postgresSessionsAtProviders(pool, indexKeys, clock);
  const postedResponses = postgresPostedResponses(pool, config.LIGATURE_MASTER_KEY, clock);
  const consumed = new ConsumedAssertions(pool, clock);
  const certificates = new SigningCertificates(policy, clock);
  const providerHealth = new ProviderHealth(clock);
  const protocols = upstreamSignIn<FlowIntent>({
    oidc: new UpstreamOpenId({ flows: new Flows<OpenIdFlowSecrets>(pool, clock), discovery, policy, clock }),
    oauth2: new UpstreamOAuth2({ flows: new Flows<OAuth2FlowSecrets>(pool, clock), policy }),
    saml: new UpstreamSaml({ flows: new Flows<SamlFlowRequest>(pool, clock), consumed, certificates, clock }),
  });
  const passwords = createPasswords({
    memoryKiB: config.LIGATURE_ARGON2_MEMORY_KIB,
    iterations: config.LIGATURE_ARGON2_ITERATIONS,
    parallelism: config.LIGATURE_ARGON2_PARALLELISM,
  });
  const mailTokens = postgresMailTokens(pool, clock);
  const pendingAddresses = postgresPendingAddresses(pool, clock);
  const cookies = cookiePolicy(config.LIGATURE_ISSUER);
  const attemptWindows = postgresAttemptWindows(pool, clock);
  const pendingLinks = postgresPendingLinks(pool, config.LIGATURE_MASTER_KEY, clock);
  const revoke: CarryOutRevocations = (userId, executed, context) =>
    carryOutRevocations({ store, sessions: openIdProvider }, userId, placed(executed), context);
  const signIn: SignInDependencies = {
    issuer: config.LIGATURE_ISSUER,
    store,
    // Asked whether it answers before a browser is sent there; not asked at all while it is known not to.
    external: withHealth(whereReachable(protocols, new Reachability(policy, clock)), providerHealth),
    providerHealth,
    postedResponses,
    saml: new SamlServiceProvider({ certificates, clock }),
    backChannelLogouts: new BackChannelLogout({ discovery, clock }),
    interactions: openIdProvider,
    sessions: openIdProvider,
    sessionsAtProviders,
    reauthentications: postgresReauthentications(pool, clock),
    attempts: createSignInAttempts({ store, windows: attemptWindows, logger }),
    pendingLinks,
    isDenied: (userId) => isDenied(pool, userId),
    passwords,
    throttles,
    indexKeys,
    accountMail: createAccountMail({
      issuer: config.LIGATURE_ISSUER,
      mailer,
      mailTokens,
      pendingAddresses,
      indexKeys,
      logger,
    }),
    mailTokens,
    pendingAddresses,
    csrf: createCsrfTokens(config.LIGATURE_COOKIE_SECRET),
    continuations: createContinuations(config.LIGATURE_COOKIE_SECRET, cookies, clock),
    cookies,
    clock,
    newId,
    logger,
  };
  const outbox = config.LIGATURE_ENV === 'development' ? outboxOf(config) : undefined;
  if (previousMasterKey) {
    const rewrapped = await rewrapSubjectKeys(pool, previousMasterKey, config.LIGATURE_MASTER_KEY);
    logger.info({ rewrapped }, 'every key is wrapped under the new master key; LIGATURE_MASTER_KEY_PREVIOUS can go');
  }
  return {
    core,
    pool,
    addressLimits,
    readModels,
    openIdProvider,
    consent: {
      openIdProvider,
      brandingOf: (organizationId) => loadBranding(store, organizationId),
      onConsentGranted: (userId, clientId, consent, context) => noteConsent(store, userId, clientId, consent, context),
    },
    linking: { store, indexKeys, clock, newId, carryOutRevocations: revoke },
    accounts: {
      store,
      indexKeys,
      clock,
      newId,
      passwords,
      mailTokens,
      rules: async (organizationId) => (await loadWaysIn(store, organizationId)).rules,
      carryOutRevocations: revoke,
      destroyKey: (userId) => keys.destroy(userId),
      purge: (userId) => purgeUser(pool, userId),
    },
    signIn,
    account: { ...signIn, apps: accountApps(store, openIdProvider), readModels: accountReadModels(pool, readModels) },
    administration: {
      store,
      clock,
      countUsersWithoutMethod: countPeopleWithoutWayIn,
      policy,
      readModelsShowing: (position, wait) => readModelsBehind(pool, position, wait === 'not' ? 0 : undefined),
      linkedUsers: async function* (providerId) {
        await waitForPosition(pool, 'links', (await endOfLog(core.connection)) ?? -1n);
        yield* usersOfProviders(readModels, providerId);
      },
    },
    audit: {
      store,
      index: historyIndex(readModels),
      indexKeys,
      sessions: openIdProvider,
      continueAt: (path, request, response) => signIn.continuations.remember({ path }, request, response),
      clock,
      newId,
    },
    outbox:
      outbox === undefined || config.LIGATURE_OUTBOX_TOKEN === undefined
        ? undefined
        : { directory: outbox, issuer: config.LIGATURE_ISSUER, token: config.LIGATURE_OUTBOX_TOKEN },
    removeExpired: async () => {
      const tables: readonly (() => Promise<unknown>)[] = [
        () => removeExpiredFlows(pool, clock),
        () => postedResponses.removeExpired(),
        () => sessionsAtProviders.removeExpired(),
        () => consumed.removeExpired(),
        () => mailTokens.removeExpired(),
        () => pendingAddresses.removeExpired(),
        () => pendingLinks.removeExpired(),
        () => attemptWindows.removeExpired(),
        () => openIdProvider.removeExpired(),
      ];
      const failures: unknown[] = [];
      for (const remove of tables) await remove().catch((error: unknown) => failures.push(error));
      // One table that cannot be cleaned does not let the others grow.
      if (failures.length > 0) throw failures[0] as Error;
    },
    close: async () => {
      await following.stop();
      await readModels.destroy();
      await core.connection.close();
      await pool.end();
    },
  };
};

const accountApps = (store: EventStore, openIdProvider: OpenIdProvider): AccountApps => ({
  ofUser: async (userId) =>
    Promise.all(
      (await openIdProvider.appsWithAccess(userId)).map(async ({ clientId, since, offline }) => ({
        clientId,
        displayName: (await loadRelyingParty(store, clientId))?.displayName ?? clientId,
        since,
        offline,
      })),
    ),
  revoke: async (userId, clientId, context) => {
    await noteConsentRevoked(store, userId, clientId, context);
    await openIdProvider.revokeAppAccess(userId, clientId);
  },
});

const accountReadModels = (pool: Pool, readModels: ReadModels): AccountReadModels => ({
  profile: async (userId, atLeast) => {
    await waitForPosition(pool, 'users', atLeast);
    return (await findUser(readModels, userId)) ?? undefined;
  },
  links: async (userId, atLeast) => {
    await waitForPosition(pool, 'links', atLeast);
    return linksOfUser(readModels, userId);
  },
});

const linkedIdentity = ({ providerId, issuer, linkedAt }: LinkView): LinkedIdentity => ({
  provider: providerId,
  issuer,
  linked_at: linkedAt.toISOString(),
});

/**
 * Claims from the read model. A user who is not there yet is waited for, within bounds: created is never "not found".
 */
const claimsOf = (core: EventCore, pool: Pool): ((userId: string) => Promise<UserClaims | undefined>) => {
  const read = claimsReader(pool);
  return async (userId) => {
    let user = await read(userId);
    if (!user) {
      const { state, position } = await loadAccount(core.store, userId);
      if (!exists(state)) return undefined;
      await waitForPosition(pool, 'users', position);
      user = await read(userId);
    }
    // Codes, refresh tokens and userinfo of somebody on the deny list are refused as for an unknown user.
    if (user?.status !== 'active' || user.denied) return undefined;
    return {
      name: user.displayName ?? undefined,
      givenName: user.givenName ?? undefined,
      familyName: user.familyName ?? undefined,
      email: user.email ?? undefined,
      emailVerified: user.emailVerified,
    };
  };
};
