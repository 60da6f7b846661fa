import {
  EventStoreDBClient,
  START,
  persistentSubscriptionToStreamSettingsFromDefaults,
  streamNameFilter,
} from '@eventstore/db-client';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startTestEventStore } from '#test-support/event-store.js';
import type { TestEventStore } from '#test-support/event-store.js';
import { collect, event, events, until } from './contract/contract-store.js';

let store: TestEventStore;
let client: EventStoreDBClient;
beforeAll(async () => {
  store = await startTestEventStore();
  client = EventStoreDBClient.connectionString(store.url);
});
afterAll(async () => {
  await client.dispose();
  await store.stop();
});

describe('what the embedded node does not have is unimplemented:', () => {
  it('persistent subscriptions', async () => {
    const settings = persistentSubscriptionToStreamSettingsFromDefaults();
    await expect(client.createPersistentSubscriptionToStream('s', 'g', settings)).rejects.toMatchObject({ code: 12 });
  });

  it('projections', async () => {
    await expect(client.createProjection('p', 'fromAll()')).rejects.toMatchObject({ code: 12 });
  });
});

describe('checkpoints', () => {
  it('come after exactly checkpointInterval × maxSearchWindow considered events, whether or not they are let through', async () => {
    const { position } = await client.appendToStream('user-1', event('Start'));
    for (let n = 0; n < 10; n++) await client.appendToStream(`user-${n % 2}`, events(20));
    const positions = (await collect(client.readAll({ fromPosition: position ?? START })))
      .slice(1)
      .map((each) => each.event?.position?.commit);
    const reached: bigint[] = [];
    const subscription = client.subscribeToAll({
      fromPosition: position ?? START,
      filter: streamNameFilter({
        prefixes: ['user-1'],
        maxSearchWindow: 7,
        checkpointInterval: 3,
        checkpointReached: (_subscription, { commit }) => {
          reached.push(commit);
          return Promise.resolve();
        },
      }),
    });
    subscription.on('data', () => undefined);
    await until(() => reached.length >= 9);
    await subscription.unsubscribe();
    expect(reached).toEqual(positions.filter((_, n) => (n + 1) % 21 === 0));
  });
});

describe('a filter that cannot be used is refused as an invalid argument:', () => {
  const refusal = (regex: string): Promise<unknown> =>
    new Promise((resolve) => {
      const subscription = client.subscribeToAll({ filter: streamNameFilter({ regex }) });
      subscription.on('error', resolve);
      subscription.on('data', () => undefined);
    });

  it.each([
    ['a broken regular expression', '('],
    ['a look-behind, which RE2 does not have', '(?<=x)y'],
    ['a regular expression that is too long', 'a'.repeat(2_000)],
    ['a regular expression whose program is too large', '((a{1,1000}){1,1000}){1,1000}'],
  ])('%s', async (_title, regex) => {
    expect(await refusal(regex)).toMatchObject({ code: 3 });
  });
});
