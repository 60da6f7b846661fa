import { EventStoreDBClient, jsonEvent } from '@eventstore/db-client';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { startTestEventStore } from '#test-support/event-store.js';
import type { TestEventStore } from '#test-support/event-store.js';
import { collect, event, until } from './contract/contract-store.js';
import { observe } from './contract/observed-subscription.js';

let store: TestEventStore;
let client: EventStoreDBClient;
let admin: pg.Client;

beforeEach(async () => {
  store = await startTestEventStore();
  client = EventStoreDBClient.connectionString(store.url);
  admin = new pg.Client({ connectionString: store.database.adminUrl });
  await admin.connect();
});

afterEach(async () => {
  await client.dispose();
  await admin.end();
  await store.stop();
});

/** Ends sessions of the node, as a restart of PostgreSQL does. */
const endSessions = async (name: 'writer' | 'reader'): Promise<void> => {
  await admin.query(
    'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name = $1',
    [`ligature event-store ${name}`],
  );
};

const untilAppendable = (): Promise<void> =>
  until(() =>
    client.appendToStream('probe', jsonEvent({ type: 'Probe', data: {} })).then(
      () => true,
      () => false,
    ),
  );

describe('a node whose session in PostgreSQL ends', () => {
  it('takes appends again by itself', async () => {
    await client.appendToStream('user-1', event('Before'));
    await endSessions('writer');
    await untilAppendable();
    expect(await client.appendToStream('user-1', event('After'), { expectedRevision: 0n })).toMatchObject({
      nextExpectedRevision: 1n,
    });
  });

  it('goes on trying where the next session ends too, while it waits for the lock', async () => {
    const unhandled: unknown[] = [];
    const note = (error: unknown): void => void unhandled.push(error);
    process.on('unhandledRejection', note);
    const holder = new pg.Client({ connectionString: store.database.adminUrl });
    await holder.connect();
    try {
      const held = holder.query(`SELECT pg_advisory_lock(hashtext('ligature event-store writer'))`);
      await until(
        async () =>
          (await admin.query(`SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted`)).rowCount === 1,
      );
      for (let round = 0; round < 3; round++) {
        await until(async () => {
          const { rowCount } = await admin.query(
            `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND state = 'idle'
               AND application_name = 'ligature event-store writer'`,
          );
          return rowCount === 1;
        });
        await held;
      }
    } finally {
      await holder.end();
    }
    await untilAppendable();
    process.off('unhandledRejection', note);
    expect(unhandled).toEqual([]);
  });

  it('E3: loses nothing that it acknowledged, and leaves no gap, under load', async () => {
    const acknowledged = new Map<string, bigint>();
    let stop = false;
    const failures = new Set<string>();
    const writers = Array.from({ length: 16 }, async (_, n) => {
      const stream = `user-${n}`;
      while (!stop) {
        const one = event('E');
        await client.appendToStream(stream, one).then(
          (result) => acknowledged.set(`${stream} ${one.id}`, result.nextExpectedRevision),
          (error: { type?: string }) => {
            failures.add(String(error.type));
          },
        );
        // A client whose connection was refused fails at once; give its timers a turn.
        await new Promise((resolve) => setImmediate(resolve));
      }
    });
    for (let round = 0; round < 3; round++) {
      const before = acknowledged.size;
      await until(() => acknowledged.size > before + 100);
      await endSessions('writer');
    }
    await untilAppendable();
    stop = true;
    await Promise.all(writers);
    expect([...failures].every((type) => type === 'unavailable')).toBe(true);
    const stored = new Map<string, bigint>();
    const revisions = new Map<string, bigint>();
    let position = 0n;
    for await (const { event: read } of client.readAll()) {
      if (read === undefined) continue;
      expect(read.position?.commit).toBe(position + 64n);
      position += 64n;
      expect(read.revision).toBe((revisions.get(read.streamId) ?? -1n) + 1n);
      revisions.set(read.streamId, read.revision);
      stored.set(`${read.streamId} ${read.id}`, read.revision);
    }
    for (const [key, revision] of acknowledged) expect(stored.get(key)).toBe(revision);
  });

  it('goes on serving its subscribers, each event once', async () => {
    const subscription = observe(client.subscribeToStream('user-1'));
    await client.appendToStream('user-1', event('Before'));
    await subscription.untilHeard('caughtUp');
    await endSessions('writer');
    await endSessions('reader');
    await untilAppendable();
    await client.appendToStream('user-1', event('After'), { expectedRevision: 0n });
    await subscription.untilHeard('After');
    expect(subscription.said).toEqual(['confirmation', 'Before', 'caughtUp', 'After']);
    await subscription.unsubscribe();
  });

  it('shows its readers what was committed although the answer was lost', async () => {
    const subscription = observe(client.subscribeToAll());
    await subscription.untilHeard('caughtUp');
    // As a commit whose answer never came: stored by someone whom the node has not heard of.
    await endSessions('writer');
    await admin.query(
      `INSERT INTO log.events (position, stream, revision, id, type, is_json, data, metadata, created_ms)
       SELECT max(position) + 64, 'user-1', 0, gen_random_uuid(), 'Unknown', true, '{}', '', 0 FROM log.events`,
    );
    await subscription.untilHeard('Unknown');
    await untilAppendable();
    expect(await client.appendToStream('user-1', event('Next'), { expectedRevision: 0n })).toMatchObject({
      nextExpectedRevision: 1n,
    });
    expect(await collect(client.readStream('user-1'))).toHaveLength(2);
    await subscription.unsubscribe();
  });
});
