import { EventStoreDBClient, jsonEvent, NO_STREAM } from '@eventstore/db-client';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { startTestEventStore } from './event-store.js';
import type { TestEventStore } from './event-store.js';

let store: TestEventStore;
beforeAll(async () => {
  store = await startTestEventStore();
});
afterAll(() => store.stop());

it('gives a test an event store of its own', async () => {
  const client = EventStoreDBClient.connectionString(store.url);
  await client.appendToStream('user-1', jsonEvent({ type: 'UserRegistered', data: { n: 1 } }), {
    expectedRevision: NO_STREAM,
  });
  const types: string[] = [];
  for await (const { event } of client.readStream('user-1')) types.push(event?.type ?? '');
  expect(types).toEqual(['UserRegistered']);
  await client.dispose();
});
