import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { EventFormatError } from '#libs/event-store/codec.js';
import { userStream } from '#libs/users/streams.js';
import { appendUnconditionally } from '#libs/event-store/command-execution.js';
import type { DomainEvent } from '#libs/event-store/event-definition.js';
import { providerMigrations } from '#libs/installation/provider-migrations.js';
import { openIdProviderMigrations } from '#libs/openid-provider/migrations.js';
import { systemClock } from '#libs/platform/clock.js';
import { newUuid } from '#libs/platform/ids.js';
import { silentLogger } from '#libs/platform/logger.js';
import { migrate } from '#libs/platform/postgres/migrations.js';
import { startTestInstallation, testContext } from '#test-support/installation.js';
import type { TestInstallation } from '#test-support/installation.js';
import { until } from '#test-support/until.js';
import { AccountProcessManager } from './account-process-manager.js';
import { waitingCauses } from './parked-streams.postgres.js';

describe('an event that the process manager cannot handle', () => {
  let installation: TestInstallation;
  beforeAll(async () => {
    installation = await startTestInstallation();
    await migrate(installation.pool, 'provider', [...openIdProviderMigrations, ...providerMigrations]);
  }, 60_000);
  afterAll(() => installation.stop());

  const registered: DomainEvent = { type: 'UserRegistered', data: { organizationId: 'default', displayName: 'Ann' } };
  const deactivated: DomainEvent = { type: 'UserDeactivated', data: {} };
  const append = async (userId: string, ...events: DomainEvent[]): Promise<void> => {
    await appendUnconditionally(installation.store, {
      stream: userStream(userId),
      events,
      context: testContext(),
      subject: userId,
    });
  };
  /** How to stop what a test that failed has left running. */
  const started: (() => Promise<void>)[] = [];
  afterEach(async () => {
    await Promise.all(started.splice(0).map((stop) => stop()));
    await installation.pool.query('DELETE FROM provider.process_manager_parked');
  });
  /** @returns how the run ends */
  const run = (
    seen: string[],
    isUnreadable: (type: string, stream: string) => boolean,
    retryMs: number,
    build = 'this',
  ): { readonly stop: () => Promise<void>; readonly state: () => string } => {
    const { pool, connection, store, codec, newId: make } = installation;
    const manager = new AccountProcessManager({
      pool,
      connection,
      store,
      clock: systemClock,
      newId: make,
      logger: silentLogger,
      build,
      retryAfterMs: () => retryMs,
      codec: {
        ...codec,
        decode: (batch, isPlain) => {
          const unreadable = batch.find(({ type, stream }) => isUnreadable(type, stream));
          return unreadable
            ? Promise.reject(new EventFormatError(unreadable.type, 'of a newer release'))
            : codec.decode(batch, isPlain);
        },
      },
      reactions: {
        carryOutRevocations: (userId, { event }) => {
          seen.push(`${userId} ${event.type}`);
          return Promise.resolve();
        },
        revokeMails: () => Promise.resolve(),
        finishErasure: (userId) => {
          seen.push(`${userId} erased`);
          return Promise.resolve();
        },
        wantsToNotify: () => false,
        notify: () => Promise.resolve(),
      },
    });
    const stopping = new AbortController();
    const running = manager.run(stopping.signal);
    const stop = async (): Promise<void> => {
      stopping.abort();
      await running;
    };
    started.push(stop);
    return { state: () => manager.state, stop };
  };
  const handled = (seen: readonly string[], entry: string, patienceMs = 10_000): Promise<true> =>
    until(() => Promise.resolve(seen.includes(entry) ? true : undefined), patienceMs);

  it('keeps no other from being handled where its stream was deleted in the store', async () => {
    const [ann, bob] = [newUuid(), newUuid()];
    const seen: string[] = [];
    const isUnreadable = (type: string, stream: string): boolean =>
      type === 'UserDeactivated' && stream === userStream(ann);
    const first = run(seen, isUnreadable, 3_600_000);
    await append(ann, registered, deactivated);
    await append(bob, registered);
    await handled(seen, `${bob} UserRegistered`);
    await installation.connection.client.tombstoneStream(userStream(ann));
    await append(bob, deactivated);
    await handled(seen, `${bob} UserDeactivated`);
    await first.stop();
    run(seen, isUnreadable, 20, 'the next');
    await append(bob, { type: 'UserReactivated', data: {} });
    await handled(seen, `${bob} UserReactivated`);
  });

  it.each([
    ['while it runs, once the event can be handled', 20, false],
    ['when the next release starts', 3_600_000, true],
  ] as const)('makes its own stream wait and no other, which is taken up in order %s', async (_, retryMs, restart) => {
    const [ann, bob] = [newUuid(), newUuid()];
    const seen: string[] = [];
    let unreadable = true;
    const isUnreadable = (type: string, stream: string): boolean =>
      unreadable && type === 'UserDeactivated' && stream === userStream(ann);
    const first = run(seen, isUnreadable, retryMs);
    await append(ann, registered);
    await append(ann, deactivated, { type: 'UserReactivated', data: {} });
    await append(bob, registered, deactivated);
    await handled(seen, `${bob} UserDeactivated`);
    expect(await waitingCauses(installation.pool)).toEqual([
      expect.objectContaining({
        failure: 'UserDeactivated event_format_invalid',
        streams: 1,
        example: {
          stream: userStream(ann),
          eventType: 'UserDeactivated',
          cause: 'UserDeactivated: of a newer release',
        },
      }),
    ]);
    expect(first.state()).toBe('running');
    expect(seen.filter((entry) => entry.startsWith(ann))).toEqual([`${ann} UserRegistered`]);

    if (restart) await first.stop();
    unreadable = false;
    const second = restart ? run(seen, isUnreadable, retryMs, 'the next') : first;
    await handled(seen, `${ann} UserReactivated`);
    await until(async () => ((await waitingCauses(installation.pool)).length === 0 ? true : undefined), 10_000);
    await second.stop();
    expect(seen.filter((entry) => entry.startsWith(ann))).toEqual(
      ['UserRegistered', 'UserDeactivated', 'UserReactivated'].map((type) => `${ann} ${type}`),
    );
  });

  it('T2: is of 150 streams: each waits, nothing stops, and the known cause holds nobody up', async () => {
    const people = Array.from({ length: 150 }, () => newUuid());
    const [bob, seen] = [newUuid(), [] as string[]];
    const poisoned = new Set<string>(people.map(userStream));
    const manager = run(seen, (_, stream) => poisoned.has(stream), 3_600_000);
    for (const person of people) await append(person, registered);
    await append(bob, registered);
    // Were each tried again for a second first, this would take more than two minutes.
    await handled(seen, `${bob} UserRegistered`, 60_000);
    const causes = await waitingCauses(installation.pool);
    expect(causes.map(({ failure, streams }) => [failure, streams])).toEqual([
      ['UserRegistered event_format_invalid', 150],
    ]);
    expect(manager.state()).toBe('running');
  }, 90_000);

  it('T2: keeps no erasure of the person waiting', async () => {
    const [ann, seen] = [newUuid(), [] as string[]];
    run(seen, (type, stream) => type === 'UserDeactivated' && stream === userStream(ann), 3_600_000);
    await append(ann, registered, deactivated, { type: 'UserReactivated', data: {} });
    await append(ann, { type: 'ErasureStarted', data: {} });
    await handled(seen, `${ann} erased`);
    expect(seen.filter((entry) => entry.startsWith(ann))).toEqual([
      `${ann} UserRegistered`,
      `${ann} ErasureStarted`,
      `${ann} erased`,
    ]);
  });
});
