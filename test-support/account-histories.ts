import { setTimeout as delay } from 'node:timers/promises';
import fc from 'fast-check';
import type { UsersDependencies } from '#libs/users/users-dependencies.js';
import {
  addEmail,
  changeUsername,
  deactivateUser,
  reactivateUser,
  recoverAccount,
  registerUser,
  removePassword,
  reviewSignInMethods,
  setPassword,
  verifyEmail,
} from '#libs/users/commands/account-commands.js';
import {
  AddEmail,
  ChangeUsername,
  DeactivateUser,
  EraseUser,
  ReactivateUser,
  RecoverAccount,
  RemovePassword,
  ReviewSignInMethods,
  SetPassword,
  VerifyEmail,
} from '#libs/users/commands/account.command.js';
import { eraseUser } from '#libs/users/commands/erase-user.js';
import { RegisterUser } from '#libs/users/commands/register-user.command.js';
import { usableCredentials } from '#libs/users/credentials.js';
import { postgresMailTokens } from '#libs/users/mail-tokens.postgres.js';
import { loadAccount } from '#libs/users/queries/load-account.js';
import { accountFold, hasCountingLink, methodsOnHold, seenAt, settlementOf } from '#libs/users/state.js';
import type { Account, UserStreamEvent } from '#libs/users/state.js';
import {
  userActivityStream,
  usernameKey,
  usernameStream,
  userStream,
  verifiedEmailKey,
  verifiedEmailStream,
} from '#libs/users/streams.js';
import { claimFold } from '#libs/users/claims/claim.js';
import { heldBy } from '#libs/users/claims/held-by.js';
import type { Claim, ClaimStreamEvent } from '#libs/users/claims/claim.js';
import type { EventStore } from '#libs/event-store/event-store.js';
import type { RecordedEvent } from '#libs/event-store/recorded-event.js';
import { providerMigrations } from '#libs/installation/provider-migrations.js';
import { purgeUser } from '#libs/installation/purge-user.js';
import { loginViaIdp } from '#libs/linking/commands/login-via-idp.js';
import { LoginViaIdp } from '#libs/linking/commands/login-via-idp.command.js';
import type { LoginResult } from '#libs/linking/commands/login-via-idp.command.js';
import { linkProvenAccount } from '#libs/linking/commands/link-proven-account.js';
import { LinkProvenAccount } from '#libs/linking/commands/link-proven-account.command.js';
import { UnlinkExternalIdentity } from '#libs/linking/commands/unlink-external-identity.command.js';
import { unlinkExternalIdentity } from '#libs/linking/commands/unlink-external-identity.js';
import { externalIdentityKey } from '#libs/linking/external-identity.js';
import type { FlowFacts } from '#libs/linking/login-via-idp.js';
import { loadWaysIn } from '#libs/linking/queries/providers-in-organization.js';
import { externalIdentityStream } from '#libs/users/external-identity-stream.js';
import { openIdProviderMigrations } from '#libs/openid-provider/migrations.js';
import { SessionRows } from '#libs/openid-provider/sessions.postgres.js';
import { systemClock } from '#libs/platform/clock.js';
import { newUuid } from '#libs/platform/ids.js';
import { silentLogger } from '#libs/platform/logger.js';
import { migrate } from '#libs/platform/postgres/migrations.js';
import { AccountProcessManager } from '#libs/process-managers/account-process-manager.js';
import { loadCheckpoint } from '#libs/process-managers/checkpoints.postgres.js';
import { openSession } from '#libs/sign-in/open-session.js';
import { carryOutRevocations, placed, revocationOf } from '#libs/sign-in/revocations.js';
import { testAssertion, testContext } from './installation.js';
import type { TestInstallation } from './installation.js';

import { sessionsAtProviders } from './sessions.js';
import { until } from './until.js';

/**
 * One organization, everything allowed: nothing but the protocols stands between a command and a broken invariant.
 * Globex proves more than a password does.
 */
const STRONG = 'globex';
export const HISTORIES_CONFIGURATION = `
identityProviders:
${['acme', 'globex'].map((id) => `  - { id: ${id}, kind: oidc, displayName: ${id}, issuer: "https://${id}.example", clientId: ligature, scopes: [openid] }`).join('\n')}
organizations:
  - id: default
    displayName: Test
    loginPolicy: { password: true, registration: true, recovery: true, acrValues: [strong] }
    identityProviders:
${['acme', 'globex'].map((id) => `      - { id: ${id}, policy: { creationAllowed: true, autoCreate: true, linkingAllowed: true${id === STRONG ? ', grantsAcr: strong' : ''} } }`).join('\n')}
`;

/** Contested identities; and people, each with an identity of their own (the last ones). */
const CONTESTED = 3;
const PEOPLE = 2;
/** Names and addresses that everybody wants. */
const NAMES = 2;

/** Claims are waited for in a fiftieth of the time, so that some are abandoned under the feet of their slow owners. */
const SPEED = 50;
const began = Date.now();
const fastClock = (): Date => new Date(began + (Date.now() - began) * SPEED);
/** Longer than a claim may stay unsettled by the fast clock, so that others take it for dead. */
const STALL_MS = 150;

class Crash extends Error {}

/**
 * What happens to a process before its append number `appends` + 1: it ends, or it stands still for longer than a
 * claim's lifetime.
 */
interface Fate {
  readonly happens: 'dies' | 'stalls';
  readonly appends: number;
}

const CHANGES_WAYS_IN: ReadonlySet<string> = new Set(['ExternalIdentityLinked', 'AccountRecovered']);

const DEEDS = [
  'sign_in',
  'link',
  'link_by_password',
  'unlink',
  'register',
  'rename',
  'verify_email',
  'set_password',
  'remove_password',
  'recover',
  'review',
  'deactivate',
  'reactivate',
  'erase',
  'from_another_organization',
] as const;

interface Action {
  readonly kind: (typeof DEEDS)[number];
  readonly who: number;
  readonly identity: number;
  readonly name: number;
  readonly fate: Fate | null;
}

const action: fc.Arbitrary<Action> = fc.record({
  kind: fc.oneof(
    // What contends most is done most.
    { weight: 3, arbitrary: fc.constantFrom('sign_in', 'link', 'unlink') },
    { weight: 2, arbitrary: fc.constantFrom(...DEEDS) },
  ),
  who: fc.nat(PEOPLE - 1),
  identity: fc.nat(CONTESTED + PEOPLE - 1),
  name: fc.nat(NAMES - 1),
  fate: fc.option(fc.record({ happens: fc.constantFrom('dies', 'stalls'), appends: fc.nat(4) }), { freq: 4 }),
});

/** Rounds of commands; those of one round run at once. */
const history: fc.Arbitrary<Action[][]> = fc.array(fc.array(action, { minLength: 1, maxLength: 6 }), {
  minLength: 1,
  maxLength: 3,
});

/** What has to be tried in every run, whatever chance says. */
const one = (kind: Action['kind'], over: Partial<Action> = {}): Action => ({
  kind,
  who: 0,
  identity: 0,
  name: 0,
  fate: null,
  ...over,
});
const slowly = (kind: Action['kind']): Action => one(kind, { fate: { happens: 'stalls', appends: 1 } });
const ALWAYS: [Action[][]][] = [
  [[[slowly('sign_in'), one('sign_in', { who: 1 })]]],
  [[[slowly('link'), one('sign_in', { who: 1 })]]],
  [[[slowly('sign_in'), one('link', { who: 1 })]]],
  [[[slowly('link'), one('link', { who: 1 })]]],
  [[[slowly('rename'), one('rename', { who: 1 }), one('register')]]],
  [[[slowly('verify_email'), one('verify_email', { who: 1 })]]],
  [[[one('link')], [slowly('unlink'), one('erase')], [one('link', { who: 1 })]]],
  [
    [
      [one('set_password'), one('verify_email')],
      [one('unlink', { identity: CONTESTED }), one('remove_password'), one('recover')],
    ],
  ],
  [
    [
      [one('sign_in', { fate: { happens: 'dies', appends: 1 } })],
      [one('link', { who: 1 })],
      [slowly('unlink'), one('unlink', { who: 1 })],
    ],
  ],
  [
    [
      [one('set_password'), one('verify_email')],
      [slowly('link_by_password'), one('recover'), one('link', { identity: 1 })],
    ],
  ],
  // A recovery puts on hold what a sign-in under way uses; a review removes or keeps it. Only the second person, who has
  // no stronger sign-in method, can recover.
  ...[0, 1].map((name): [Action[][]] => {
    const mine = { who: 1, name, identity: CONTESTED + 1 };
    const other = { ...mine, identity: 2 };
    return [
      [
        [one('verify_email', mine), one('link', other)],
        [one('link', other)],
        [
          one('sign_in', { ...other, fate: { happens: 'stalls', appends: 1 } }),
          one('recover', mine),
          one('sign_in', mine),
        ],
        [one('review', mine), one('sign_in', other), one('link', { ...other, who: 0 })],
      ],
    ];
  }),
  ...[0, 1, 2, 3, 4].map((appends): [Action[][]] => [
    [[one('link'), one('rename')], [one('erase', { fate: { happens: 'dies', appends } })]],
  ]),
];

/**
 * An installation with its process manager, in which many histories are played, each with people and names of its own.
 */
export class HistoryTheatre {
  /** Commands of somebody who proved control by a password or a mail. */
  readonly #provenByLess = new Set<string>();
  readonly #stopping = new AbortController();
  readonly #running: Promise<void>;
  readonly #sessions: SessionRows;

  private constructor(private readonly installation: TestInstallation) {
    const { pool, store, connection, codec, newId } = installation;
    this.#sessions = new SessionRows(pool, systemClock);
    const manager = new AccountProcessManager({
      pool,
      connection,
      codec,
      store,
      clock: fastClock,
      newId,
      logger: silentLogger,
      build: 'test',
      reactions: {
        carryOutRevocations: (userId, event, context) =>
          carryOutRevocations({ store, sessions: this.#sessions }, userId, [event], context),
        revokeMails: () => Promise.resolve(),
        finishErasure: async (userId, context) => {
          await eraseUser(
            this.#dependencies(installation.store),
            new EraseUser({ userId, organizationId: 'default' }, context),
          );
        },
        wantsToNotify: () => false,
        notify: () => Promise.resolve(),
      },
    });
    this.#running = manager.run(this.#stopping.signal);
  }

  /** The tables that the commands need, without the servers that make them. */
  static prepare(installation: TestInstallation): Promise<void> {
    return migrate(installation.pool, 'provider', [...openIdProviderMigrations, ...providerMigrations]);
  }

  static async open(installation: TestInstallation): Promise<HistoryTheatre> {
    await HistoryTheatre.prepare(installation);
    await installation.configure(HISTORIES_CONFIGURATION);
    return new HistoryTheatre(installation);
  }

  async close(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  /**
   * Plays a history and checks the invariants at every moment of it.
   * @returns what is broken, in words; nothing when all holds
   */
  async play(rounds: readonly (readonly Action[])[]): Promise<readonly string[]> {
    const run = newUuid();
    const broken: string[] = [];
    const people: string[] = [];
    for (let person = 0; person < PEOPLE; person += 1) {
      const { outcome } = await this.#login(this.installation.store, run, CONTESTED + person);
      if (outcome.kind !== 'provisioned') throw new Error(outcome.kind);
      people.push(outcome.userId);
    }
    for (const actions of rounds) {
      const settled = await Promise.allSettled(actions.map((each) => this.#carryOut(run, people, each)));
      for (const each of settled) {
        if (each.status === 'rejected' && !(each.reason instanceof Crash))
          broken.push(`a command failed: ${(each.reason as Error).stack}`);
        if (each.status === 'fulfilled') broken.push(...each.value);
      }
    }
    const users = await this.#usersOf(run, people);
    await this.#untilSettled(run, users);
    broken.push(...(await this.#checkEveryMoment(run, users)), ...(await this.#checkSessions(users)));
    for (let identity = 0; identity < CONTESTED + PEOPLE; identity += 1) {
      const { outcome: first } = await this.#login(this.installation.store, run, identity);
      const { outcome: second } = await this.#login(this.installation.store, run, identity);
      if (!('userId' in first)) {
        // Only an owner who may not sign in is refused.
        if (first.kind !== 'refused' || first.code !== 'account_not_found')
          broken.push(`a sign-in ended with ${JSON.stringify(first)}`);
      } else if (second.kind !== 'sign_in' || second.userId !== first.userId) {
        broken.push(`two sign-ins after another ended with ${JSON.stringify([first, second])}`);
      }
    }
    return broken;
  }

  /** The store as a process sees it whose fate this is. */
  #storeOf(fate: Fate | null): EventStore {
    let made = 0;
    const { store } = this.installation;
    return {
      read: store.read.bind(store),
      append: async (request: Parameters<EventStore['append']>[0]) => {
        if (fate?.happens === 'dies' && made >= fate.appends) throw new Crash();
        if (fate?.happens === 'stalls' && made === fate.appends) await delay(STALL_MS);
        made += 1;
        return store.append(request);
      },
    } as unknown as EventStore;
  }

  /** What the commands need, with sessions in PostgreSQL and a hash that costs nothing. */
  static dependenciesOf(installation: TestInstallation, store: EventStore = installation.store): UsersDependencies {
    const { indexKeys, newId, pool, keys } = installation;
    const sessions = new SessionRows(pool, systemClock);
    return {
      store,
      indexKeys,
      clock: fastClock,
      newId,
      passwords: {
        hash: (password) => Promise.resolve(`hash of ${password}`),
        verify: () => Promise.resolve({ matches: false, outdated: false }),
      },
      mailTokens: postgresMailTokens(pool, systemClock),
      rules: async (organizationId) => (await loadWaysIn(store, organizationId)).rules,
      carryOutRevocations: (userId, executed, context) =>
        carryOutRevocations({ store, sessions }, userId, placed(executed), context),
      destroyKey: (userId) => keys.destroy(userId),
      purge: (userId) => purgeUser(pool, userId),
    };
  }

  #dependencies(store: EventStore): UsersDependencies {
    return HistoryTheatre.dependenciesOf(this.installation, store);
  }

  #assertion(run: string, identity: number) {
    return testAssertion(`${run}-${identity}`, identity % 2 === 0 ? 'acme' : 'globex');
  }

  #login(
    store: EventStore,
    run: string,
    identity: number,
    flow: FlowFacts = { kind: 'sign_in' },
  ): Promise<LoginResult> {
    const command = new LoginViaIdp(
      this.#assertion(run, identity),
      { ...flow, organizationId: 'default' },
      testContext(),
    );
    return loginViaIdp(this.#dependencies(store), command);
  }

  #nameOf(run: string, name: number) {
    const username = `n${name}.${run}`;
    return { username, canonical: username };
  }
  #addressOf(run: string, name: number) {
    const address = `n${name}@${run}.example`;
    return { address, canonical: address, domain: `${run}.example` };
  }

  /** Does it. @returns what was broken by it */
  async #carryOut(
    run: string,
    people: readonly string[],
    { kind, who, identity, name, fate }: Action,
  ): Promise<readonly string[]> {
    const userId = people[who] ?? '';
    const store = this.#storeOf(fate);
    const deps = this.#dependencies(store);
    const target = { userId, organizationId: 'default' };
    const context = testContext();
    switch (kind) {
      case 'sign_in': {
        const { outcome, account } = await this.#login(store, run, identity);
        if (!('claimId' in outcome) || !account) return [];
        const opened = await openSession(
          {
            store,
            sessions: this.#sessions,
            sessionsAtProviders,
            clock: systemClock,
            isDenied: () => Promise.resolve(false),
          },
          {
            userId: outcome.userId,
            organizationId: 'default',
            method: {
              kind: 'external_identity',
              providerId: this.#assertion(run, identity).providerId,
              claimId: outcome.claimId,
              decision: { row: '2', policyRevision: 'test' },
            },
            account,
            lifetimeS: 3_600,
            amr: [],
            context,
          },
        );
        if (opened.kind === 'opened') await this.#sessions.activate(opened.sessionId);
        return [];
      }
      case 'link':
        await this.#login(store, run, identity, { kind: 'link', userId, valid: true });
        return [];
      case 'link_by_password':
        this.#provenByLess.add(context.commandId);
        const seen = await loadAccount(store, userId);
        await linkProvenAccount(
          deps,
          new LinkProvenAccount(
            this.#assertion(run, identity),
            'default',
            userId,
            { kind: 'password' },
            seenAt(seen.state, seen.revision),
            undefined,
            context,
          ),
        );
        return [];
      case 'unlink': {
        const key = externalIdentityKey(this.installation.indexKeys, {
          organizationId: 'default',
          ...this.#assertion(run, identity),
        });
        const link = (await loadAccount(store, userId)).state.links.find(({ identityKey }) => identityKey === key);
        if (link)
          await unlinkExternalIdentity(deps, new UnlinkExternalIdentity(userId, 'default', link.claimId, context));
        return [];
      }
      case 'register':
        await registerUser(
          deps,
          new RegisterUser(
            {
              organizationId: 'default',
              displayName: 'New',
              username: this.#nameOf(run, name),
              email: this.#addressOf(run, name),
              password: 'x',
              identity: undefined,
            },
            context,
          ),
        );
        return [];
      case 'rename':
        await changeUsername(deps, new ChangeUsername(target, this.#nameOf(run, name), context));
        return [];
      case 'verify_email': {
        const emailId = newUuid();
        await addEmail(deps, new AddEmail(target, { emailId, address: this.#addressOf(run, name).address }, context));
        await verifyEmail(deps, new VerifyEmail(target, emailId, testContext()));
        return [];
      }
      case 'set_password':
        await setPassword(deps, new SetPassword(target, 'x', undefined, context));
        return [];
      case 'remove_password':
        await removePassword(deps, new RemovePassword(target, undefined, context));
        return [];
      case 'recover': {
        this.#provenByLess.add(context.commandId);
        const { verifiedEmail } = (await loadAccount(store, userId)).state;
        if (verifiedEmail) await recoverAccount(deps, new RecoverAccount(target, verifiedEmail.emailId, 'y', context));
        return [];
      }
      case 'review': {
        const held = methodsOnHold((await loadAccount(store, userId)).state).map(({ claimId }) => claimId);
        const kept = held.filter((_, i) => i % 2 === name % 2);
        const removed = held.filter((claimId) => !kept.includes(claimId));
        await reviewSignInMethods(deps, new ReviewSignInMethods(target, { kept, removed }, context));
        return [];
      }
      case 'deactivate':
        await deactivateUser(deps, new DeactivateUser(target, context));
        return [];
      case 'reactivate':
        await reactivateUser(deps, new ReactivateUser(target, context));
        return [];
      case 'erase':
        await eraseUser(deps, new EraseUser(target, context));
        return [];
      case 'from_another_organization': {
        const elsewhere = { userId, organizationId: 'other' };
        const outcomes = [
          (await changeUsername(deps, new ChangeUsername(elsewhere, this.#nameOf(run, name), context))).outcome,
          (await deactivateUser(deps, new DeactivateUser(elsewhere, testContext()))).outcome,
          (await eraseUser(deps, new EraseUser(elsewhere, testContext()))).outcome,
        ];
        return outcomes.flatMap((outcome) =>
          outcome.kind === 'done' ? ['invariant 11: a command of another organization succeeded'] : [],
        );
      }
    }
  }

  #thingsOf(run: string) {
    const { indexKeys } = this.installation;
    return [
      ...Array.from({ length: CONTESTED + PEOPLE }, (_, identity) =>
        externalIdentityStream(
          externalIdentityKey(indexKeys, { organizationId: 'default', ...this.#assertion(run, identity) }),
        ),
      ),
      ...Array.from({ length: NAMES }, (_, name) =>
        usernameStream(usernameKey(indexKeys, 'default', this.#nameOf(run, name).canonical)),
      ),
      ...Array.from({ length: NAMES }, (_, name) =>
        verifiedEmailStream(verifiedEmailKey(indexKeys, 'default', this.#addressOf(run, name).canonical)),
      ),
    ];
  }

  async #claimEventsOf(run: string): Promise<RecordedEvent<ClaimStreamEvent>[]> {
    const read = await Promise.all(this.#thingsOf(run).map((stream) => this.installation.store.read(stream)));
    return read.flat() as RecordedEvent<ClaimStreamEvent>[];
  }

  async #userEventsOf(users: readonly string[]): Promise<RecordedEvent<UserStreamEvent>[]> {
    const read = await Promise.all(users.map((userId) => this.installation.store.read(userStream(userId))));
    return read.flat() as RecordedEvent<UserStreamEvent>[];
  }

  async #usersOf(run: string, people: readonly string[]): Promise<readonly string[]> {
    const owners = (await this.#claimEventsOf(run)).flatMap(({ event: { data } }) =>
      'ownerId' in data ? [data.ownerId] : [],
    );
    return [...new Set([...people, ...owners])];
  }

  /** Until the process manager has seen to everything that these users did, their abandoned claims included. */
  async #untilSettled(run: string, users: readonly string[]): Promise<void> {
    const all = [...(await this.#claimEventsOf(run)), ...(await this.#userEventsOf(users))];
    const last = all.reduce((max, { position }) => (position > max ? position : max), 0n);
    await until(async () => {
      const checkpoint = await loadCheckpoint(this.installation.pool, 'accounts');
      return checkpoint && checkpoint.position >= last ? true : undefined;
    }, 30_000);
  }

  /**
   * Goes through everything that was stored, in the order in which it was, and checks the invariants after each batch.
   */
  async #checkEveryMoment(run: string, users: readonly string[]): Promise<readonly string[]> {
    const broken: string[] = [];
    const claims = new Map<string, Claim | undefined>();
    const accounts = new Map<string, Account>();
    const inOrder = [...(await this.#claimEventsOf(run)), ...(await this.#userEventsOf(users))].sort((a, b) =>
      a.position < b.position ? -1 : 1,
    );
    for (const [i, recorded] of inOrder.entries()) {
      const { stream, event, revision, metadata } = recorded;
      if (!stream.startsWith('user-')) {
        const claim = recorded as RecordedEvent<ClaimStreamEvent>;
        claims.set(stream, claimFold.evolve(claims.get(stream), claim.event, claim));
      } else {
        const user = recorded as RecordedEvent<UserStreamEvent>;
        const strong = accounts.get(stream)?.links.some(({ providerId }) => providerId === STRONG);
        if (strong && CHANGES_WAYS_IN.has(event.type) && this.#provenByLess.has(metadata.commandId))
          broken.push(`invariant 12: ${event.type} past a stronger way in`);
        accounts.set(stream, accountFold.evolve(accounts.get(stream) ?? accountFold.initial, user.event, user));
        if (
          (event.type === 'UserProvisioned' || event.type === 'UserRegistered') !==
          (revision === 0n && event.type !== 'ClaimAbandoned')
        )
          broken.push(`invariant 3: ${event.type} at revision ${revision} of ${stream}`);
      }
      const next = inOrder[i + 1];
      if (next?.stream === stream && next.metadata.commandId === metadata.commandId && next.revision === revision + 1n)
        continue;

      const held = [...accounts].flatMap(([owner, account]) =>
        account.status === 'erasing' || account.status === 'erased'
          ? []
          : heldBy(account).map(({ thing, claimId }) => ({ owner, claimId, thing: thing.stream })),
      );
      if (new Set(held.map(({ thing }) => thing)).size !== held.length)
        broken.push(`invariant 1: two owners after ${event.type} on ${stream}`);
      for (const { thing, claimId, owner } of held) {
        const claim = claims.get(thing);
        if (claim?.claimId !== claimId || userStream(claim.ownerId) !== owner)
          broken.push(`a thing is held without its claim after ${event.type} on ${stream}`);
      }
      const allowed = { passwordAllowed: true, recoveryAllowed: true, isUsable: () => true };
      for (const [owner, account] of accounts)
        if (account.status === 'active' && usableCredentials(account, allowed).length === 0)
          broken.push(`invariant 2: ${owner} has no way in after ${event.type} on ${stream}`);
    }
    for (const [thing, claim] of claims) {
      const owner = claim && accounts.get(userStream(claim.ownerId));
      if (claim && (!owner || settlementOf(owner, claim.claimId) !== 'held'))
        broken.push(`a claim on ${thing} is stuck`);
    }
    return broken;
  }

  /** Invariants 4, 5 and 7, when everybody has finished. */
  async #checkSessions(users: readonly string[]): Promise<readonly string[]> {
    const broken: string[] = [];
    const { store, pool } = this.installation;
    const { rows } = await pool.query<{
      uid: string;
      user_id: string;
      claim_id: string | null;
      account_revision: string;
    }>(
      `SELECT uid, user_id, claim_id, account_revision FROM provider.sessions WHERE state = 'active' AND user_id = ANY($1)`,
      [users],
    );
    for (const { uid, user_id: userId, claim_id: claimId, account_revision: revision } of rows) {
      const activity = await store.read(userActivityStream(userId));
      const logins = activity.filter(
        ({ event }) => event.type === 'LoginSucceeded' && (event.data as { sessionId: string }).sessionId === uid,
      );
      if (logins.length !== 1) broken.push('invariant 5: an active session without its login');
      const events = await this.#userEventsOf([userId]);
      const account = events.reduce((state, e) => accountFold.evolve(state, e.event, e), accountFold.initial);
      if (account.status !== 'active') broken.push(`invariant 7: a session of a user who is ${account.status}`);
      if (claimId === null || !hasCountingLink(account, claimId))
        broken.push('invariants 4 and 7, L32: a session through an identity that is not linked, or on hold');
      for (const { event, revision: at } of events) {
        const revocation = revocationOf(userId, { event, revision: at });
        if (revocation && 'openedBefore' in revocation.where && BigInt(revision) < revocation.where.openedBefore)
          broken.push(`invariant 7: a session survived ${event.type}`);
      }
    }
    return broken;
  }
}

export interface PlayedHistories {
  readonly histories: number;
  readonly actions: number;
  /** Each with what replays it. */
  readonly violations: readonly string[];
}

/**
 * Plays seeded histories, several at once, each with people and names of its own; those that are always played come
 * first.
 * @param options.only plays just the history with this index, to replay a failure
 */
export const playHistories = async (
  theatre: HistoryTheatre,
  options: {
    readonly seed: number;
    readonly runs: number;
    readonly atOnce: number;
    readonly only?: number | undefined;
    readonly onPlayed?: (played: number) => void;
  },
): Promise<PlayedHistories> => {
  const { seed, runs, atOnce, only, onPlayed } = options;
  const all = [...ALWAYS.map(([rounds]) => rounds), ...fc.sample(history, { seed, numRuns: runs })];
  const chosen = [...all.entries()].filter(([index]) => only === undefined || index === only);
  const violations: string[] = [];
  let [next, played] = [0, 0];
  const actor = async (): Promise<void> => {
    for (let mine = next++; mine < chosen.length; mine = next++) {
      const [index, rounds] = chosen[mine] ?? [0, []];
      for (const broken of await theatre.play(rounds))
        violations.push(`${broken} (seed ${seed}, history ${index}): ${JSON.stringify(rounds)}`);
      played += 1;
      onPlayed?.(played);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, actor));
  return { histories: played, actions: chosen.reduce((sum, [, rounds]) => sum + rounds.flat().length, 0), violations };
};
