import { EventEmitter } from 'node:events';
import { describe, expect, it } from '@jest/globals';
import { silentLogger } from '#libs/platform/logger.js';
import type { StoreConnection } from './store-connection.js';
import { unobserved } from './store-metrics.js';
import { runSubscription } from './subscription.js';
import { resubscriptionsInto } from '#test-support/resubscriptions.js';

const resolved = (position: bigint) => ({
  event: {
    id: `event-${position}`,
    type: 'Happened',
    streamId: 'test-1',
    revision: position,
    isJson: true,
    data: {},
    metadata: {},
    position: { commit: position },
  },
});

/** A server that delivers these positions at each subscription, and then ends it. */
const serverThatDelivers = (...subscriptions: readonly (readonly bigint[])[]) => {
  const from: unknown[] = [];
  const client = {
    readAll: async function* (options: { fromPosition: { commit: bigint } }) {
      yield await Promise.resolve(resolved(options.fromPosition.commit));
    },
    subscribeToAll: (options: { fromPosition: unknown }) => {
      const positions = subscriptions[from.length] ?? [];
      from.push(options.fromPosition);
      const source = Object.assign(new EventEmitter(), {
        pause: () => undefined,
        resume: () => undefined,
        unsubscribe: () => Promise.resolve(),
      });
      setImmediate(() => {
        for (const position of positions) source.emit('data', resolved(position));
        if (from.length < subscriptions.length) source.emit('error', new Error('Consumer too slow'));
      });
      return source;
    },
  };
  const connection = {
    reading: { client, replaced: new AbortController().signal },
    observer: unobserved,
    read: (request: (c: typeof client) => unknown) => request(client),
  };
  return { from, connection: connection as unknown as StoreConnection };
};

const taken = async (
  until: bigint,
  connection: StoreConnection,
  checkpoint: bigint | null,
): Promise<{ positions: bigint[]; dropped: string[] }> => {
  const stopping = new AbortController();
  const positions: bigint[] = [];
  const dropped: string[] = [];
  await runSubscription({
    connection,
    logger: resubscriptionsInto(dropped),
    name: 'test',
    prefixes: ['test-'],
    checkpoint: checkpoint === null ? null : { position: checkpoint, eventId: `event-${checkpoint}` },
    signal: stopping.signal,
    onBatch: (events) => {
      positions.push(...events.map(({ position }) => position));
      if (positions.at(-1) === until) stopping.abort();
      return Promise.resolve();
    },
  });
  return { positions, dropped };
};

describe('the resume protocol against a server that is not exact', () => {
  it('positions at or below the checkpoint are discarded', async () => {
    const { connection } = serverThatDelivers([3n, 5n, 6n, 7n]);
    expect((await taken(7n, connection, 5n)).positions).toEqual([6n, 7n]);
  });

  it('an event that is delivered again is discarded', async () => {
    const { connection } = serverThatDelivers([1n, 2n, 2n, 1n, 3n]);
    expect((await taken(3n, connection, null)).positions).toEqual([1n, 2n, 3n]);
  });

  it('H6: dropped as too slow, it resubscribes from the last event it took; nothing is lost and nothing comes twice', async () => {
    const { connection, from } = serverThatDelivers([1n, 2n], [2n, 3n], [4n]);
    expect(await taken(4n, connection, null)).toEqual({
      positions: [1n, 2n, 3n, 4n],
      dropped: ['Consumer too slow', 'Consumer too slow'],
    });
    expect(from.slice(1)).toEqual([
      { commit: 2n, prepare: 2n },
      { commit: 3n, prepare: 3n },
    ]);
  });

  it('told to stop while it reads the event at its checkpoint, it comes to an end and does not subscribe', async () => {
    const { connection, from } = serverThatDelivers([6n]);
    const stopping = new AbortController();
    const read = connection.read.bind(connection);
    connection.read = async (request) => {
      const answer = await read(request);
      stopping.abort();
      return answer;
    };
    await runSubscription({
      connection,
      logger: silentLogger,
      name: 'test',
      prefixes: ['test-'],
      checkpoint: { position: 5n, eventId: 'event-5' },
      signal: stopping.signal,
      onBatch: () => Promise.resolve(),
    });
    expect(from).toEqual([]);
  });
});
