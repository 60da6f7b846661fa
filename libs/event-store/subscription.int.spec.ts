import { binaryEvent, jsonEvent } from '@eventstore/db-client';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startNode } from '#apps/event-store/node.js';
import { z } from 'zod';
import { systemClock } from '#libs/platform/clock.js';
import { newUuid } from '#libs/platform/ids.js';
import { silentLogger } from '#libs/platform/logger.js';
import { createTestDatabase } from '#test-support/database.js';
import { startTestEventStore } from '#test-support/event-store.js';
import type { TestEventStore } from '#test-support/event-store.js';
import { testContext } from '#test-support/installation.js';
import { MemorySubjectKeys } from '#test-support/subject-keys.js';
import { appendUnconditionally } from './command-execution.js';
import { connectEventStore } from './connect-event-store.js';
import type { EventCore } from './connect-event-store.js';
import { createEventCatalog } from './event-catalog.js';
import { defineEvent } from './event-definition.js';
import type { EventDefinition } from './event-definition.js';
import { NotTheStoreWeKnewError } from './store-identity.js';
import type { Checkpoint } from './store-identity.js';
import { runSubscription } from './subscription.js';
import type { SubscriptionOptions } from './subscription.js';
import { EventFormatError } from './codec.js';
import type { StoredEvent } from './codec.js';
import type { StreamName } from './stream-name.js';
import { resubscriptionsInto } from '#test-support/resubscriptions.js';

const counted = defineEvent('Counted', { count: z.number().int() });

const connect = (url: string): EventCore =>
  connectEventStore({
    url,
    catalog: createEventCatalog([counted as EventDefinition]),
    keys: new MemorySubjectKeys(),
    clock: systemClock,
    newId: newUuid,
    logger: silentLogger,
  });

let eventStore: TestEventStore;
let core: EventCore;

beforeAll(async () => {
  eventStore = await startTestEventStore();
  core = connect(eventStore.url);
});
afterAll(async () => {
  await core.connection.close();
  await eventStore.stop();
});

/** A category of its own for each test: letters only. */
const freshCategory = (): string =>
  `c${newUuid().replace(/[^a-f]/g, '')}${Math.random()
    .toString(36)
    .replace(/[^a-z]/g, '')}`;

const append = async (category: string, counts: readonly number[], over = core): Promise<void> => {
  const stream: StreamName = `${category}-1`;
  for (let i = 0; i < counts.length; i += 100)
    await appendUnconditionally(over.store, {
      stream,
      events: counts.slice(i, i + 100).map((count) => ({ type: 'Counted', data: { count } })),
      context: testContext(),
      subject: 'ann',
    });
};
const upTo = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

interface Subscriber {
  readonly taken: StoredEvent[];
  readonly counts: () => unknown[];
  readonly batches: number[];
  readonly resubscriptions: string[];
  readonly until: (n: number) => Promise<void>;
  readonly stop: () => Promise<void>;
  readonly ended: Promise<void>;
}

const subscribe = (
  category: string,
  over: Partial<SubscriptionOptions> = {},
  before?: () => Promise<void>,
): Subscriber => {
  const stopping = new AbortController();
  const taken: StoredEvent[] = [];
  const batches: number[] = [];
  const resubscriptions: string[] = [];
  let check = (): void => undefined;
  const ended = runSubscription({
    connection: core.connection,
    logger: resubscriptionsInto(resubscriptions),
    name: 'test',
    prefixes: [`${category}-`],
    checkpoint: null,
    signal: stopping.signal,
    ...over,
    onBatch: async (events) => {
      await before?.();
      taken.push(...events);
      if (events.length > 0) batches.push(events.length);
      check();
    },
  });
  return {
    taken,
    counts: () => taken.map(({ data }) => data.count),
    batches,
    resubscriptions,
    until: (n) =>
      Promise.race([
        ended,
        new Promise<void>((resolve) => {
          check = () => taken.length >= n && resolve();
          check();
        }),
      ]),
    stop: async () => {
      stopping.abort();
      await ended;
    },
    ended,
  };
};

const checkpointOf = (event: StoredEvent | undefined): Checkpoint => {
  if (!event) throw new Error('no event was taken');
  return { position: event.position, eventId: event.id };
};

describe('a catch-up subscription', () => {
  it('catches up and goes live: each event exactly once, in order', async () => {
    const category = freshCategory();
    await append(category, upTo(1_200));
    const subscriber = subscribe(category);
    await subscriber.until(1_200);
    await append(category, [1_200, 1_201]);
    await append(category, [1_202]);
    await subscriber.until(1_203);
    await subscriber.stop();
    expect(subscriber.counts()).toEqual(upTo(1_203));
    expect(
      subscriber.taken.every(({ position }, i) => i === 0 || position > (subscriber.taken[i - 1]?.position ?? 0n)),
    ).toBe(true);
  });

  it('takes events that are stored while it changes from catching up to live', async () => {
    const category = freshCategory();
    await append(category, upTo(300));
    const subscriber = subscribe(category);
    for (let i = 0; i < 200; i += 1) await append(category, [300 + i]);
    await subscriber.until(500);
    await subscriber.stop();
    expect(subscriber.counts()).toEqual(upTo(500));
  });

  it('hands over what Ligature never wrote, which nobody can decode, and what comes after it', async () => {
    const category = freshCategory();
    const { client } = core.connection;
    await append(category, [0]);
    await client.appendToStream(
      `${category}-1`,
      binaryEvent({ type: 'Counted', data: Uint8Array.from([1]), metadata: Uint8Array.from([2]) }),
    );
    await client.tombstoneStream(`${category}-1`);
    await client.appendToStream(`${category}-2`, jsonEvent({ type: 'Counted', data: { count: 1 } }));
    const subscriber = subscribe(category);
    await subscriber.until(4);
    await subscriber.stop();
    expect(subscriber.counts()).toEqual([0, undefined, undefined, 1]);
    expect(subscriber.resubscriptions).toEqual([]);
    for (const event of subscriber.taken.slice(1, 3))
      await expect(core.codec.decode([event])).rejects.toThrow(EventFormatError);
  });

  it('gets its streams only, and batches no longer than asked for', async () => {
    const category = freshCategory();
    await append(`${category}other`, [7]);
    await append(category, upTo(250));
    const subscriber = subscribe(category, { batchSize: 100 });
    await subscriber.until(250);
    await subscriber.stop();
    expect(subscriber.counts()).toEqual(upTo(250));
    expect(Math.max(...subscriber.batches)).toBeLessThanOrEqual(100);
  });

  it('a handler that is slow loses nothing and gets nothing twice', async () => {
    const category = freshCategory();
    let release = (): void => undefined;
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    await append(category, [0]);
    const subscriber = subscribe(category, {}, () => gate);
    await append(
      category,
      upTo(2_000).map((i) => i + 1),
    );
    release();
    await subscriber.until(2_001);
    await subscriber.stop();
    expect(subscriber.counts()).toEqual(upTo(2_001));
  });

  it('a handler that fails ends it with that failure', async () => {
    const category = freshCategory();
    await append(category, [0]);
    const subscriber = subscribe(category, {}, () => Promise.reject(new Error('the handler failed')));
    await expect(subscriber.ended).rejects.toThrow('the handler failed');
  });

  it('told to stop, it comes to an end, also while nothing arrives', async () => {
    const subscriber = subscribe(freshCategory());
    await subscriber.stop();
    expect(subscriber.counts()).toEqual([]);
  });
});

describe('the resume protocol', () => {
  it('resumes after the checkpoint, exclusively, from any event', async () => {
    const category = freshCategory();
    await append(category, upTo(20));
    const first = subscribe(category);
    await first.until(20);
    await first.stop();
    for (const i of [0, 7, 18]) {
      const resumed = subscribe(category, { checkpoint: checkpointOf(first.taken[i]) });
      await resumed.until(19 - i);
      await resumed.stop();
      expect(resumed.counts()).toEqual(upTo(20).slice(i + 1));
    }
  });

  it('resumed at the end it waits for what comes next', async () => {
    const category = freshCategory();
    await append(category, [0]);
    const first = subscribe(category);
    await first.until(1);
    await first.stop();
    const resumed = subscribe(category, { checkpoint: checkpointOf(first.taken[0]) });
    await append(category, [1]);
    await resumed.until(1);
    await resumed.stop();
    expect(resumed.counts()).toEqual([1]);
  });

  it('H7: a checkpoint beyond the end of the log: not the store that we knew', async () => {
    const category = freshCategory();
    await append(category, [0]);
    const { ended, taken } = subscribe(category, { checkpoint: { position: 10_000_000_000n, eventId: newUuid() } });
    await expect(ended).rejects.toThrow(NotTheStoreWeKnewError);
    await expect(ended).rejects.toThrow(/no event at position 10000000000 .*ligature projections replay test/);
    expect(taken).toEqual([]);
  });

  it('a checkpoint where another event stands: not the store that we knew', async () => {
    const category = freshCategory();
    await append(category, [0, 1]);
    const first = subscribe(category);
    await first.until(2);
    await first.stop();
    const { ended, taken } = subscribe(category, {
      checkpoint: { ...checkpointOf(first.taken[0]), eventId: newUuid() },
    });
    await expect(ended).rejects.toThrow(`another event (${first.taken[0]?.id})`);
    expect(taken).toEqual([]);
  });

  it('a store that is away is waited for, and is not taken for another one; nothing is lost and nothing comes twice', async () => {
    const database = await createTestDatabase();
    const start = (port: number) =>
      startNode({ databaseUrl: database.urls.ligature_event_store, host: '127.0.0.1', port, logger: silentLogger });
    let node = await start(0);
    const { port, url } = node;
    const own = connect(url);
    try {
      const category = freshCategory();
      await append(category, upTo(50), own);
      const subscriber = subscribe(category, { connection: own.connection });
      await subscriber.until(50);
      await node.stop();
      node = await start(port);
      await own.connection.whenReady(Date.now() + 10_000);
      await append(category, [50, 51], own);
      await subscriber.until(52);
      expect(subscriber.counts()).toEqual(upTo(52));
      expect(subscriber.resubscriptions.length).toBeGreaterThan(0);
      await subscriber.stop();
    } finally {
      await own.connection.close();
      await node.stop();
      await database.drop();
    }
  });
});
