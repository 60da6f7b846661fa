import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { userActivityStream, userStream } from '#libs/users/streams.js';
import { loadAccount } from '#libs/users/queries/load-account.js';
import { accountFold, seenAt } from '#libs/users/state.js';
import { ContentionError, execute } from '#libs/event-store/command-execution.js';
import type { EventStore } from '#libs/event-store/event-store.js';
import { StoreAwayError, UnknownOutcomeError } from '#libs/event-store/store-errors.js';
import { streamName } from '#libs/event-store/stream-name.js';
import { loginViaIdp } from '#libs/linking/commands/login-via-idp.js';
import { LoginViaIdp } from '#libs/linking/commands/login-via-idp.command.js';
import { unlinkExternalIdentity } from '#libs/linking/commands/unlink-external-identity.js';
import { UnlinkExternalIdentity } from '#libs/linking/commands/unlink-external-identity.command.js';
import type { FlowFacts } from '#libs/linking/login-via-idp.js';
import { newUuid } from '#libs/platform/ids.js';
import { silentLogger } from '#libs/platform/logger.js';
import { EVERYTHING_ALLOWED, startTestInstallation, testAssertion, testContext } from '#test-support/installation.js';
import { openSessionRequest, sessionsAtProviders } from '#test-support/sessions.js';
import type { TestInstallation } from '#test-support/installation.js';
import { migrate } from '#libs/platform/postgres/migrations.js';
import { attemptWindowMigrations, postgresAttemptWindows } from './attempt-windows.postgres.js';
import { createSignInAttempts } from './attempts.js';
import type { BrowserSession, BrowserSessions, PendingSession, SessionSelector } from './browser-sessions.js';
import { openSession, renewSession } from './open-session.js';
import { carryOutRevocations, placed } from './revocations.js';

let installation: TestInstallation;
beforeAll(async () => {
  installation = await startTestInstallation();
  await migrate(installation.pool, 'provider', attemptWindowMigrations);
  await installation.configure(EVERYTHING_ALLOWED);
});
afterAll(() => installation.stop());

type Sessions = Pick<BrowserSessions, 'insertPending' | 'prepareRenewal' | 'end'>;

/** The session store's contract, in memory. */
class MemorySessions implements Sessions {
  readonly rows = new Map<
    string,
    PendingSession & { state: 'pending' | 'active' | 'ended'; furtherClaimIds?: readonly string[] }
  >();
  insertPending(session: PendingSession): Promise<{ readonly sessionId: string }> {
    const sessionId = newUuid();
    this.rows.set(sessionId, { ...session, state: 'pending' });
    return Promise.resolve({ sessionId });
  }
  activate(sessionId: string): Promise<boolean> {
    const row = this.rows.get(sessionId);
    if (row?.state !== 'pending') return Promise.resolve(false);
    row.state = 'active';
    return Promise.resolve(true);
  }
  prepareRenewal(sessionId: string, claimId: string | undefined): Promise<boolean> {
    const row = this.rows.get(sessionId);
    if (row?.state !== 'active') return Promise.resolve(false);
    row.furtherClaimIds = [...(row.furtherClaimIds ?? []), ...(claimId === undefined ? [] : [claimId])];
    return Promise.resolve(true);
  }
  end(where: SessionSelector): Promise<readonly BrowserSession[]> {
    const ended = [...this.rows].filter(
      ([id, row]) =>
        row.state !== 'ended' &&
        ('sessionId' in where
          ? id === where.sessionId
          : row.userId === where.userId &&
            ('claimId' in where
              ? row.claimId === where.claimId || row.furtherClaimIds?.includes(where.claimId)
              : row.accountRevision < where.openedBefore && id !== where.except)),
    );
    for (const [, row] of ended) row.state = 'ended';
    return Promise.resolve(ended.map(([sessionId, row]) => ({ sessionId, ...row })));
  }
  get states(): string[] {
    return [...this.rows.values()].map(({ state }) => state);
  }
}

const linkedUser = async (): Promise<{ userId: string; claimId: string; second: string }> => {
  const subject = newUuid();
  const run = async (providerId: string, flow: FlowFacts) => {
    const { outcome } = await loginViaIdp(
      installation,
      new LoginViaIdp(testAssertion(subject, providerId), { ...flow, organizationId: 'default' }, testContext()),
    );
    if (!('claimId' in outcome)) throw new Error(outcome.kind);
    return outcome;
  };
  const { userId, claimId } = await run('acme', { kind: 'sign_in' });
  const second = await run('globex', { kind: 'link', userId, valid: true });
  return { userId, claimId, second: second.claimId };
};

const request = openSessionRequest;
const activityOf = async (userId: string) =>
  (await installation.store.read(userActivityStream(userId))).map(({ event }) => event);
const unlink = (sessions: Sessions, userId: string, claimId: string) =>
  unlinkExternalIdentity(
    {
      ...installation,
      carryOutRevocations: (user, executed, context) =>
        carryOutRevocations({ store: installation.store, sessions }, user, placed(executed), context),
    },
    new UnlinkExternalIdentity(userId, 'default', claimId, testContext()),
  );
/** The installation's store, with something happening before or instead of one of its methods. */
const storeWith = (over: Partial<Pick<EventStore, 'append' | 'read'>>): EventStore =>
  ({
    append: installation.store.append.bind(installation.store),
    read: installation.store.read.bind(installation.store),
    ...over,
  }) as unknown as EventStore;

describe('opening a session', () => {
  it('invariant 5: the events are stored when it answers, and the session is still pending', async () => {
    const { userId, claimId } = await linkedUser();
    const sessions = new MemorySessions();
    const opened = await openSession({ ...installation, sessionsAtProviders, sessions }, request(userId, claimId));
    if (opened.kind !== 'opened') throw new Error('refused');
    expect(await activityOf(userId)).toEqual([
      {
        type: 'LoginSucceeded',
        data: expect.objectContaining({
          sessionId: opened.sessionId,
          claimId,
          row: '2',
          assertedEmail: 'ann@acme.example',
        }),
      },
      { type: 'SessionStarted', data: expect.objectContaining({ sessionId: opened.sessionId, claimId }) },
    ]);
    expect(sessions.states).toEqual(['pending']);
    expect(await sessions.activate(opened.sessionId)).toBe(true);
  });

  it.each([
    ['is away', new StoreAwayError()],
    ['does not tell whether it was stored', new UnknownOutcomeError()],
    ['is contended', new ContentionError('userActivity-1')],
  ])('invariant 5: a store that %s: no session is answered, none is active', async (_title, error) => {
    const { userId, claimId } = await linkedUser();
    const sessions = new MemorySessions();
    const store = storeWith({ append: () => Promise.reject(error) });
    await expect(
      openSession({ ...installation, sessionsAtProviders, store, sessions }, request(userId, claimId)),
    ).rejects.toBe(error);
    expect(sessions.states).toEqual(['pending']);
    expect(await activityOf(userId)).toEqual([]);
  });

  it('a store that goes away before the user is read again: no session is answered', async () => {
    const { userId, claimId } = await linkedUser();
    const sessions = new MemorySessions();
    const store = storeWith({ read: () => Promise.reject(new StoreAwayError()) });
    await expect(
      openSession({ ...installation, sessionsAtProviders, store, sessions }, request(userId, claimId)),
    ).rejects.toThrow(StoreAwayError);
    expect(sessions.states).toEqual(['pending']);
  });

  it('somebody on the deny list of the projections is refused as an unknown user; the session is ended, and told in the history', async () => {
    const { userId, claimId } = await linkedUser();
    const sessions = new MemorySessions();
    const isDenied = (asked: string): Promise<boolean> => Promise.resolve(asked === userId);
    const answer = await openSession(
      { ...installation, sessionsAtProviders, sessions, isDenied },
      request(userId, claimId),
    );
    expect(answer).toEqual({ kind: 'refused', code: 'account_not_found' });
    expect(sessions.states).toEqual(['ended']);
    expect((await activityOf(userId)).map(({ type }) => type)).toEqual([
      'LoginSucceeded',
      'SessionStarted',
      'SessionEnded',
    ]);
  });

  it('L20: an unlink between the events and the second look: refused as an unknown user, ended, and told in the history', async () => {
    const { userId, claimId } = await linkedUser();
    const sessions = new MemorySessions();
    const store = storeWith({
      read: async (stream, options) => {
        if (stream === userStream(userId)) await unlink(new MemorySessions(), userId, claimId);
        return installation.store.read(stream, options);
      },
    });
    const answer = await openSession(
      { ...installation, sessionsAtProviders, store, sessions },
      request(userId, claimId),
    );
    expect(answer).toEqual({ kind: 'refused', code: 'account_not_found' });
    expect(sessions.states).toEqual(['ended']);
    const [sessionId] = sessions.rows.keys();
    expect((await activityOf(userId)).at(-1)).toEqual({
      type: 'SessionEnded',
      data: { sessionId, reason: 'refused_after_revocation' },
    });
    expect(await sessions.activate(sessionId as string)).toBe(false);
  });

  it('L20: an unlink after the second look ends the pending session before it answers: it cannot be activated', async () => {
    const { userId, claimId } = await linkedUser();
    const sessions = new MemorySessions();
    const opened = await openSession({ ...installation, sessionsAtProviders, sessions }, request(userId, claimId));
    if (opened.kind !== 'opened') throw new Error('refused');
    await unlink(sessions, userId, claimId);
    expect(await sessions.activate(opened.sessionId)).toBe(false);
    expect((await activityOf(userId)).at(-1)).toEqual({
      type: 'SessionEnded',
      data: { sessionId: opened.sessionId, reason: 'identity_unlinked' },
    });
  });

  it('invariant 7: an unlink ends the sessions of that identity, and no others', async () => {
    const { userId, claimId, second } = await linkedUser();
    const sessions = new MemorySessions();
    const through = async (claim: string): Promise<string> => {
      const opened = await openSession({ ...installation, sessionsAtProviders, sessions }, request(userId, claim));
      if (opened.kind !== 'opened') throw new Error('refused');
      await sessions.activate(opened.sessionId);
      return opened.sessionId;
    };
    const [gone, stays] = [await through(claimId), await through(second)];
    await unlink(sessions, userId, claimId);
    expect(sessions.rows.get(gone)?.state).toBe('ended');
    expect(sessions.rows.get(stays)?.state).toBe('active');
  });

  it('L2, L20: a recovery while the sign-in is in flight: refused, although the identity is still linked', async () => {
    const { userId, claimId } = await linkedUser();
    const sessions = new MemorySessions();
    const { state, revision } = await loadAccount(installation.store, userId);
    const account = seenAt(state, revision);
    await execute(installation.store, {
      stream: userStream(userId),
      fold: accountFold,
      decide: () => ({
        events: [{ type: 'AccountRecovered' as const, data: { emailId: newUuid() } }],
        outcome: undefined,
      }),
      context: testContext(),
      subject: userId,
    });
    const answer = await openSession(
      { ...installation, sessionsAtProviders, sessions },
      request(userId, claimId, { account }),
    );
    expect(answer).toEqual({ kind: 'refused', code: 'account_not_found' });
    expect(sessions.states).toEqual(['ended']);
  });

  it.each(['UserDeactivated', 'ErasureStarted'] as const)(
    'L20: %s while the sign-in is in flight: refused',
    async (type) => {
      const { userId, claimId } = await linkedUser();
      const sessions = new MemorySessions();
      const { state, revision } = await loadAccount(installation.store, userId);
      await execute(installation.store, {
        stream: userStream(userId),
        fold: accountFold,
        decide: () => ({ events: [{ type, data: {} }], outcome: undefined }),
        context: testContext(),
        subject: userId,
      });
      const answer = await openSession(
        { ...installation, sessionsAtProviders, sessions },
        request(userId, claimId, { account: seenAt(state, revision) }),
      );
      expect(answer).toEqual({ kind: 'refused', code: 'account_not_found' });
    },
  );

  it('a revocation that is carried out late spares the sessions whose sign-in knew it', async () => {
    const { userId, claimId } = await linkedUser();
    const sessions = new MemorySessions();
    const context = testContext();
    const open = async (revision: bigint): Promise<string> => {
      const opened = await openSession(
        { ...installation, sessionsAtProviders, sessions },
        request(userId, claimId, { account: { revision, credentialEpoch: 0 } }),
      );
      if (opened.kind !== 'opened') throw new Error('refused');
      await sessions.activate(opened.sessionId);
      return opened.sessionId;
    };
    const [before, after] = [await open(1n), await open(5n)];
    const event = { event: { type: 'PasswordRemoved', data: {} }, revision: 5n } as const;
    for (let time = 0; time < 2; time += 1)
      await carryOutRevocations({ store: installation.store, sessions }, userId, [event], context);
    expect([sessions.rows.get(before)?.state, sessions.rows.get(after)?.state]).toEqual(['ended', 'active']);
    expect((await activityOf(userId)).filter(({ type }) => type === 'SessionEnded')).toHaveLength(1);
  });

  it('L28: a session in another organization than the user’s is refused', async () => {
    const { userId, claimId } = await linkedUser();
    const sessions = new MemorySessions();
    const answer = await openSession(
      { ...installation, sessionsAtProviders, sessions },
      request(userId, claimId, { organizationId: 'other' }),
    );
    expect(answer).toEqual({ kind: 'refused', code: 'account_not_found' });
    expect(sessions.states).toEqual(['ended']);
  });

  it('invariant 4: a session through a claim that is not a link of this user is refused', async () => {
    const [one, other] = [await linkedUser(), await linkedUser()];
    const sessions = new MemorySessions();
    const answer = await openSession(
      { ...installation, sessionsAtProviders, sessions },
      request(one.userId, other.claimId),
    );
    expect(answer.kind).toBe('refused');
  });
});

describe('renewing a session: the same person signs in again', () => {
  /** Signed in through the first identity, and about to sign in again through the second. */
  const setUp = async () => {
    const { userId, claimId, second } = await linkedUser();
    const sessions = new MemorySessions();
    const dependencies = { ...installation, sessionsAtProviders, sessions };
    const opened = await openSession(dependencies, request(userId, claimId));
    if (opened.kind !== 'opened') throw new Error('refused');
    await sessions.activate(opened.sessionId);
    const { sessionId } = opened;
    const again = request(userId, second, { providerId: 'globex' });
    return { userId, claimId, second, sessions, dependencies, sessionId, again };
  };

  it('invariant 5: the events are stored when it answers, with the provider’s word of when, or none', async () => {
    const { userId, second, dependencies, sessionId, again } = await setUp();
    const at = new Date('2026-03-03T11:00:00Z');
    const method = { ...again.method, authenticatedAt: at } as typeof again.method;
    expect(await renewSession(dependencies, { ...again, method }, sessionId)).toMatchObject({
      kind: 'renewable',
      by: { claimId: second, method: 'external', authTime: at },
    });
    expect(await renewSession(dependencies, again, sessionId)).toMatchObject({ by: { claimId: second } });
    const renewed = (await activityOf(userId)).slice(2);
    expect(renewed.map(({ type }) => type)).toEqual([
      'LoginSucceeded',
      'SessionRenewed',
      'LoginSucceeded',
      'SessionRenewed',
    ]);
    expect([renewed[1]?.data, renewed[3]?.data]).toEqual([
      { sessionId, claimId: second, authenticatedAt: at.toISOString() },
      { sessionId, claimId: second },
    ]);
  });

  it('by a password it is of now', async () => {
    const { userId, dependencies, sessionId, again } = await setUp();
    const now = new Date('2026-03-03T12:00:00Z');
    const byPassword = { ...again, method: { kind: 'password' } as const };
    expect(await renewSession({ ...dependencies, clock: () => now }, byPassword, sessionId)).toMatchObject({
      by: { method: 'password', authTime: now },
    });
    expect((await activityOf(userId)).at(-1)).toEqual({
      type: 'SessionRenewed',
      data: { sessionId, authenticatedAt: now.toISOString() },
    });
  });

  it('invariant 5: when the event is not stored, nothing is answered', async () => {
    const { dependencies, sessionId, again } = await setUp();
    const store = storeWith({ append: () => Promise.reject(new StoreAwayError()) });
    await expect(renewSession({ ...dependencies, store }, again, sessionId)).rejects.toThrow(StoreAwayError);
  });

  it('L20: an unlink between the events and the second look ends the session, and so the history says', async () => {
    const { userId, second, sessions, dependencies, sessionId, again } = await setUp();
    const store = storeWith({
      read: async (stream, options) => {
        if (stream === userStream(userId)) await unlink(new MemorySessions(), userId, second);
        return installation.store.read(stream, options);
      },
    });
    expect(await renewSession({ ...dependencies, store }, again, sessionId)).toEqual({
      kind: 'refused',
      code: 'account_not_found',
    });
    expect(sessions.rows.get(sessionId)?.state).toBe('ended');
    expect((await activityOf(userId)).at(-1)).toEqual({
      type: 'SessionEnded',
      data: { sessionId, reason: 'refused_after_revocation' },
    });
  });

  it.each(['opened', 'renewed'] as const)(
    'invariant 7, L20: an unlink of the identity that it was %s by ends it, also before the renewal is through',
    async (which) => {
      const { userId, claimId, second, sessions, dependencies, sessionId, again } = await setUp();
      expect((await renewSession(dependencies, again, sessionId)).kind).toBe('renewable');
      await unlink(sessions, userId, which === 'opened' ? claimId : second);
      expect(sessions.rows.get(sessionId)?.state).toBe('ended');
    },
  );

  it('a session that has ended is not renewed, and nothing is stored', async () => {
    const { userId, sessions, dependencies, sessionId, again } = await setUp();
    await sessions.end({ sessionId });
    const before = (await activityOf(userId)).length;
    expect(await renewSession(dependencies, again, sessionId)).toEqual({ kind: 'over' });
    expect(await activityOf(userId)).toHaveLength(before);
  });
});

describe('failed sign-ins', () => {
  const failed = {
    type: 'LoginFailed',
    data: { code: 'account_not_found', providerId: 'acme', row: '6', policyRevision: 'p' },
  } as const;
  const setUp = (over: Partial<Parameters<typeof createSignInAttempts>[0]> = {}) => {
    let now = new Date('2026-03-03T12:00:00Z').getTime();
    const windows = postgresAttemptWindows(installation.pool, () => new Date(now));
    const attempts = createSignInAttempts({ store: installation.store, windows, logger: silentLogger, ...over });
    const key = `test.${newUuid()}`;
    return {
      key,
      pass: (ms: number) => {
        now += ms;
      },
      fail: async (times: number, of = key) => {
        for (let i = 0; i < times; i += 1) await attempts.record(of, failed, 'installation', testContext());
      },
      recorded: async (of = key) => (await installation.store.read(streamName('signInAttempts', of))).length,
    };
  };

  it('L29: a flood is recorded five times in its first window, then once in each window', async () => {
    const { fail, pass, recorded } = setUp();
    await fail(50);
    expect(await recorded()).toBe(5);
    pass(59_999);
    await fail(50);
    expect(await recorded()).toBe(5);
    pass(1);
    await fail(50);
    expect(await recorded()).toBe(6);
    pass(60_000);
    await fail(50);
    expect(await recorded()).toBe(7);
  });

  it('after a quiet window five are recorded again', async () => {
    const { fail, pass, recorded } = setUp();
    await fail(50);
    pass(60_000);
    await fail(1);
    pass(60_000);
    await fail(50);
    expect(await recorded()).toBe(5 + 1 + 5);
  });

  it('one identifier’s flood does not silence another’s attempts', async () => {
    const { fail, recorded } = setUp();
    const other = `test.${newUuid()}`;
    await fail(20);
    await fail(1, other);
    expect(await recorded(other)).toBe(1);
  });

  it('L29: instances count together', async () => {
    const { fail, recorded, key } = setUp();
    const another = setUp();
    await Promise.all([fail(20), another.fail(20, key)]);
    expect(await recorded()).toBe(5);
  });

  it('L29: never decide an answer: what cannot be counted is logged, not thrown', async () => {
    const logged: object[] = [];
    const { fail, recorded } = setUp({
      windows: { count: () => Promise.reject(new Error('no database')) },
      logger: { warn: (entry: object) => void logged.push(entry) } as never,
    });
    await fail(1);
    expect([logged.length, await recorded()]).toEqual([1, 0]);
  });

  it('L29: never decide an answer: a store that is away is logged, not thrown', async () => {
    const logged: object[] = [];
    const { fail } = setUp({
      store: storeWith({ append: () => Promise.reject(new StoreAwayError()) }),
      logger: { warn: (entry: object) => void logged.push(entry) } as never,
    });
    await fail(1);
    expect(logged).toEqual([expect.objectContaining({ error: 'The event store cannot be reached' })]);
  });
});
