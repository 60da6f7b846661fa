import { EventStoreDBClient, binaryEvent, streamNameFilter } from '@eventstore/db-client';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { createTestDatabase } from '#test-support/database.js';
import type { TestDatabase } from '#test-support/database.js';
import { startEventStoreProcess } from '#test-support/event-store-process.js';
import type { EventStoreProcess } from '#test-support/event-store-process.js';
import { until } from './contract/contract-store.js';

const MIB = 1024 * 1024;
const SUBSCRIBERS = 6;
const BEFORE = 160;
const LATER = 100;

let database: TestDatabase;
let node: EventStoreProcess;
let writer: EventStoreDBClient;
beforeAll(async () => {
  database = await createTestDatabase();
  node = await startEventStoreProcess({ databaseUrl: database.urls.ligature_event_store });
  writer = EventStoreDBClient.connectionString(node.url);
});
afterAll(async () => {
  await writer.dispose();
  node.kill('SIGTERM');
  await node.ended;
  await database.drop();
});

const residentBytes = async (): Promise<number> => {
  const metrics = await (await fetch(`http://127.0.0.1:${node.managementPort}/metrics`)).text();
  return Number(/^process_resident_memory_bytes (\S+)$/m.exec(metrics)?.[1]);
};

const append = (bytes: number): Promise<unknown> =>
  writer.appendToStream('large', binaryEvent({ type: 'Large', data: new Uint8Array(bytes) }));

it('subscribers that do not read cost the node no more memory the more there is to read, and miss nothing', async () => {
  for (let n = 0; n < BEFORE; n += 5) await Promise.all(Array.from({ length: 5 }, () => append(MIB / 2)));
  const memory = await residentBytes();
  const clients = Array.from({ length: SUBSCRIBERS }, () => EventStoreDBClient.connectionString(node.url));
  const received = clients.map((client) => {
    const subscription = client.subscribeToAll({ filter: streamNameFilter({ prefixes: ['large'] }) });
    const revisions: bigint[] = [];
    subscription.on('error', () => undefined);
    subscription.on('data', ({ event }) => {
      revisions.push(event?.revision ?? -1n);
      if (revisions.length === 1) subscription.pause();
    });
    return { subscription, revisions };
  });
  await until(() => received.every(({ revisions }) => revisions.length === 1));
  for (let n = 0; n < LATER; n++) await append(1_000);
  // Each of them is owed 80 MiB by now.
  expect((await residentBytes()) - memory).toBeLessThan(200 * MIB);
  const [one] = received;
  one?.subscription.resume();
  await until(() => one?.revisions.length === BEFORE + LATER);
  expect(one?.revisions).toEqual(Array.from({ length: BEFORE + LATER }, (_, revision) => BigInt(revision)));
  for (const client of clients) await client.dispose();
}, 60_000);
