import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { UserStreamEvent } from '#libs/users/state.js';
import { userActivityStream, userStream } from '#libs/users/streams.js';
import { appendUnconditionally } from '#libs/event-store/command-execution.js';
import { EventStore } from '#libs/event-store/event-store.js';
import type { ReadOptions } from '#libs/event-store/event-store.js';
import type { StoredEvent } from '#libs/event-store/codec.js';
import type { RecordedEvent } from '#libs/event-store/recorded-event.js';
import type { StreamName } from '#libs/event-store/stream-name.js';
import { systemClock } from '#libs/platform/clock.js';
import { newUuid } from '#libs/platform/ids.js';
import { migrate } from '#libs/platform/postgres/migrations.js';
import { createPool } from '#libs/platform/postgres/pool.js';
import type { Pool } from '#libs/platform/postgres/pool.js';
import { projectionEngineMigrations } from '#libs/projection-engine/generations.postgres.js';
import type { ActivityEvent } from '#libs/sign-in/events.js';
import { linksProjection } from '#projections/links/links.projection.js';
import { usersProjection } from '#projections/users/users.projection.js';
import { afterErasure, eventsOf, generatedAccount } from '#test-support/generated-account.js';
import { startTestInstallation, testContext } from '#test-support/installation.js';
import type { TestInstallation } from '#test-support/installation.js';
import { rowsAfterBatches } from '#test-support/projection-rows.js';
import { accountAsOf } from './account-as-of.js';
import type { AccountAsOf } from './account-as-of.js';
import { readAccountAsOf, readDifference } from './read-account.js';

let installation: TestInstallation;
let pool: Pool;
beforeAll(async () => {
  installation = await startTestInstallation();
  pool = createPool(installation.eventStore.database.urls.ligature_projector, { applicationName: 'test' });
  await migrate(pool, 'models', projectionEngineMigrations);
});
afterAll(async () => {
  await pool.end();
  await installation.stop();
});

/** A user id of a generated history; in the same order as they were made, so that one query finds them all. */
const randomUserId = (): string => `00000000-0000-7000-8000-${randomBytes(6).toString('hex')}`;

const storeAccount = async (userId: string, events: readonly UserStreamEvent[], at?: () => Date): Promise<void> => {
  const store = at ? new EventStore({ ...installation, clock: at }) : installation.store;
  await appendUnconditionally(store, { stream: userStream(userId), events, context: testContext(), subject: userId });
};
const storeActivity = async (userId: string, at: string, ...events: readonly ActivityEvent[]): Promise<bigint> => {
  const store = new EventStore({ ...installation, clock: () => new Date(at) });
  return (
    await appendUnconditionally(store, {
      stream: userActivityStream(userId),
      events,
      context: testContext(),
      subject: userId,
    })
  ).position;
};

describe('as of now', () => {
  /** An account as the read model would show it. */
  const asRow = (userId: string, { status, organizationId, createdAt, profile, username, emails }: AccountAsOf) => {
    const shown = (value: string | null | undefined): string | null => (status === 'erased' ? null : (value ?? null));
    const verified = emails.find((email) => email.verified);
    return {
      user_id: userId,
      organization_id: organizationId,
      status,
      username: shown(username),
      display_name: shown(profile.displayName),
      given_name: shown(profile.givenName),
      family_name: shown(profile.familyName),
      email: shown((verified ?? emails.find(({ assertedBy }) => assertedBy !== null))?.address),
      email_verified: status !== 'erased' && verified !== undefined,
      created_at: new Date(createdAt ?? NaN),
    };
  };

  it('equals the read models of users and links, whatever the histories', () =>
    fc.assert(
      fc.asyncProperty(fc.array(generatedAccount, { minLength: 1, maxLength: 20 }), async (generated) => {
        const users = generated.map((account) => ({ account, userId: randomUserId() }));
        const histories = users.map(({ account, userId }) => eventsOf(account, userId));
        const accounts = users.map(({ account }, i) => {
          const events = histories[i] ?? [];
          return accountAsOf(account.ending === 'erased' ? afterErasure(events) : events);
        });
        const byUser = (rows: readonly object[]) =>
          new Map(rows.map((row) => [(row as { user_id: string }).user_id, row]));
        expect(byUser(await rowsAfterBatches(pool, usersProjection, histories))).toEqual(
          byUser(users.map(({ userId }, i) => asRow(userId, accounts[i] as AccountAsOf))),
        );
        const links = (await rowsAfterBatches(pool, linksProjection, histories)).map(
          (row) => `${String(row.user_id)} ${String(row.claim_id)}`,
        );
        expect(links.toSorted()).toEqual(
          users
            .flatMap(({ userId }, i) => (accounts[i]?.links ?? []).map(({ claimId }) => `${userId} ${claimId}`))
            .toSorted(),
        );
      }),
      { numRuns: 25 },
    ));
});

describe('an account read from the store', () => {
  it('is, as of each position, what exactly the prefix folds to', async () => {
    for (const generated of fc.sample(generatedAccount, 8)) {
      const userId = newUuid();
      const planned = eventsOf(generated, userId);
      for (const { event, metadata } of planned)
        await storeAccount(userId, [event], () => new Date(metadata.occurredAt));
      const events = (await installation.store.read(userStream(userId))) as readonly RecordedEvent<UserStreamEvent>[];
      expect(events.map(({ event }) => event)).toEqual(planned.map(({ event }) => event));
      for (const [i, { position, metadata }] of events.entries()) {
        const expected = {
          userId,
          asOf: { position: position.toString(), occurredAt: metadata.occurredAt },
          ...accountAsOf(events.slice(0, i + 1)),
        };
        const found = await readAccountAsOf({ ...installation, clock: systemClock }, userId, {
          moment: { position },
          withSessions: false,
        });
        expect(found).toEqual({ kind: 'found', answer: expected });
      }
      const now = await readAccountAsOf({ ...installation, clock: systemClock }, userId, { withSessions: false });
      expect(now).toMatchObject({ kind: 'found', answer: accountAsOf(events) });
    }
  });

  it('needs only the short stream; the activity is read for sessions, and no read model ever', async () => {
    const userId = newUuid();
    await storeAccount(userId, [{ type: 'UserRegistered', data: { organizationId: 'default' } }]);
    await storeActivity(userId, '2026-03-03T12:00:00Z', {
      type: 'SessionEnded',
      data: { sessionId: 's', reason: 'signed_out' },
    });
    const read = new Set<string>();
    class Watched extends EventStore {
      override async readStored(stream: StreamName, options?: ReadOptions): Promise<readonly StoredEvent[]> {
        read.add(stream);
        return super.readStored(stream, options);
      }
    }
    const dependencies = { store: new Watched(installation), clock: systemClock };
    await readAccountAsOf(dependencies, userId, { withSessions: false });
    await readDifference(dependencies, userId, { from: { position: 0n } });
    expect([...read]).toEqual([userStream(userId)]);
    await readAccountAsOf(dependencies, userId, { withSessions: true });
    expect([...read]).toEqual([userStream(userId), 'organization-default', userActivityStream(userId)]);
  });

  it('before the user existed there is none; what has not happened yet is refused', async () => {
    const userId = newUuid();
    const dependencies = { ...installation, clock: () => new Date('2026-03-03T12:00:00Z') };
    await storeAccount(userId, [{ type: 'UserRegistered', data: { organizationId: 'default' } }]);
    expect(await readAccountAsOf(dependencies, userId, { moment: { position: 0n }, withSessions: true })).toMatchObject(
      {
        answer: { status: 'none', asOf: null, organizationId: null, links: [] },
      },
    );
    const tomorrow = { time: new Date('2026-03-04T12:00:00Z') };
    expect(await readAccountAsOf(dependencies, userId, { moment: tomorrow, withSessions: false })).toEqual({
      kind: 'refused',
      parameter: 'asOf',
      detail: '"asOf" lies in the future.',
    });
    const end = await installation.store.endOfLog();
    const beyond = { position: end + 1n };
    expect(await readAccountAsOf(dependencies, userId, { moment: beyond, withSessions: false })).toMatchObject({
      parameter: 'asOf',
    });
    expect(await readDifference(dependencies, userId, { from: { position: 0n }, to: beyond })).toMatchObject({
      parameter: 'to',
    });
    expect(await readDifference(dependencies, userId, { from: tomorrow })).toMatchObject({ parameter: 'from' });
    expect(await readDifference(dependencies, userId, { from: { position: end }, to: { position: 0n } })).toEqual({
      kind: 'refused',
      parameter: 'from',
      detail: '"from" is later than "to".',
    });
  });
});

describe('sessions as of a moment', () => {
  const LIFETIME_S = 3_600;
  const started = (sessionId: string, authenticatedAt: string): readonly ActivityEvent[] => [
    {
      type: 'LoginSucceeded',
      data: { sessionId, method: 'external_identity', providerId: 'acme', claimId: newUuid() },
    },
    { type: 'SessionStarted', data: { sessionId, authenticatedAt } },
  ];
  const endedNow = (sessionId: string): ActivityEvent => ({
    type: 'SessionEnded',
    data: { sessionId, reason: 'signed_out' },
  });

  it('are those begun and neither ended nor expired by then, under the policy of their sign-in', async () => {
    const userId = newUuid();
    const organizationId = `org-${randomBytes(4).toString('hex')}`;
    const policy = {
      externalSignIn: true,
      password: false,
      registration: false,
      recovery: false,
      loginNames: ['username'],
    } as const;
    await appendUnconditionally(installation.store, {
      stream: `organization-${organizationId}`,
      events: [{ type: 'LoginPolicyChanged', data: { policy: { ...policy, sessionLifetimeS: LIFETIME_S } } }],
      context: testContext(),
      subject: userId,
    });
    await storeAccount(
      userId,
      [{ type: 'UserRegistered', data: { organizationId } }],
      () => new Date('2026-03-03T11:00:00Z'),
    );
    await storeActivity(userId, '2026-03-03T12:00:00.050Z', ...started('one', '2026-03-03T12:00:00.000Z'));
    await storeActivity(userId, '2026-03-03T12:10:00.050Z', ...started('two', '2026-03-03T12:10:00.000Z'));
    const end = await storeActivity(userId, '2026-03-03T12:20:00.000Z', endedNow('two'));
    await storeActivity(userId, '2026-03-03T12:30:00.050Z', ...started('three', '2026-03-03T12:30:00.000Z'));

    const openAt = async (moment: { time: Date } | { position: bigint } | undefined, now = '2026-03-03T12:40:00Z') => {
      const found = await readAccountAsOf({ ...installation, clock: () => new Date(now) }, userId, {
        moment,
        withSessions: true,
      });
      return found.kind === 'found' ? found.answer.sessions?.map(({ sessionId }) => sessionId) : found;
    };
    const at = (time: string) => openAt({ time: new Date(`2026-03-03T${time}Z`) });
    expect(await at('11:30:00')).toEqual([]);
    expect(await at('12:00:00.049')).toEqual([]);
    expect(await at('12:00:00.050')).toEqual(['one']);
    expect(await at('12:15:00')).toEqual(['two', 'one']);
    expect(await at('12:20:00')).toEqual(['one']);
    expect(await openAt({ position: end - 1n })).toEqual(['two', 'one']);
    expect(await openAt({ position: end })).toEqual(['one']);
    expect(await openAt(undefined)).toEqual(['three', 'one']);
    expect(await openAt(undefined, '2026-03-03T13:00:00.050Z')).toEqual(['three']);
    expect(await openAt(undefined, '2026-03-03T14:00:00Z')).toEqual([]);

    const found = await readAccountAsOf({ ...installation, clock: systemClock }, userId, {
      moment: { time: new Date('2026-03-03T12:05:00Z') },
      withSessions: true,
    });
    expect(found).toMatchObject({
      answer: {
        sessions: [
          {
            method: 'external_identity',
            providerId: 'acme',
            since: '2026-03-03T12:00:00.050Z',
            authenticatedAt: '2026-03-03T12:00:00.000Z',
            expiresAt: '2026-03-03T13:00:00.050Z',
          },
        ],
      },
    });
  });

  it('L33: one that was renewed is of the renewal: its method, its time where that is known, and a full lifetime', async () => {
    const userId = newUuid();
    const second = newUuid();
    await storeAccount(
      userId,
      [{ type: 'UserRegistered', data: { organizationId: 'default' } }],
      () => new Date('2026-03-03T11:00:00Z'),
    );
    await storeActivity(userId, '2026-03-03T12:00:00Z', ...started('one', '2026-03-03T11:00:00.000Z'));
    await storeActivity(
      userId,
      '2026-03-03T13:00:00Z',
      {
        type: 'LoginSucceeded',
        data: { sessionId: 'one', method: 'external_identity', providerId: 'globex', claimId: second },
      },
      { type: 'SessionRenewed', data: { sessionId: 'one', claimId: second } },
    );
    const at = async (time: string) => {
      const dependencies = { ...installation, clock: systemClock };
      const found = await readAccountAsOf(dependencies, userId, {
        moment: { time: new Date(time) },
        withSessions: true,
      });
      return found.kind === 'found' ? found.answer.sessions : found;
    };
    expect(await at('2026-03-03T12:30:00Z')).toMatchObject([
      { providerId: 'acme', since: '2026-03-03T12:00:00.000Z', authenticatedAt: '2026-03-03T11:00:00.000Z' },
    ]);
    expect(await at('2026-03-03T13:30:00Z')).toMatchObject([
      { providerId: 'globex', claimId: second, since: '2026-03-03T13:00:00.000Z', authenticatedAt: null },
    ]);
  });
});
