import { createServer } from 'node:net';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { EventStoreDBClient, jsonEvent } from '@eventstore/db-client';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createTestDatabase } from '#test-support/database.js';
import type { TestDatabase } from '#test-support/database.js';
import { freePort, spawnEventStore, startEventStoreProcess } from '#test-support/event-store-process.js';
import type { EventStoreProcess } from '#test-support/event-store-process.js';

let database: TestDatabase;
let started: EventStoreProcess[];
beforeEach(async () => {
  database = await createTestDatabase();
  started = [];
});
afterEach(async () => {
  for (const node of started) {
    node.kill('SIGKILL');
    await node.ended;
  }
  await database.drop();
});

const start = async (options: { port?: number } = {}): Promise<EventStoreProcess> => {
  const node = await startEventStoreProcess({ databaseUrl: database.urls.ligature_event_store, ...options });
  started.push(node);
  return node;
};

const spawn = async (options: Partial<Parameters<typeof spawnEventStore>[0]> = {}): Promise<EventStoreProcess> => {
  const node = await spawnEventStore({ databaseUrl: database.urls.ligature_event_store, ...options });
  started.push(node);
  return node;
};

describe('the event store as a process', () => {
  it('stops cleanly when it is told to, and has everything when it is started again', async () => {
    const first = await start();
    const client = EventStoreDBClient.connectionString(first.url);
    await client.appendToStream('user-1', jsonEvent({ type: 'UserRegistered', data: {} }));
    await client.dispose();
    first.kill('SIGTERM');
    expect(await first.ended).toBe(0);
    const second = await start({ port: first.port });
    const again = EventStoreDBClient.connectionString(second.url);
    expect(
      await again.appendToStream('user-1', jsonEvent({ type: 'More', data: {} }), { expectedRevision: 0n }),
    ).toMatchObject({
      success: true,
    });
    await again.dispose();
    second.kill('SIGINT');
    expect(await second.ended).toBe(0);
  });

  it('H9: ends subscriptions and calls with an error that says unavailable when it stops', async () => {
    const node = await start();
    const client = EventStoreDBClient.connectionString(node.url);
    const subscription = client.subscribeToAll();
    subscription.on('data', () => undefined);
    await once(subscription, 'caughtUp');
    const heard = new Promise((resolve) => subscription.once('error', resolve));
    node.kill('SIGTERM');
    expect(await heard).toMatchObject({ type: 'unavailable' });
    expect(await node.ended).toBe(0);
    await client.dispose();
  });

  it('tells operators that it is ready, and what it does', async () => {
    const node = await start();
    const metrics = await (await fetch(`http://127.0.0.1:${node.managementPort}/metrics`)).text();
    expect(metrics).toMatch(/^ligature_event_store_events_total 1$/m);
    expect(metrics).toMatch(/^ligature_event_store_subscriptions 0$/m);
  });
});

describe('the event store refuses to start, with a sentence and exit code 1,', () => {
  it('as a second node on the same database', async () => {
    await start();
    const second = await spawn();
    expect(await second.ended).toBe(1);
    expect(second.output()).toBe(
      'Another event-store node writes to this database. One log has one writer: stop the other node, or give this one a database of its own.\n',
    );
  });

  it('when its port is taken', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    const node = await spawn({ port });
    expect(await node.ended).toBe(1);
    expect(node.output()).toContain(`Port ${port} on 127.0.0.1 is taken`);
    other.close();
  });

  it('when its management port is taken', async () => {
    const first = await start();
    const other = await createTestDatabase();
    const node = await spawn({
      databaseUrl: other.urls.ligature_event_store,
      env: { EVENT_STORE_MANAGEMENT_PORT: String(first.managementPort) },
    });
    expect(await node.ended).toBe(1);
    expect(node.output()).toBe(
      `Port ${first.managementPort} is taken; set EVENT_STORE_MANAGEMENT_PORT to a free one.\n`,
    );
    await other.drop();
  });

  it('when PostgreSQL is not there', async () => {
    const node = await spawn({ databaseUrl: `postgresql://ligature_event_store:x@127.0.0.1:${await freePort()}/none` });
    expect(await node.ended).toBe(1);
    expect(node.output()).toContain('PostgreSQL does not answer at DATABASE_URL');
  });

  it('when its configuration is wrong, naming every mistake', async () => {
    const node = await spawn({
      databaseUrl: 'nonsense',
      env: { EVENT_STORE_HOST: '0.0.0.0', EVENT_STORE_USERS: 'nobody' },
    });
    expect(await node.ended).toBe(1);
    expect(node.output()).toContain('DATABASE_URL must be a postgresql:// URL');
    expect(node.output()).toContain('EVENT_STORE_USERS must be name:password');
    expect(node.output()).toContain('EVENT_STORE_HOST=0.0.0.0 lets others in');
  });
});
