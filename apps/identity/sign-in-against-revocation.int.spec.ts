import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { UsersDependencies } from '#libs/users/users-dependencies.js';
import {
  AddEmail,
  RecoverAccount,
  ReviewSignInMethods,
  SetPassword,
  VerifyEmail,
} from '#libs/users/commands/account.command.js';
import {
  addEmail,
  recoverAccount,
  reviewSignInMethods,
  setPassword,
  verifyEmail,
} from '#libs/users/commands/account-commands.js';
import { executeOnAccount } from '#libs/users/execute-on-account.js';
import { loadAccount } from '#libs/users/queries/load-account.js';
import { seenAt } from '#libs/users/state.js';
import type { UserStreamEvent } from '#libs/users/state.js';
import { userActivityStream, userStream } from '#libs/users/streams.js';
import { EventStore } from '#libs/event-store/event-store.js';
import type { AppendRequest, AppendResult } from '#libs/event-store/event-store.js';
import { StoreAwayError } from '#libs/event-store/store-errors.js';
import { linkProvenAccount } from '#libs/linking/commands/link-proven-account.js';
import { LinkProvenAccount } from '#libs/linking/commands/link-proven-account.command.js';
import { loginViaIdp } from '#libs/linking/commands/login-via-idp.js';
import { LoginViaIdp } from '#libs/linking/commands/login-via-idp.command.js';
import { UnlinkExternalIdentity } from '#libs/linking/commands/unlink-external-identity.command.js';
import { unlinkExternalIdentity } from '#libs/linking/commands/unlink-external-identity.js';
import { openIdProviderMigrations } from '#libs/openid-provider/migrations.js';
import { SessionRows } from '#libs/openid-provider/sessions.postgres.js';
import type { SessionRecord } from '#libs/openid-provider/sessions.postgres.js';
import { newUuid } from '#libs/platform/ids.js';
import { migrate } from '#libs/platform/postgres/migrations.js';
import { openSession } from '#libs/sign-in/open-session.js';
import type { OpenedSession } from '#libs/sign-in/open-session.js';
import { HistoryTheatre } from '#test-support/account-histories.js';
import { EVERYTHING_ALLOWED, startTestInstallation, testAssertion, testContext } from '#test-support/installation.js';
import { openSessionRequest, sessionsAtProviders } from '#test-support/sessions.js';
import { carryOutRevocations, placed } from '#libs/sign-in/revocations.js';
import type { TestInstallation } from '#test-support/installation.js';

/** A store that does something of the test's just before it appends. */
class InterruptedStore extends EventStore {
  constructor(
    installation: TestInstallation,
    private readonly before: (request: AppendRequest) => Promise<void>,
    private readonly after: () => Promise<void> = () => Promise.resolve(),
  ) {
    super(installation);
  }

  override async append(request: AppendRequest): Promise<AppendResult> {
    await this.before(request);
    const result = await super.append(request);
    await this.after();
    return result;
  }
}

describe('sign-in against revocation (invariants 5 and 7, security row L20)', () => {
  let installation: TestInstallation;
  let sessions: SessionRows;

  beforeAll(async () => {
    installation = await startTestInstallation();
    await installation.configure(
      EVERYTHING_ALLOWED.replace(
        'displayName: Test',
        'displayName: Test\n    loginPolicy: { password: true, recovery: true }',
      ),
    );
    await migrate(installation.pool, 'provider', openIdProviderMigrations);
    sessions = new SessionRows(installation.pool, installation.clock);
  });
  afterAll(() => installation.stop());

  interface Person {
    readonly userId: string;
    readonly claimId: string;
  }

  /** A user with two identities; the claim is the second one's. */
  const person = async (name: string): Promise<Person> => {
    const login = (assertion: ReturnType<typeof testAssertion>, flow: ConstructorParameters<typeof LoginViaIdp>[1]) =>
      loginViaIdp(installation, new LoginViaIdp(assertion, flow, testContext()));
    const first = await login(testAssertion(name), { kind: 'sign_in', organizationId: 'default' });
    const userId = 'userId' in first.outcome ? first.outcome.userId : '';
    const second = await login(testAssertion(`${name}-g`, 'globex'), {
      kind: 'link',
      userId,
      valid: true,
      organizationId: 'default',
    });
    return { userId, claimId: 'claimId' in second.outcome ? second.outcome.claimId : '' };
  };
  const open = ({ userId, claimId }: Person, store: EventStore = installation.store): Promise<OpenedSession> =>
    openSession(
      { ...installation, store, sessions, sessionsAtProviders },
      openSessionRequest(userId, claimId, { providerId: 'globex' }),
    );
  const unlink = ({ userId, claimId }: Person) =>
    unlinkExternalIdentity(
      {
        ...installation,
        carryOutRevocations: (user, executed, context) =>
          carryOutRevocations({ store: installation.store, sessions }, user, placed(executed), context),
      },
      new UnlinkExternalIdentity(userId, 'default', claimId, testContext()),
    );
  const statesOf = async ({ userId }: Person): Promise<string[]> =>
    (
      await installation.pool.query<{ state: string }>(
        'SELECT state FROM provider.sessions WHERE user_id = $1 ORDER BY created_at',
        [userId],
      )
    ).rows.map(({ state }) => state);
  const activityOf = async ({ userId }: Person): Promise<string[]> =>
    (await installation.store.read(userActivityStream(userId))).map(({ event }) => event.type);

  it('opens a session: pending until it is activated, its events stored first', async () => {
    const ann = await person('ann');
    const opened = await open(ann);
    expect(opened.kind).toBe('opened');
    expect(await statesOf(ann)).toEqual(['pending']);
    expect(await activityOf(ann)).toEqual(['LoginSucceeded', 'SessionStarted']);
    const jti = await sessions.activate(opened.kind === 'opened' ? opened.sessionId : '');
    expect(await sessions.findActive(jti ?? '')).toMatchObject({ userId: ann.userId, claimId: ann.claimId });
  });

  it('a sign-in whose event cannot be stored gives no session', async () => {
    const bea = await person('bea');
    const away = new InterruptedStore(installation, () => Promise.reject(new StoreAwayError()));
    await expect(open(bea, away)).rejects.toThrow(StoreAwayError);
    expect(await statesOf(bea)).toEqual(['pending']);
    expect(await activityOf(bea)).toEqual([]);
    const { rows } = await installation.pool.query<{ jti: string | null }>(
      'SELECT jti FROM provider.sessions WHERE user_id = $1',
      [bea.userId],
    );
    expect(rows).toEqual([{ jti: null }]);
  });

  it('an unlink stored before the sign-in’s events leaves no session', async () => {
    const cat = await person('cat');
    let unlinked = false;
    const racing = new InterruptedStore(installation, async () => {
      if (unlinked) return;
      unlinked = true;
      expect((await unlink(cat)).outcome.kind).toBe('unlinked');
    });
    expect(await open(cat, racing)).toEqual({ kind: 'refused', code: 'account_not_found' });
    expect(await statesOf(cat)).toEqual(['ended']);
  });

  it('an unlink stored between the sign-in’s events and its second look leaves no session', async () => {
    const dan = await person('dan');
    let unlinked = false;
    const racing = new InterruptedStore(
      installation,
      () => Promise.resolve(),
      async () => {
        if (unlinked) return;
        unlinked = true;
        await unlink(dan);
      },
    );
    expect((await open(dan, racing)).kind).toBe('refused');
    expect(await statesOf(dan)).toEqual(['ended']);
    expect(await activityOf(dan)).toContain('SessionEnded');
  });

  it('an unlink stored after the second look, before the activation, leaves no session', async () => {
    const eve = await person('eve');
    const opened = await open(eve);
    await unlink(eve);
    expect(await sessions.activate(opened.kind === 'opened' ? opened.sessionId : '')).toBeUndefined();
    expect(await statesOf(eve)).toEqual(['ended']);
  });

  it('an unlink after the activation ends the session', async () => {
    const fay = await person('fay');
    const opened = await open(fay);
    const jti = await sessions.activate(opened.kind === 'opened' ? opened.sessionId : '');
    await unlink(fay);
    expect(await sessions.findActive(jti ?? '')).toBeUndefined();
  });

  describe('a command that was under way when a recovery took the account back (L2)', () => {
    const recovered = async ({ userId }: Person): Promise<void> => {
      const decide = () => ({
        events: [
          { type: 'AccountRecovered', data: { emailId: newUuid() } },
          { type: 'PasswordSet', data: { passwordHash: 'the owner’s' } },
        ] as UserStreamEvent[],
        outcome: { kind: 'done' } as const,
      });
      await executeOnAccount(installation.store, { userId, organizationId: 'default', context: testContext(), decide });
    };
    /** Recovers the account just before the first event of the command is stored on it. */
    const overtaken = (who: Person): EventStore => {
      let done = false;
      return new InterruptedStore(installation, async ({ stream }) => {
        if (done || stream !== userStream(who.userId)) return;
        done = true;
        await recovered(who);
      });
    };
    const sessionOf = async (who: Person) => {
      const { state, revision } = await loadAccount(installation.store, who.userId);
      const opened = await openSession(
        { ...installation, sessions, sessionsAtProviders },
        openSessionRequest(who.userId, who.claimId, { providerId: 'globex', account: seenAt(state, revision) }),
      );
      const session = await sessions.findActive(
        (await sessions.activate(opened.kind === 'opened' ? opened.sessionId : '')) ?? '',
      );
      if (!session) throw new Error('no session');
      return session;
    };
    const passwordOf = async ({ userId }: Person) => (await loadAccount(installation.store, userId)).state.passwordHash;
    const linkCountOf = async ({ userId }: Person) =>
      (await loadAccount(installation.store, userId)).state.links.length;
    const setPasswordOn = async (store: EventStore, who: Person, inSession: SessionRecord) =>
      setPassword(
        { ...HistoryTheatre.dependenciesOf(installation), store },
        new SetPassword(
          { userId: who.userId, organizationId: 'default', inSession },
          'a thief’s password',
          inSession.sessionId,
          testContext(),
        ),
      );
    const linkOn = (store: EventStore, { userId }: Person, subject: string, inSession: SessionRecord) =>
      loginViaIdp(
        { ...installation, store },
        new LoginViaIdp(
          testAssertion(subject),
          { kind: 'link', userId, valid: true, inSession, organizationId: 'default' },
          testContext(),
        ),
      );

    it('sets no password', async () => {
      const gus = await person('gus');
      expect((await setPasswordOn(overtaken(gus), gus, await sessionOf(gus))).outcome).toEqual({
        kind: 'refused',
        code: 'session_ended',
      });
      expect(await passwordOf(gus)).toBe('the owner’s');
    });

    it('links nothing', async () => {
      const hal = await person('hal');
      const { outcome } = await linkOn(overtaken(hal), hal, 'thief-of-hal', await sessionOf(hal));
      expect(outcome).toEqual({ kind: 'refused', code: 'link_intent_invalid' });
      expect(await linkCountOf(hal)).toBe(2);
    });

    it('links nothing to an account whose old password was proven', async () => {
      const ida = await person('ida');
      await setPasswordOn(installation.store, ida, await sessionOf(ida));
      const { state, revision } = await loadAccount(installation.store, ida.userId);
      const command = new LinkProvenAccount(
        testAssertion('thief-of-ida'),
        'default',
        ida.userId,
        { kind: 'password' },
        seenAt(state, revision),
        undefined,
        testContext(),
      );
      expect(await linkProvenAccount({ ...installation, store: overtaken(ida) }, command)).toEqual({
        kind: 'refused',
        code: 'account_not_found',
      });
      expect(await linkCountOf(ida)).toBe(2);
    });

    it('does all of it where nothing happened meanwhile, after a change of one’s own too', async () => {
      const joe = await person('joe');
      const session = await sessionOf(joe);
      expect((await setPasswordOn(installation.store, joe, session)).outcome).toEqual({ kind: 'done' });
      expect((await setPasswordOn(installation.store, joe, session)).outcome).toEqual({ kind: 'done' });
      expect((await linkOn(installation.store, joe, 'joe-2', session)).outcome.kind).toBe('linked');
    });
  });

  describe('L32: a thief’s identity, linked after the address was verified, when its owner recovers the account', () => {
    /** An account with a proven address; the claim is the identity's that a thief linked after that. */
    const robbed = async (name: string): Promise<Person & { readonly emailId: string }> => {
      const { userId } = await person(name);
      const [emailId, address] = [newUuid(), `${name}@example.org`];
      const target = { userId, organizationId: 'default' };
      await addEmail(accounts(), new AddEmail(target, { emailId, address }, testContext()));
      await verifyEmail(accounts(), new VerifyEmail(target, emailId, testContext()));
      const { outcome } = await loginViaIdp(installation, linking(userId, `thief-of-${name}`));
      if (outcome.kind !== 'linked') throw new Error(outcome.kind);
      return { userId, claimId: outcome.claimId, emailId };
    };
    const accounts = () => ({
      ...HistoryTheatre.dependenciesOf(installation),
      mailTokens: { revokeAll: () => Promise.resolve() } as unknown as UsersDependencies['mailTokens'],
    });
    const linking = (userId: string, subject: string): LoginViaIdp =>
      new LoginViaIdp(
        testAssertion(subject, 'globex'),
        { kind: 'link', userId, valid: true, organizationId: 'default' },
        testContext(),
      );
    const recover = ({ userId, emailId }: Person & { readonly emailId: string }) =>
      recoverAccount(
        accounts(),
        new RecoverAccount({ userId, organizationId: 'default' }, emailId, 'the owner’s', testContext()),
      );
    const review = ({ userId }: Person, kept: readonly string[], removed: readonly string[], context = testContext()) =>
      reviewSignInMethods(
        accounts(),
        new ReviewSignInMethods({ userId, organizationId: 'default' }, { kept, removed }, context),
      );
    const signInAs = async (name: string) =>
      (
        await loginViaIdp(
          installation,
          new LoginViaIdp(
            testAssertion(`thief-of-${name}`, 'globex'),
            { kind: 'sign_in', organizationId: 'default' },
            testContext(),
          ),
        )
      ).outcome;
    const REFUSED = { kind: 'refused', code: 'account_not_found' };
    const lastTypesOf = async ({ userId }: Person, count: number): Promise<string[]> =>
      (await installation.store.read(userStream(userId))).slice(-count).map(({ event }) => event.type);

    it('opens no session when the recovery is stored before the sign-in’s events, nor between them and its second look', async () => {
      for (const [name, when] of [
        ['kim', 'before'],
        ['kai', 'after'],
      ] as const) {
        const kim = await robbed(name);
        let done = false;
        const once = async (): Promise<void> => {
          if (done) return;
          done = true;
          expect((await recover(kim)).outcome).toEqual({ kind: 'done' });
        };
        const racing =
          when === 'before'
            ? new InterruptedStore(installation, once)
            : new InterruptedStore(installation, () => Promise.resolve(), once);
        expect(await open(kim, racing)).toEqual(REFUSED);
        expect(await statesOf(kim)).toEqual(['ended']);
      }
    });

    it('keeps no session that was open, and opens none with the account as it is now', async () => {
      const lea = await robbed('lea');
      const opened = await open(lea);
      const jti = await sessions.activate(opened.kind === 'opened' ? opened.sessionId : '');
      await recover(lea);
      expect(await sessions.findActive(jti ?? '')).toBeUndefined();
      // A sign-in that knows of the recovery: only the link itself stands against it.
      const { state, revision } = await loadAccount(installation.store, lea.userId);
      expect(
        await openSession(
          { ...installation, sessions, sessionsAtProviders },
          openSessionRequest(lea.userId, lea.claimId, { providerId: 'globex', account: seenAt(state, revision) }),
        ),
      ).toEqual(REFUSED);
    });

    it('is answered as an unknown one, proves nothing, and cannot be linked to another account meanwhile', async () => {
      const mia = await robbed('mia');
      await recover(mia);
      expect(await signInAs('mia')).toEqual(REFUSED);
      const proof = new LoginViaIdp(
        testAssertion('thief-of-mia', 'globex'),
        { kind: 'proof', userId: mia.userId, valid: true, organizationId: 'default' },
        testContext(),
      );
      expect((await loginViaIdp(installation, proof)).outcome).toEqual({ kind: 'refused', code: 'proof_failed' });
      const thief = await person('mia-thief');
      expect((await loginViaIdp(installation, linking(thief.userId, 'thief-of-mia'))).outcome).toEqual({
        kind: 'refused',
        code: 'identity_already_linked_to_another_account',
      });
    });

    it('removed in the review: unlinked in the same batch, and free for another account', async () => {
      const ned = await robbed('ned');
      await recover(ned);
      expect((await review(ned, [], [])).outcome).toEqual({ kind: 'refused', code: 'review_incomplete' });
      const context = testContext();
      expect((await review(ned, [], [ned.claimId], context)).outcome).toEqual({ kind: 'done' });
      expect(await lastTypesOf(ned, 2)).toEqual(['SignInMethodsReviewed', 'ExternalIdentityUnlinked']);
      // The same command again, and another one, change nothing.
      const { revision } = await loadAccount(installation.store, ned.userId);
      expect((await review(ned, [], [ned.claimId], context)).outcome).toEqual({ kind: 'done' });
      expect((await review(ned, [], [ned.claimId])).outcome).toEqual({ kind: 'done' });
      expect((await loadAccount(installation.store, ned.userId)).revision).toBe(revision);
      const other = await person('ned-other');
      expect((await loginViaIdp(installation, linking(other.userId, 'thief-of-ned'))).outcome.kind).toBe('linked');
    });

    it('kept in the review: it signs in again, and a later recovery leaves it', async () => {
      const oda = await robbed('oda');
      await recover(oda);
      expect((await review(oda, [oda.claimId], [])).outcome).toEqual({ kind: 'done' });
      expect(await signInAs('oda')).toMatchObject({ kind: 'sign_in', userId: oda.userId });
      await recover(oda);
      expect(await signInAs('oda')).toMatchObject({ kind: 'sign_in', userId: oda.userId });
    });

    it('two reviews at once: the first one counts', async () => {
      const pat = await robbed('pat');
      await recover(pat);
      const outcomes = await Promise.all([review(pat, [pat.claimId], []), review(pat, [], [pat.claimId])]);
      expect(outcomes.map(({ outcome }) => outcome.kind)).toEqual(['done', 'done']);
      const reviews = (await installation.store.read(userStream(pat.userId))).filter(
        ({ event }) => event.type === 'SignInMethodsReviewed',
      );
      expect(reviews).toHaveLength(1);
    });
  });
});
