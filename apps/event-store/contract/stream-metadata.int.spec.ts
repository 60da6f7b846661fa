import { BACKWARDS, END, NO_STREAM } from '@eventstore/db-client';
import { describe, expect, it } from '@jest/globals';
import { collect, event, events, newStream, revisionsOf, until, useContractStore } from './contract-store.js';

const store = useContractStore();

const fiveEvents = async (): Promise<string> => {
  const stream = newStream();
  await store().client.appendToStream(stream, events(5));
  return stream;
};

describe('the metadata of a stream', () => {
  it('comes back as it was set', async () => {
    const stream = newStream();
    const metadata = {
      maxCount: 5,
      maxAge: 60,
      truncateBefore: 1,
      cacheControl: 7,
      acl: { readRoles: ['a'] },
      custom: { a: 1 },
    };
    await store().client.setStreamMetadata(stream, metadata);
    const read = await store().client.getStreamMetadata(stream);
    expect(read.metadata).toEqual(metadata);
    expect(typeof read.metastreamRevision).toBe('bigint');
  });

  it('is missing when it was never set', async () => {
    const { metadata, metastreamRevision } = await store().client.getStreamMetadata(newStream());
    expect({ metadata, metastreamRevision }).toEqual({ metadata: undefined, metastreamRevision: undefined });
  });

  it('is the last event of the stream $$…, which shows no other', async () => {
    const stream = newStream();
    await store().client.setStreamMetadata(stream, { maxCount: 5 });
    await store().client.setStreamMetadata(stream, { maxCount: 6 }, { expectedRevision: 0n });
    const read = await collect(store().client.readStream(`$$${stream}`));
    expect(read.map((each) => each.event)).toMatchObject([
      { type: '$metadata', isJson: true, revision: 1n, data: { $maxCount: 6 } },
    ]);
  });

  it('is set at an expected revision like any stream', async () => {
    const stream = newStream();
    await store().client.setStreamMetadata(stream, { maxCount: 5 });
    await expect(
      store().client.setStreamMetadata(stream, { maxCount: 6 }, { expectedRevision: NO_STREAM }),
    ).rejects.toMatchObject({
      type: 'wrong-expected-version',
      streamName: `$$${stream}`,
      actualVersion: 0n,
    });
  });
});

describe('$maxCount', () => {
  it('leaves the last events readable, both ways', async () => {
    const stream = await fiveEvents();
    await store().client.setStreamMetadata(stream, { maxCount: 2 });
    expect(await revisionsOf(store().client.readStream(stream))).toEqual([3n, 4n]);
    expect(await revisionsOf(store().client.readStream(stream, { direction: BACKWARDS, fromRevision: END }))).toEqual([
      4n,
      3n,
    ]);
    expect(await revisionsOf(store().client.readStream(stream, { direction: BACKWARDS, fromRevision: 1n }))).toEqual(
      [],
    );
  });

  it('moves on with each append, and leaves revisions as they are', async () => {
    const stream = await fiveEvents();
    await store().client.setStreamMetadata(stream, { maxCount: 1 });
    const next = await store().client.appendToStream(stream, event('Next'), { expectedRevision: 4n });
    expect(next.nextExpectedRevision).toBe(5n);
    expect(await revisionsOf(store().client.readStream(stream))).toEqual([5n]);
  });

  it('is lifted by later metadata', async () => {
    const stream = await fiveEvents();
    await store().client.setStreamMetadata(stream, { maxCount: 1 });
    await store().client.setStreamMetadata(stream, {});
    expect(await revisionsOf(store().client.readStream(stream))).toEqual([0n, 1n, 2n, 3n, 4n]);
  });
});

describe('$tb', () => {
  it('hides what is before it, both ways', async () => {
    const stream = await fiveEvents();
    await store().client.setStreamMetadata(stream, { truncateBefore: 3 });
    expect(await revisionsOf(store().client.readStream(stream))).toEqual([3n, 4n]);
    expect(await revisionsOf(store().client.readStream(stream, { fromRevision: 1n, maxCount: 1 }))).toEqual([3n]);
    expect(await revisionsOf(store().client.readStream(stream, { direction: BACKWARDS, fromRevision: END }))).toEqual([
      4n,
      3n,
    ]);
  });

  it('beyond the end reads as an empty stream, not as a missing one', async () => {
    const stream = await fiveEvents();
    await store().client.setStreamMetadata(stream, { truncateBefore: 99 });
    expect(await revisionsOf(store().client.readStream(stream))).toEqual([]);
  });
});

describe('$maxAge', () => {
  it('hides what is older', async () => {
    const stream = await fiveEvents();
    await store().client.setStreamMetadata(stream, { maxAge: 1 });
    await until(async () => (await collect(store().client.readStream(stream))).length === 0);
    await store().client.appendToStream(stream, event('Young'));
    expect(await revisionsOf(store().client.readStream(stream))).toEqual([5n]);
  });

  it('leaves what is younger', async () => {
    const stream = await fiveEvents();
    await store().client.setStreamMetadata(stream, { maxAge: 3_600 });
    expect(await revisionsOf(store().client.readStream(stream))).toHaveLength(5);
  });
});
