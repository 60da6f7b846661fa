import {
  ANY,
  NO_STREAM,
  STREAM_EXISTS,
  StreamDeletedError,
  StreamNotFoundError,
  WrongExpectedVersionError,
} from '@eventstore/db-client';
import { describe, expect, it } from '@jest/globals';
import { collect, event, events, newStream, revisionsOf, typesOf, useContractStore } from './contract-store.js';

const store = useContractStore();

const softDeleted = async (): Promise<string> => {
  const stream = newStream();
  await store().client.appendToStream(stream, events(5));
  await store().client.deleteStream(stream);
  return stream;
};

describe('a soft-deleted stream', () => {
  it('is not found any more', async () => {
    const stream = await softDeleted();
    await expect(collect(store().client.readStream(stream))).rejects.toBeInstanceOf(StreamNotFoundError);
  });

  it.each([
    ['no_stream', NO_STREAM],
    ['any revision', ANY],
    ['its old revision', 4n],
  ] as const)('goes on at its next revision when it is written at %s', async (_title, expectedRevision) => {
    const stream = await softDeleted();
    const again = await store().client.appendToStream(stream, event('Again'), { expectedRevision });
    expect(again.nextExpectedRevision).toBe(5n);
    await store().client.appendToStream(stream, event('More'), { expectedRevision: 5n });
    expect(await revisionsOf(store().client.readStream(stream))).toEqual([5n, 6n]);
    expect((await store().client.getStreamMetadata(stream)).metadata).toEqual({ truncateBefore: 5 });
  });

  it('does not count as existing', async () => {
    const stream = await softDeleted();
    await expect(
      store().client.appendToStream(stream, event('A'), { expectedRevision: STREAM_EXISTS }),
    ).rejects.toMatchObject({
      type: 'wrong-expected-version',
      actualVersion: 4n,
    });
  });

  it('keeps its other metadata when it is written again', async () => {
    const stream = newStream();
    await store().client.appendToStream(stream, events(2));
    await store().client.setStreamMetadata(stream, { maxCount: 10, custom: 'kept' });
    await store().client.deleteStream(stream);
    await store().client.appendToStream(stream, event('Again'));
    expect((await store().client.getStreamMetadata(stream)).metadata).toEqual({
      maxCount: 10,
      custom: 'kept',
      truncateBefore: 2,
    });
  });

  it('can be deleted again, and again after it was written again', async () => {
    const stream = await softDeleted();
    await store().client.deleteStream(stream);
    await store().client.appendToStream(stream, event('Again'), { expectedRevision: NO_STREAM });
    await store().client.deleteStream(stream, { expectedRevision: 5n });
    await expect(collect(store().client.readStream(stream))).rejects.toBeInstanceOf(StreamNotFoundError);
    expect(await store().client.appendToStream(stream, event('Third'))).toMatchObject({ nextExpectedRevision: 6n });
  });

  it('stays in $all', async () => {
    const stream = newStream();
    const { position } = await store().client.appendToStream(stream, event('Still'));
    await store().client.deleteStream(stream);
    expect(await typesOf(store().client.readAll({ fromPosition: position ?? 'start', maxCount: 1 }))).toEqual([
      'Still',
    ]);
  });
});

describe('a soft delete conflicts', () => {
  it('on a stream that does not exist', async () => {
    const failure = await store()
      .client.deleteStream(newStream())
      .catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(WrongExpectedVersionError);
    expect(failure).toMatchObject({ expectedVersion: -2n, actualVersion: -1n });
  });

  it('at another revision than the last', async () => {
    const stream = newStream();
    await store().client.appendToStream(stream, events(5));
    await expect(store().client.deleteStream(stream, { expectedRevision: 1n })).rejects.toMatchObject({
      type: 'wrong-expected-version',
      expectedVersion: 1n,
      actualVersion: 4n,
    });
    expect(await revisionsOf(store().client.readStream(stream))).toHaveLength(5);
  });

  it('on a stream whose name is not ASCII, with the typed error', async () => {
    await expect(store().client.deleteStream(`${newStream()}ü😀`)).rejects.toBeInstanceOf(WrongExpectedVersionError);
  });
});

describe('a tombstone', () => {
  it('ends a stream for ever', async () => {
    const stream = newStream();
    await store().client.appendToStream(stream, events(2));
    await store().client.tombstoneStream(stream, { expectedRevision: 1n });
    const attempts = [
      collect(store().client.readStream(stream)),
      store().client.appendToStream(stream, event('A')),
      store().client.appendToStream(stream, event('A'), { expectedRevision: NO_STREAM }),
      store().client.deleteStream(stream),
      store().client.tombstoneStream(stream),
      store().client.setStreamMetadata(stream, { maxCount: 1 }),
    ];
    await Promise.all(attempts.map((attempt) => expect(attempt).rejects.toBeInstanceOf(StreamDeletedError)));
  });

  it('can be set on a stream that does not exist', async () => {
    const stream = newStream();
    expect((await store().client.tombstoneStream(stream)).position).toBeDefined();
    await expect(store().client.appendToStream(stream, event('A'))).rejects.toBeInstanceOf(StreamDeletedError);
  });

  it('conflicts at another revision than the last', async () => {
    const stream = newStream();
    await store().client.appendToStream(stream, events(2));
    await expect(store().client.tombstoneStream(stream, { expectedRevision: 0n })).rejects.toBeInstanceOf(
      WrongExpectedVersionError,
    );
    await expect(store().client.tombstoneStream(stream, { expectedRevision: NO_STREAM })).rejects.toBeInstanceOf(
      WrongExpectedVersionError,
    );
  });

  it('can be set on a soft-deleted stream', async () => {
    const stream = await softDeleted();
    await store().client.tombstoneStream(stream);
    await expect(store().client.appendToStream(stream, event('A'))).rejects.toBeInstanceOf(StreamDeletedError);
  });

  it('is an event of $all', async () => {
    const stream = newStream();
    const { position } = await store().client.tombstoneStream(stream);
    const [tombstone] = await collect(store().client.readAll({ fromPosition: position ?? 'start', maxCount: 1 }));
    expect(tombstone?.event).toMatchObject({
      streamId: stream,
      type: '$streamDeleted',
      revision: 9_223_372_036_854_775_807n,
    });
  });
});
