import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { z } from 'zod';
import { systemClock } from '#libs/platform/clock.js';
import { remainingMs, withDeadline } from '#libs/platform/deadline.js';
import { newUuid } from '#libs/platform/ids.js';
import { silentLogger } from '#libs/platform/logger.js';
import { startTestEventStore } from '#test-support/event-store.js';
import type { TestEventStore } from '#test-support/event-store.js';
import { testContext } from '#test-support/installation.js';
import { startRestartableEventStore } from '#test-support/restartable-event-store.js';
import { MemorySubjectKeys } from '#test-support/subject-keys.js';
import { until } from '#test-support/until.js';
import { appendUnconditionally, ContentionError, execute, load } from './command-execution.js';
import type { Fold } from './command-execution.js';
import { connectEventStore } from './connect-event-store.js';
import type { EventCore } from './connect-event-store.js';
import { createEventCatalog } from './event-catalog.js';
import { defineEvent } from './event-definition.js';
import type { DomainEvent, EventDefinition } from './event-definition.js';
import type { AppendRequest } from './event-store.js';
import { StoreConnection } from './store-connection.js';
import { StoreAwayError, StoreRefusedError } from './store-errors.js';
import type { StreamName } from './stream-name.js';

const counted = defineEvent('Counted', { count: z.number().int() });
const noted = defineEvent('Noted', { text: z.string().or(z.array(z.string())) });
/** What the catalog of a careless context would hold. */
const untyped = defineEvent('', {});
const catalog = createEventCatalog([counted, noted, untyped] as EventDefinition[]);

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

const connect = (url: string): EventCore =>
  connectEventStore({
    url,
    catalog,
    keys: new MemorySubjectKeys(),
    clock: systemClock,
    newId: newUuid,
    logger: silentLogger,
  });

/** What a spy in the connection's place hands on to. */
const unspied: EventCore['connection']['append'] = (send) =>
  StoreConnection.prototype.append.call(core.connection, send) as never;

const freshStream = (): StreamName => `test-${newUuid()}`;
const count = (n: number): DomainEvent => ({ type: 'Counted', data: { count: n } });
const request = (
  stream: StreamName,
  events: readonly DomainEvent[],
  over: Partial<AppendRequest> = {},
): AppendRequest => ({
  stream,
  expectedRevision: 'no_stream',
  events,
  context: testContext(),
  subject: 'ann',
  ...over,
});
const countsOf = async (stream: StreamName, options = {}): Promise<unknown[]> =>
  (await core.store.read(stream, options)).map(({ event }) => (event.data as { count: number }).count);

describe('append and read', () => {
  it('a batch is appended at no_stream, and read with revisions and positions', async () => {
    const stream = freshStream();
    const appended = await core.store.append(request(stream, [count(1), count(2)]));
    const read = await core.store.read(stream);
    expect(read.map(({ revision, event }) => [revision, event])).toEqual([
      [0n, count(1)],
      [1n, count(2)],
    ]);
    expect(appended).toEqual({ kind: 'appended', revision: 1n, position: read[1]?.position });
    expect((read[0]?.position ?? 0n) < (read[1]?.position ?? 0n)).toBe(true);
  });

  it('a stream that does not exist reads as empty, both ways', async () => {
    expect(await core.store.read(freshStream())).toEqual([]);
    expect(await core.store.read(freshStream(), { direction: 'backwards', limit: 1 })).toEqual([]);
  });

  it('reads a part, forwards and backwards', async () => {
    const stream = freshStream();
    await core.store.append(request(stream, [0, 1, 2, 3, 4].map(count)));
    expect(await countsOf(stream, { from: 2n })).toEqual([2, 3, 4]);
    expect(await countsOf(stream, { from: 1n, limit: 2 })).toEqual([1, 2]);
    expect(await countsOf(stream, { direction: 'backwards', limit: 2 })).toEqual([4, 3]);
    expect(await countsOf(stream, { direction: 'backwards', from: 1n })).toEqual([1, 0]);
    expect(await countsOf(stream, { from: 9n })).toEqual([]);
  });

  it('a conflict tells the true revision, and stores nothing', async () => {
    const stream = freshStream();
    await core.store.append(request(stream, [count(1), count(2)]));
    for (const expectedRevision of ['no_stream', 0n, 7n] as const)
      expect(await core.store.append(request(stream, [count(3)], { expectedRevision }))).toEqual({
        kind: 'conflict',
        actual: 1n,
      });
    expect(await core.store.append(request(freshStream(), [count(1)], { expectedRevision: 3n }))).toEqual({
      kind: 'conflict',
      actual: 'no_stream',
    });
    expect(await countsOf(stream)).toEqual([1, 2]);
  });

  it('of 32 appends at one revision one is stored, and 31 are conflicts', async () => {
    const stream = freshStream();
    const results = await Promise.all(
      Array.from({ length: 32 }, (_, n) => core.store.append(request(stream, [count(n)]))),
    );
    expect(results.filter(({ kind }) => kind === 'appended')).toHaveLength(1);
    expect(await countsOf(stream)).toEqual([results.findIndex(({ kind }) => kind === 'appended')]);
  });
});

describe('appends beside each other', () => {
  it('leave together while one is under way, and each has its own outcome', async () => {
    const [taken, ...streams] = Array.from({ length: 9 }, freshStream);
    await core.store.append(request(taken as StreamName, [count(0)]));
    const ownClient = jest.spyOn(core.connection, 'append');
    const leftAt: number[] = [];
    ownClient.mockImplementation(async (send) => {
      leftAt.push(answered);
      return unspied(send);
    });
    let answered = 0;
    const append = async (stream: StreamName) => {
      const result = await core.store.append(request(stream, [count(1)]));
      answered += 1;
      return result.kind;
    };
    try {
      const first = append(streams[0] as StreamName);
      await until(() => Promise.resolve(leftAt.length === 1));
      const others = [taken, ...streams.slice(1)].map((stream) => append(stream as StreamName));
      expect(await Promise.all([first, ...others])).toEqual([
        'appended',
        'conflict',
        ...streams.slice(1).map(() => 'appended'),
      ]);
      expect(leftAt).toEqual([0, ...others.map(() => 1)]);
    } finally {
      ownClient.mockRestore();
    }
  });

  it('keep the deadline of the request that each serves', async () => {
    const deadlines: number[] = [];
    const ownClient = jest.spyOn(core.connection, 'append').mockImplementation(async (send) => {
      deadlines.push(Math.round(remainingMs() / 1_000));
      return unspied(send);
    });
    try {
      const within = (ms: number) => withDeadline(ms, () => core.store.append(request(freshStream(), [count(1)])));
      await Promise.all([within(5_000), core.store.append(request(freshStream(), [count(1)])), within(20_000)]);
      expect(deadlines).toEqual([5, Infinity, 20]);
    } finally {
      ownClient.mockRestore();
    }
  });
});

describe('H1: what the client must not see', () => {
  it('an empty event type is refused before the client, with 32 other appends in flight, which all succeed', async () => {
    const others = Array.from({ length: 32 }, () => core.store.append(request(freshStream(), [count(1)])));
    const toTheClient = jest.spyOn(core.connection, 'append');
    const stream = freshStream();
    try {
      await expect(core.store.append(request(stream, [{ type: '', data: {} }]))).rejects.toThrow(StoreRefusedError);
      await expect(core.store.append(request(stream, [count(1), { type: '', data: {} }]))).rejects.toThrow(
        'nothing was sent',
      );
      expect((await Promise.all(others)).map(({ kind }) => kind)).toEqual(others.map(() => 'appended'));
      expect(await core.store.read(stream)).toEqual([]);
      expect(toTheClient.mock.calls.length).toBeLessThanOrEqual(others.length);
    } finally {
      toTheClient.mockRestore();
    }
  });

  it.each<[string, (stream: StreamName) => AppendRequest]>([
    [
      'an append over the size that the store takes',
      (stream) =>
        request(stream, [{ type: 'Noted', data: { text: Array.from({ length: 17 }, () => 'x'.repeat(65_000)) } }]),
    ],
    [
      'a batch that is over it only together',
      (stream) =>
        request(
          stream,
          Array.from({ length: 12 }, () => ({ type: 'Noted', data: { text: 'ä'.repeat(50_000) } })),
        ),
    ],
    ['no event at all', (stream) => request(stream, [])],
    ['a name that is no stream’s', () => request('$all' as StreamName, [count(1)])],
    ['a name of a stream’s metadata', () => request('$$user-1' as StreamName, [count(1)])],
  ])('%s is refused before the client', async (_title, of) => {
    const toTheClient = jest.spyOn(core.connection, 'append');
    try {
      const stream = freshStream();
      await expect(core.store.append(of(stream))).rejects.toThrow(StoreRefusedError);
      expect(toTheClient).not.toHaveBeenCalled();
      expect(await core.store.read(stream)).toEqual([]);
    } finally {
      toTheClient.mockRestore();
    }
  });

  it('an append just below the size is taken', async () => {
    const stream = freshStream();
    await core.store.append(
      request(stream, [{ type: 'Noted', data: { text: Array.from({ length: 15 }, () => 'x'.repeat(65_000)) } }]),
    );
    expect(await core.store.read(stream)).toHaveLength(1);
  });
});

describe('commands on a stream', () => {
  const sum: Fold<number, DomainEvent> = {
    initial: 0,
    evolve: (total, { data }) => total + (data as { count: number }).count,
  };

  it('appendUnconditionally: fifty parallel writers, each stored once, no two at one revision', async () => {
    const stream = freshStream();
    const writers = Array.from({ length: 50 }, (_, n) =>
      appendUnconditionally(core.store, { stream, events: [count(n)], context: testContext(), subject: 'ann' }),
    );
    const appended = await Promise.all(writers);
    expect(new Set(appended.map(({ revision }) => revision)).size).toBe(50);
    expect(((await countsOf(stream)) as number[]).sort((a, b) => a - b)).toEqual(
      Array.from({ length: 50 }, (_, n) => n),
    );
  });

  it('execute: concurrent commands decide on what the others stored', async () => {
    const stream = freshStream();
    const take = () =>
      execute(core.store, {
        stream,
        fold: sum,
        decide: (total) => (total < 5 ? { events: [count(1)], outcome: 'taken' } : { events: [], outcome: 'full' }),
        context: testContext(),
        subject: 'ann',
      });
    const outcomes = (await Promise.all(Array.from({ length: 12 }, take))).map(({ outcome }) => outcome);
    expect(outcomes.filter((outcome) => outcome === 'taken')).toHaveLength(5);
    expect(await load(core.store, stream, sum)).toMatchObject({ state: 5, revision: 4n });
  });

  it('execute: a decision without events answers with the position of what it was decided on', async () => {
    const stream = freshStream();
    const { position } = (await core.store.append(request(stream, [count(9)]))) as { position: bigint };
    const nothing = {
      stream,
      fold: sum,
      decide: () => ({ events: [], outcome: 'as it was' }),
      context: testContext(),
      subject: 'ann',
    };
    expect(await execute(core.store, nothing)).toMatchObject({ outcome: 'as it was', stored: [], position });
    expect(await execute(core.store, { ...nothing, stream: freshStream() })).toEqual({
      outcome: 'as it was',
      stored: [],
      revision: 'no_stream',
      position: 0n,
    });
  });

  it('a stream that others always change first: bounded, and told as such', async () => {
    const never = {
      append: () => Promise.resolve({ kind: 'conflict', actual: 1n }),
      read: () => Promise.resolve([]),
    } as unknown as EventCore['store'];
    const stream = freshStream();
    await expect(
      appendUnconditionally(never, { stream, events: [count(1)], context: testContext(), subject: 'ann' }),
    ).rejects.toThrow(ContentionError);
    await expect(
      execute(never, {
        stream,
        fold: sum,
        decide: () => ({ events: [count(1)], outcome: 1 }),
        context: testContext(),
        subject: 'ann',
      }),
    ).rejects.toThrow(ContentionError);
  });
});

describe('a store that is not there', () => {
  it('is said to be away, never "not found"; appends are refused quickly', async () => {
    const other = await startTestEventStore();
    await other.stop();
    const away = connect(other.url);
    try {
      await expect(away.store.read(freshStream())).rejects.toThrow(StoreAwayError);
      expect(away.connection.state).toBe('away');
      await expect(away.store.append(request(freshStream(), [count(1)]))).rejects.toThrow(StoreAwayError);
    } finally {
      await away.connection.close();
    }
  });

  it('E2: comes back also when a request found it away whose own time was over long before', async () => {
    const restartable = await startRestartableEventStore();
    const { store, connection } = connect(restartable.url);
    try {
      await restartable.goAway();
      await expect(withDeadline(500, () => store.read(freshStream()))).rejects.toBeInstanceOf(StoreAwayError);
      await until(() => Promise.resolve(connection.state === 'away' ? true : undefined));
      await restartable.comeBack();
      await until(() => Promise.resolve(connection.state === 'ready' ? true : undefined));
      expect(await store.read(freshStream())).toEqual([]);
    } finally {
      await connection.close();
      await restartable.stop();
    }
  });
});
