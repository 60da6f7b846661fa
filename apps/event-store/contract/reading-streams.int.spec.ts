import { BACKWARDS, END, FORWARDS, START, StreamNotFoundError } from '@eventstore/db-client';
import type { ReadStreamOptions } from '@eventstore/db-client';
import { describe, expect, it } from '@jest/globals';
import { collect, event, events, newStream, revisionsOf, useContractStore } from './contract-store.js';

const store = useContractStore();

const ALL: readonly bigint[] = [0n, 1n, 2n, 3n, 4n];

describe('a stream of five events reads', () => {
  const cases: readonly (readonly [title: string, options: ReadStreamOptions, revisions: readonly bigint[]])[] = [
    ['forwards from the start', { direction: FORWARDS, fromRevision: START }, ALL],
    ['forwards from the start, limited', { direction: FORWARDS, fromRevision: START, maxCount: 2 }, [0n, 1n]],
    ['forwards from a revision, which is included', { direction: FORWARDS, fromRevision: 3n }, [3n, 4n]],
    ['forwards from a revision, limited', { direction: FORWARDS, fromRevision: 1n, maxCount: 2 }, [1n, 2n]],
    ['forwards from beyond the end: nothing', { direction: FORWARDS, fromRevision: 99n }, []],
    [
      'forwards from the highest revision there is: nothing',
      { direction: FORWARDS, fromRevision: 18_446_744_073_709_551_615n },
      [],
    ],
    ['backwards from the end', { direction: BACKWARDS, fromRevision: END }, [...ALL].reverse()],
    ['backwards from the end, limited', { direction: BACKWARDS, fromRevision: END, maxCount: 2 }, [4n, 3n]],
    ['backwards from a revision, which is included', { direction: BACKWARDS, fromRevision: 1n }, [1n, 0n]],
    ['backwards from the start: the first event', { direction: BACKWARDS, fromRevision: START }, [0n]],
    ['backwards from beyond the end: from the end', { direction: BACKWARDS, fromRevision: 99n, maxCount: 2 }, [4n, 3n]],
    ['whole, when the limit is larger', { maxCount: 100 }, ALL],
  ];
  it.each(cases)('%s', async (_title, options, revisions) => {
    const stream = newStream();
    await store().client.appendToStream(stream, events(5));
    expect(await revisionsOf(store().client.readStream(stream, options))).toEqual(revisions);
  });
});

describe('a read is refused', () => {
  it.each([
    ['with a limit of zero', { maxCount: 0 }],
    ['forwards from the end', { fromRevision: END }],
  ] as const)('%s', async (_title, options) => {
    const stream = newStream();
    await store().client.appendToStream(stream, events(2));
    await expect(collect(store().client.readStream(stream, options))).rejects.toMatchObject({
      type: 'unknown',
      code: 2,
    });
  });
});

describe('a stream that was never written', () => {
  it.each([
    ['forwards', {}],
    ['backwards', { direction: BACKWARDS, fromRevision: END }],
  ] as const)('is not found, reading %s', async (_title, options) => {
    const stream = newStream();
    const failure = await collect(store().client.readStream(stream, options)).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(StreamNotFoundError);
    expect(failure).toMatchObject({ streamName: stream });
  });
});

describe('a long stream', () => {
  it('of 10,000 events reads whole, both ways, in order', async () => {
    const stream = newStream();
    for (let n = 0; n < 10; n++) await store().client.appendToStream(stream, events(1_000));
    const forwards = await revisionsOf(store().client.readStream(stream));
    expect(forwards).toEqual(Array.from({ length: 10_000 }, (_, revision) => BigInt(revision)));
    const backwards = await revisionsOf(store().client.readStream(stream, { direction: BACKWARDS, fromRevision: END }));
    expect(backwards).toEqual(forwards.reverse());
    expect(
      await revisionsOf(store().client.readStream(stream, { fromRevision: 4_321n, maxCount: 3_000 })),
    ).toHaveLength(3_000);
  });

  it('of large events reads whole', async () => {
    const stream = newStream();
    const large = 'x'.repeat(900_000);
    for (let n = 0; n < 8; n++) await store().client.appendToStream(stream, event('Large', { n, large }));
    const resolved = await collect(store().client.readStream(stream));
    expect(resolved.map((each) => (each.event?.data as { n: number }).n)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  });
});

it('what an append has answered, a read shows at once', async () => {
  const stream = newStream();
  for (let n = 0n; n < 50n; n++) {
    await store().client.appendToStream(stream, event('E'));
    expect(
      await revisionsOf(store().client.readStream(stream, { direction: BACKWARDS, fromRevision: END, maxCount: 1 })),
    ).toEqual([n]);
  }
});
