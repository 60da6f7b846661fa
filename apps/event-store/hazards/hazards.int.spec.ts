import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { BACKWARDS, EventStoreDBClient, FORWARDS, NO_STREAM, START, streamNameFilter } from '@eventstore/db-client';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { startRestartableEventStore } from '#test-support/restartable-event-store.js';
import type { RestartableEventStore } from '#test-support/restartable-event-store.js';
import { startTcpProxy } from '#test-support/tcp-proxy.js';
import { until } from '#test-support/until.js';
import { collect, event, events, newStream, positionOf, typesOf } from '../contract/contract-store.js';
import type { HazardSwitches } from './switches.js';

/**
 * The hazards of docs/design/event-store.md as the bare client meets them, so that nobody takes our protocols for
 * needless and removes them. What keeps us from each has the same name in apps/projector/store-hazards.int.spec.ts.
 */
let switches: HazardSwitches;
let store: RestartableEventStore;
const ended: (() => Promise<unknown>)[] = [];

beforeEach(async () => {
  switches = {};
  store = await startRestartableEventStore(switches);
});
afterEach(async () => {
  for (const end of ended.splice(0).reverse()) await end();
  await store.stop();
});

const connect = (url = store.url): EventStoreDBClient => {
  const client = EventStoreDBClient.connectionString(url);
  ended.push(() => client.dispose());
  return client;
};
const append = (client: EventStoreDBClient, stream: string, type: string, id?: string) =>
  client.appendToStream(stream, event(type, {}, id), { expectedRevision: NO_STREAM });
const failure = async (
  doing: Promise<unknown>,
): Promise<{ readonly type?: string; readonly code?: number; readonly message: string }> => {
  try {
    await doing;
  } catch (error) {
    return error as Error;
  }
  throw new Error('It succeeded');
};

/**
 * Runs a program on the bare client in a process of its own.
 * @returns its exit code, and what it wrote to standard error
 */
const inAProcess = async (
  program: string,
  ...args: string[]
): Promise<{ readonly code: number | null; readonly stderr: string }> => {
  const child = spawn(process.execPath, ['--input-type=module', '-e', program, ...args], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, stderr };
};
const PROGRAM = `
import { EventStoreDBClient, jsonEvent } from '@eventstore/db-client';
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
`;

describe('hazards, shown through the bare client', () => {
  it('H1 shown: an append with an empty event type ends the process: it is answered twice', async () => {
    switches.answerEmptyTypesTwice = true;
    const { code, stderr } = await inAProcess(
      `${PROGRAM}
      const client = EventStoreDBClient.connectionString(process.argv[1]);
      await client.appendToStream('hazard-1', jsonEvent({ type: '', data: {} })).catch(() => undefined);
      await sleep(3000);
      process.exit(0);`,
      store.url,
    );
    expect(code).not.toBe(0);
    expect(stderr).toContain('undefined is not iterable');
  });

  it('H2 shown: with two clients in one process, cutting the connection of one ends the process', async () => {
    const proxy = await startTcpProxy({ host: '127.0.0.1', port: store.port });
    ended.push(() => proxy.close());
    const cutting = setInterval(() => void proxy.cut(), 400);
    ended.push(() => Promise.resolve(clearInterval(cutting)));
    const { code } = await inAProcess(
      `${PROGRAM}
      const clients = process.argv.slice(1).map((url) => EventStoreDBClient.connectionString(url));
      clients.forEach((client, c) => {
        for (let w = 0; w < 32; w += 1)
          void (async () => {
            for (;;) await client.appendToStream('hazard-' + c + 'x' + w, jsonEvent({ type: 'A', data: {} })).catch(() => sleep(5));
          })();
      });
      await sleep(15000);
      process.exit(0);`,
      store.url,
      `esdb://127.0.0.1:${proxy.port}?tls=false`,
    );
    expect(code).not.toBe(0);
  }, 30_000);

  it('H3 shown: a client that missed the cluster once never appends again, while it reads', async () => {
    const client = connect(`esdb://127.0.0.1:${store.port},localhost:${store.port}?tls=false&maxDiscoverAttempts=2`);
    await append(client, newStream(), 'Before');
    await store.goAway();
    for (let i = 0; i < 3; i += 1) await append(client, newStream(), 'Away').catch(() => undefined);
    await store.comeBack();
    await until(() =>
      collect(client.readAll({ direction: FORWARDS, maxCount: 1 })).then(
        (read) => (read.length === 1 ? true : undefined),
        () => undefined,
      ),
    );
    const began = performance.now();
    for (let i = 0; i < 3; i += 1)
      expect((await failure(append(client, newStream(), 'After'))).message).toMatch(/Failed to discover/);
    expect(performance.now() - began).toBeLessThan(1_000);
    expect((await append(connect(), newStream(), 'Fresh')).success).toBe(true);
  });

  it('H4 shown: a retry at "any" whose answer was lost is stored twice after a restart; at an exact revision once', async () => {
    const client = connect();
    const typesAfterRetry = async (options: Parameters<EventStoreDBClient['appendToStream']>[2]): Promise<string[]> => {
      const stream = newStream();
      const retried = event('Retried');
      switches.loseAnswers = 1;
      await failure(client.appendToStream(stream, retried, options));
      await store.goAway();
      await store.comeBack();
      await until(() =>
        client.appendToStream(stream, retried, options).then(
          () => true,
          () => undefined,
        ),
      );
      return typesOf(client.readStream(stream));
    };
    switches.forgetIdsOfAny = true;
    expect(await typesAfterRetry({})).toEqual(['Retried', 'Retried']);
    expect(await typesAfterRetry({ expectedRevision: NO_STREAM })).toEqual(['Retried']);
  });

  it('H5 shown: resuming from a position that is no event of ours skips one', async () => {
    switches.hiddenRecords = true;
    const client = connect();
    const stream = newStream();
    const { commit } = positionOf(await client.appendToStream(stream, event('First')));
    await client.appendToStream(stream, [event('Second'), event('Third')]);
    const from = async (position: bigint): Promise<string[]> => {
      const seen: string[] = [];
      const subscription = client.subscribeToAll({
        fromPosition: { commit: position, prepare: position },
        filter: streamNameFilter({ prefixes: [stream] }),
      });
      for await (const { event: received } of subscription)
        if (received && seen.push(received.type) && received.type === 'Third') break;
      await subscription.unsubscribe();
      return seen;
    };
    expect(await from(commit)).toEqual(['Second', 'Third']);
    expect(await from(commit + 1n)).toEqual(['Third']);
  });

  it('H6 shown: a live subscriber that falls 32 events behind is ended', async () => {
    switches.endSubscribersBehind = 32;
    const client = connect();
    const stream = newStream();
    const subscription = client.subscribeToAll({
      fromPosition: START,
      filter: streamNameFilter({ prefixes: [stream] }),
    });
    const error = new Promise<Error & { type?: string }>((resolve) => subscription.on('error', resolve));
    await new Promise<void>((resolve) => subscription.on('caughtUp', () => resolve()).on('data', () => undefined));
    await client.appendToStream(stream, events(100));
    expect(await error).toMatchObject({ type: 'timeout', message: expect.stringContaining('Consumer too slow') });
  });

  it('H7 shown: a subscription from beyond the log’s end is confirmed, and goes on with whatever comes next', async () => {
    const client = connect();
    const stream = newStream();
    const { commit } = positionOf(await client.appendToStream(stream, event('Last')));
    const beyond = commit + 1_000_000n;
    const subscription = client.subscribeToAll({
      fromPosition: { commit: beyond, prepare: beyond },
      filter: streamNameFilter({ prefixes: [stream] }),
    });
    const received = new Promise<string>((resolve) =>
      subscription.on('data', ({ event: one }) => one && resolve(one.type)),
    );
    await new Promise<void>((resolve) => subscription.on('confirmation', () => resolve()));
    await client.appendToStream(stream, event('Lower than it asked for'));
    expect(await received).toBe('Lower than it asked for');
    await subscription.unsubscribe();
  });

  it('H8 shown: without a leader appends end in between; a read that does not ask for the leader is stale', async () => {
    const client = connect();
    const stream = newStream();
    const { commit } = positionOf(await client.appendToStream(stream, event('Old')));
    switches.notReady = true;
    expect(await failure(client.appendToStream(stream, event('Never')))).toMatchObject({
      message: expect.stringContaining('Server Is Not Ready'),
    });
    switches.notReady = false;
    switches.staleAfter = commit;
    await until(() =>
      client.appendToStream(stream, event('New')).then(
        () => true,
        () => undefined,
      ),
    );
    expect(await typesOf(client.readStream(stream))).toEqual(['Old']);
    expect(await typesOf(client.readStream(stream, { requiresLeader: true }))).toEqual(['Old', 'New']);
  });

  it('H9 shown: a store that is down: errors without a type, and a subscription that neither ends nor closes', async () => {
    const client = connect();
    const subscription = client.subscribeToAll();
    const told: string[] = [];
    for (const sign of ['error', 'end', 'close'] as const) subscription.on(sign, () => told.push(sign));
    await new Promise<void>((resolve) => subscription.on('caughtUp', () => resolve()).on('data', () => undefined));
    await append(client, newStream(), 'Before');
    await store.goAway();
    const later = await until(async () => {
      const error = await failure(append(client, newStream(), 'Away'));
      return error.type === undefined ? error : undefined;
    });
    expect(later).toMatchObject({ code: 14 });
    await until(() => Promise.resolve(told.length > 0 ? true : undefined));
    expect(told).toEqual(['error']);
  });

  it('H10 shown: esdb+discover:// asks only its first host: with that one down nothing is found, although the second is well', async () => {
    const discover = connect(
      `esdb+discover://127.0.0.1:1,127.0.0.1:${store.port}?tls=false&maxDiscoverAttempts=2&discoveryInterval=10`,
    );
    expect((await failure(append(discover, newStream(), 'A'))).message).toMatch(/Failed to discover/);
    const list = connect(
      `esdb://127.0.0.1:1,127.0.0.1:${store.port}?tls=false&maxDiscoverAttempts=2&discoveryInterval=10`,
    );
    expect((await append(list, newStream(), 'A')).success).toBe(true);
  });

  it('H11 shown: "caught up" on a stream that does not exist comes only after its first event', async () => {
    const client = connect();
    const stream = newStream();
    const subscription = client.subscribeToStream(stream);
    const told: string[] = [];
    subscription.on('data', () => told.push('event'));
    subscription.on('caughtUp', () => told.push('caught up'));
    await new Promise<void>((resolve) => subscription.on('confirmation', () => resolve()));
    // Whatever would come before the first event has had its turn when another stream's event is there.
    await client.appendToStream(newStream(), event('Elsewhere'));
    await collect(client.readAll({ direction: BACKWARDS, fromPosition: 'end', maxCount: 1 }));
    expect(told).toEqual([]);
    await client.appendToStream(stream, event('First'));
    await until(() => Promise.resolve(told.length === 2 ? true : undefined));
    expect(told).toEqual(['event', 'caught up']);
    await subscription.unsubscribe();
  });

  it('H12 shown: the same id at the same expected revision is a success, whatever it holds; at the current revision it is stored again', async () => {
    const client = connect();
    const stream = newStream();
    const { id } = event('First');
    await append(client, stream, 'First', id);
    expect((await append(client, stream, 'Other content', id)).success).toBe(true);
    expect(await typesOf(client.readStream(stream))).toEqual(['First']);
    await client.appendToStream(stream, event('Again', {}, id), { expectedRevision: 0n });
    expect(await typesOf(client.readStream(stream))).toEqual(['First', 'Again']);
  });
});
