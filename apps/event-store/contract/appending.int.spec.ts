import { randomUUID } from 'node:crypto';
import {
  ANY,
  EventStoreDBClient,
  MaxAppendSizeExceededError,
  NO_STREAM,
  STREAM_EXISTS,
  WrongExpectedVersionError,
  binaryEvent,
  jsonEvent,
} from '@eventstore/db-client';
import type { AppendExpectedRevision } from '@eventstore/db-client';
import { describe, expect, it } from '@jest/globals';
import {
  collect,
  event,
  events,
  newStream,
  positionOf,
  revisionsOf,
  typesOf,
  useContractStore,
} from './contract-store.js';

const store = useContractStore();

const conflictOf = async (append: Promise<unknown>): Promise<WrongExpectedVersionError> => {
  const failure = await append.then(
    () => new Error('The append was taken'),
    (error: unknown) => error,
  );
  expect(failure).toBeInstanceOf(WrongExpectedVersionError);
  return failure as WrongExpectedVersionError;
};

describe('an append is taken', () => {
  it('at no_stream, on a stream that does not exist', async () => {
    const result = await store().client.appendToStream(newStream(), events(2), { expectedRevision: NO_STREAM });
    expect(result).toMatchObject({ success: true, nextExpectedRevision: 1n });
  });

  it('at the exact revision of its last event', async () => {
    const stream = newStream();
    await store().client.appendToStream(stream, events(3));
    const result = await store().client.appendToStream(stream, event('Next'), { expectedRevision: 2n });
    expect(result).toMatchObject({ success: true, nextExpectedRevision: 3n });
  });

  it('at any revision, whether or not the stream exists', async () => {
    const stream = newStream();
    expect(await store().client.appendToStream(stream, event('A'), { expectedRevision: ANY })).toMatchObject({
      nextExpectedRevision: 0n,
    });
    expect(await store().client.appendToStream(stream, event('B'), { expectedRevision: ANY })).toMatchObject({
      nextExpectedRevision: 1n,
    });
  });

  it('at stream_exists, on a stream that does', async () => {
    const stream = newStream();
    await store().client.appendToStream(stream, event('A'));
    const result = await store().client.appendToStream(stream, event('B'), { expectedRevision: STREAM_EXISTS });
    expect(result).toMatchObject({ success: true, nextExpectedRevision: 1n });
  });
});

describe('an append conflicts, and the answer names the actual revision', () => {
  const cases: readonly (readonly [
    title: string,
    before: number,
    expected: AppendExpectedRevision,
    actual: bigint | 'no_stream',
  ])[] = [
    ['at no_stream, on a stream that exists', 2, NO_STREAM, 1n],
    ['at an exact revision, on a stream that does not exist', 0, 0n, 'no_stream'],
    ['at an exact revision beyond the end', 1, 7n, 0n],
    ['at an exact revision before the end', 3, 0n, 2n],
    ['at stream_exists, on a stream that does not', 0, STREAM_EXISTS, 'no_stream'],
  ];
  it.each(cases)('%s', async (_title, before, expectedRevision, actual) => {
    const stream = newStream();
    if (before > 0) await store().client.appendToStream(stream, events(before));
    const conflict = await conflictOf(store().client.appendToStream(stream, event('Late'), { expectedRevision }));
    expect(conflict).toMatchObject({ streamName: stream, expectedVersion: expectedRevision, actualVersion: actual });
    if (before > 0) expect(await revisionsOf(store().client.readStream(stream))).toHaveLength(before);
  });

  it('the same way when the append goes alone, with credentials of its own', async () => {
    const stream = newStream();
    const credentials = { username: 'admin', password: 'changeit' };
    await store().client.appendToStream(stream, events(2), { credentials });
    const conflict = await conflictOf(
      store().client.appendToStream(stream, event('Late'), { expectedRevision: 0n, credentials }),
    );
    expect(conflict).toMatchObject({ streamName: stream, expectedVersion: 0n, actualVersion: 1n });
  });

  it('without throwing, for a client that asks for that', async () => {
    const quiet = EventStoreDBClient.connectionString(`${store().url}&throwOnAppendFailure=false`);
    const stream = newStream();
    await quiet.appendToStream(stream, event('A'));
    expect(await quiet.appendToStream(stream, event('B'), { expectedRevision: 9n })).toMatchObject({ success: false });
    await quiet.dispose();
  });
});

describe('many appends at once', () => {
  it('at one expected revision: one is taken, the others conflict', async () => {
    const stream = newStream();
    await store().client.appendToStream(stream, event('Zero'));
    const outcomes = await Promise.allSettled(
      Array.from({ length: 32 }, () => store().client.appendToStream(stream, event('One'), { expectedRevision: 0n })),
    );
    const refused = outcomes.filter((outcome) => outcome.status === 'rejected');
    expect(refused).toHaveLength(31);
    for (const { reason } of refused)
      expect(reason).toMatchObject({ type: 'wrong-expected-version', actualVersion: 1n });
    expect(await typesOf(store().client.readStream(stream))).toEqual(['Zero', 'One']);
  });

  it('at any revision of one stream: all are taken, without a gap', async () => {
    const stream = newStream();
    await Promise.all(Array.from({ length: 64 }, () => store().client.appendToStream(stream, event('E'))));
    expect(await revisionsOf(store().client.readStream(stream))).toEqual(
      Array.from({ length: 64 }, (_, revision) => BigInt(revision)),
    );
  });

  it('to several streams: each keeps its own order', async () => {
    const streams = Array.from({ length: 20 }, () => newStream());
    await Promise.all(
      streams.map(async (stream) => {
        for (let n = 0; n < 10; n++) {
          await store().client.appendToStream(stream, event(`E${n}`), {
            expectedRevision: n === 0 ? NO_STREAM : BigInt(n - 1),
          });
        }
      }),
    );
    for (const stream of streams) {
      expect(await typesOf(store().client.readStream(stream))).toEqual(Array.from({ length: 10 }, (_, n) => `E${n}`));
    }
  });

  it('a chain of appends sent without waiting is taken in the order sent', async () => {
    const stream = newStream();
    await store().client.appendToStream(stream, event('E0'), { expectedRevision: NO_STREAM });
    await Promise.all(
      Array.from({ length: 50 }, (_, n) =>
        store().client.appendToStream(stream, event(`E${n + 1}`), { expectedRevision: BigInt(n) }),
      ),
    );
    expect(await typesOf(store().client.readStream(stream))).toEqual(Array.from({ length: 51 }, (_, n) => `E${n}`));
  });
});

describe('an append of a batch', () => {
  it('gives each event a position of its own, and answers that of the last', async () => {
    const stream = newStream();
    const appended = positionOf(await store().client.appendToStream(stream, events(3)));
    const positions = (await collect(store().client.readStream(stream))).map(
      (resolved) => resolved.event?.position?.commit ?? -1n,
    );
    expect([...positions].sort((a, b) => Number(a - b))).toEqual(positions);
    expect(new Set(positions).size).toBe(3);
    expect(positions.at(-1)).toBe(appended.commit);
    const next = positionOf(await store().client.appendToStream(stream, event('Next')));
    expect(next.commit).toBeGreaterThan(appended.commit);
  });

  it('that arrives in several parts is stored whole', async () => {
    const stream = newStream();
    const result = await store().client.appendToStream(stream, events(100), {
      expectedRevision: NO_STREAM,
      batchAppendSize: 500,
    });
    expect(result.nextExpectedRevision).toBe(99n);
    expect(await revisionsOf(store().client.readStream(stream))).toHaveLength(100);
  });

  it('of nothing is taken at the right revision and stores nothing', async () => {
    const stream = newStream();
    await store().client.appendToStream(stream, event('A'));
    expect(await store().client.appendToStream(stream, [], { expectedRevision: 0n })).toMatchObject({
      nextExpectedRevision: 0n,
    });
    await conflictOf(store().client.appendToStream(stream, [], { expectedRevision: 5n }));
    expect(await typesOf(store().client.readStream(stream))).toEqual(['A']);
  });
});

describe('what is stored', () => {
  it('comes back byte by byte: JSON, binary and empty payloads, metadata', async () => {
    const stream = newStream();
    await store().client.appendToStream(stream, [
      jsonEvent({ type: 'Json', data: { a: 'ü😀', nested: [1, null] }, metadata: { $correlationId: 'c', m: 1 } }),
      binaryEvent({
        type: 'Binary',
        data: Uint8Array.from([0, 1, 127, 128, 255]),
        metadata: Uint8Array.from([255, 0]),
      }),
      binaryEvent({ type: 'Empty', data: new Uint8Array(0) }),
    ]);
    const [json, binary, empty] = (await collect(store().client.readStream(stream))).map((resolved) => resolved.event);
    expect(json).toMatchObject({
      isJson: true,
      data: { a: 'ü😀', nested: [1, null] },
      metadata: { $correlationId: 'c', m: 1 },
    });
    expect(binary?.isJson).toBe(false);
    expect([...(binary?.data as Uint8Array)]).toEqual([0, 1, 127, 128, 255]);
    expect([...(binary?.metadata as Uint8Array)]).toEqual([255, 0]);
    expect(empty?.data).toHaveLength(0);
    expect(empty?.metadata).toBeUndefined();
  });

  it('keeps its id and its time', async () => {
    const stream = newStream();
    const id = randomUUID();
    await store().client.appendToStream(stream, event('A', {}, id));
    const [resolved] = await collect(store().client.readStream(stream));
    expect(resolved?.event?.id).toBe(id);
    expect(Math.abs(Date.now() - Number(resolved?.event?.created))).toBeLessThan(60_000);
  });

  it.each([
    ['unicode', 'ü 😀/%'],
    ['separators', 'a-b.c:d|e'],
    ['what looks like SQL', "'; DROP TABLE events; --"],
    ['what looks like a pattern', '%_\\'],
    ['a system name', ''],
  ])('under a stream name with %s', async (_title, odd) => {
    const stream = odd === '' ? `$${newStream()}` : `${newStream()}${odd}`;
    await store().client.appendToStream(stream, event('A'), { expectedRevision: NO_STREAM });
    const [resolved] = await collect(store().client.readStream(stream));
    expect(resolved?.event).toMatchObject({ streamId: stream, type: 'A', revision: 0n });
  });

  it('tells streams apart byte by byte', async () => {
    const stream = newStream();
    await store().client.appendToStream(`${stream}a`, event('Lower'), { expectedRevision: NO_STREAM });
    await store().client.appendToStream(`${stream}A`, event('Upper'), { expectedRevision: NO_STREAM });
    await store().client.appendToStream(`${stream}é`, event('Composed'), { expectedRevision: NO_STREAM });
    await store().client.appendToStream(`${stream}e\u0301`, event('Decomposed'), { expectedRevision: NO_STREAM });
    expect(await typesOf(store().client.readStream(`${stream}A`))).toEqual(['Upper']);
    expect(await typesOf(store().client.readStream(`${stream}e\u0301`))).toEqual(['Decomposed']);
  });
});

describe('an append is refused', () => {
  const tooLarge = (): ReturnType<typeof event> => event('Large', { x: 'x'.repeat(1_100_000) });

  it('when it is larger than the limit, which the error names', async () => {
    const stream = newStream();
    const failure = await store()
      .client.appendToStream(stream, tooLarge())
      .catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(MaxAppendSizeExceededError);
    expect(failure).toMatchObject({ maxAppendSize: 1_048_576 });
  });

  it('when its events are too large together', async () => {
    const half = 'x'.repeat(600_000);
    const append = store().client.appendToStream(newStream(), [event('Half', { half }), event('Half', { half })]);
    await expect(append).rejects.toBeInstanceOf(MaxAppendSizeExceededError);
  });

  it('when it is larger than a message of the protocol usually is, without taking others with it', async () => {
    const stream = newStream();
    const [large, small] = await Promise.allSettled([
      store().client.appendToStream(stream, event('Huge', { x: 'x'.repeat(6_000_000) })),
      store().client.appendToStream(stream, event('Small')),
    ]);
    expect(large).toMatchObject({ status: 'rejected', reason: { type: 'maximum-append-size-exceeded' } });
    expect(small).toMatchObject({ status: 'fulfilled' });
  });

  it('when it is too large and goes alone, with credentials of its own', async () => {
    const credentials = { username: 'admin', password: 'changeit' };
    await expect(store().client.appendToStream(newStream(), tooLarge(), { credentials })).rejects.toMatchObject({
      type: 'maximum-append-size-exceeded',
      maxAppendSize: 1_048_576,
    });
  });

  it('when its deadline has passed', async () => {
    await expect(store().client.appendToStream(newStream(), event('A'), { deadline: 0 })).rejects.toMatchObject({
      type: 'deadline-exceeded',
    });
  });

  it('when the stream has no name', async () => {
    await expect(store().client.appendToStream('', event('A'))).rejects.toMatchObject({ type: 'unknown' });
  });
});
