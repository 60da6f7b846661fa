import { randomUUID } from 'node:crypto';
import { ANY, NO_STREAM, STREAM_EXISTS } from '@eventstore/db-client';
import type { AppendExpectedRevision } from '@eventstore/db-client';
import { describe, expect, it } from '@jest/globals';
import { collect, event, events, newStream, positionOf, typesOf, useContractStore } from './contract-store.js';

const store = useContractStore();

describe('an append sent again is answered as the first time, and stored once', () => {
  const cases: readonly (readonly [title: string, expected: AppendExpectedRevision])[] = [
    ['at no_stream', NO_STREAM],
    ['at any revision', ANY],
    ['at an exact revision', 0n],
    ['at stream_exists', STREAM_EXISTS],
  ];
  it.each(cases)('one event %s', async (_title, expectedRevision) => {
    const stream = newStream();
    const before = expectedRevision === NO_STREAM || expectedRevision === ANY ? 0 : 1;
    if (before > 0) await store().client.appendToStream(stream, event('Before'));
    const one = event('One');
    const first = await store().client.appendToStream(stream, one, { expectedRevision });
    const again = await store().client.appendToStream(stream, one, { expectedRevision });
    expect(again.nextExpectedRevision).toBe(first.nextExpectedRevision);
    expect(positionOf(again)).toBeDefined();
    expect(await collect(store().client.readStream(stream))).toHaveLength(before + 1);
  });

  it('a batch', async () => {
    const stream = newStream();
    const batch = events(3);
    const first = await store().client.appendToStream(stream, batch, { expectedRevision: NO_STREAM });
    const again = await store().client.appendToStream(stream, batch, { expectedRevision: NO_STREAM });
    expect(again.nextExpectedRevision).toBe(first.nextExpectedRevision);
    expect(await typesOf(store().client.readStream(stream))).toEqual(['E0', 'E1', 'E2']);
  });

  it('after later events: with the revision of the first time', async () => {
    const stream = newStream();
    const one = event('One');
    const first = await store().client.appendToStream(stream, one, { expectedRevision: NO_STREAM });
    await store().client.appendToStream(stream, events(2), { expectedRevision: 0n });
    const again = await store().client.appendToStream(stream, one, { expectedRevision: NO_STREAM });
    expect(again.nextExpectedRevision).toBe(first.nextExpectedRevision);
    expect(await collect(store().client.readStream(stream))).toHaveLength(3);
  });

  it('in parallel with itself', async () => {
    const stream = newStream();
    const batch = events(2);
    const results = await Promise.all(
      Array.from({ length: 10 }, () => store().client.appendToStream(stream, batch, { expectedRevision: NO_STREAM })),
    );
    expect(new Set(results.map((result) => result.nextExpectedRevision))).toEqual(new Set([1n]));
    expect(await typesOf(store().client.readStream(stream))).toEqual(['E0', 'E1']);
  });
});

describe('a batch that overlaps an earlier one in part is refused', () => {
  it('when it begins like the earlier one and goes on', async () => {
    const stream = newStream();
    const [a, b, c] = [event('A'), event('B'), event('C')];
    await store().client.appendToStream(stream, [a, b], { expectedRevision: NO_STREAM });
    await expect(
      store().client.appendToStream(stream, [a, b, c], { expectedRevision: NO_STREAM }),
    ).rejects.toMatchObject({
      type: 'wrong-expected-version',
      actualVersion: 1n,
    });
    expect(await typesOf(store().client.readStream(stream))).toEqual(['A', 'B']);
  });

  it('when it begins in the middle of the earlier one, at an exact and at any revision', async () => {
    const stream = newStream();
    const [a, b, c] = [event('A'), event('B'), event('C')];
    await store().client.appendToStream(stream, [a, b], { expectedRevision: NO_STREAM });
    for (const expectedRevision of [0n, ANY] as const) {
      await expect(store().client.appendToStream(stream, [b, c], { expectedRevision })).rejects.toMatchObject({
        type: 'wrong-expected-version',
        expectedVersion: expectedRevision,
        actualVersion: 1n,
      });
    }
    expect(await typesOf(store().client.readStream(stream))).toEqual(['A', 'B']);
  });

  it('when it is a beginning of the earlier one, it is a retry', async () => {
    const stream = newStream();
    const [a, b, c] = [event('A'), event('B'), event('C')];
    await store().client.appendToStream(stream, [a, b, c], { expectedRevision: NO_STREAM });
    const again = await store().client.appendToStream(stream, [a, b], { expectedRevision: NO_STREAM });
    expect(again.nextExpectedRevision).toBe(1n);
  });
});

describe('an event id', () => {
  it('twice in one batch is written twice', async () => {
    const stream = newStream();
    const a = event('A');
    expect(await store().client.appendToStream(stream, [a, a])).toMatchObject({ nextExpectedRevision: 1n });
    expect(await typesOf(store().client.readStream(stream))).toEqual(['A', 'A']);
  });

  it('in another stream is a new event', async () => {
    const a = event('A');
    const [one, other] = [newStream(), newStream()];
    await store().client.appendToStream(one, a, { expectedRevision: NO_STREAM });
    await store().client.appendToStream(other, a, { expectedRevision: NO_STREAM });
    expect(await typesOf(store().client.readStream(other))).toEqual(['A']);
  });

  it('H12: with another payload at the same revision is a retry; the first payload stays', async () => {
    const stream = newStream();
    const id = randomUUID();
    await store().client.appendToStream(stream, event('A', { n: 1 }, id), { expectedRevision: NO_STREAM });
    await store().client.appendToStream(stream, event('A', { n: 2 }, id), { expectedRevision: NO_STREAM });
    const resolved = await collect(store().client.readStream(stream));
    expect(resolved.map((each) => each.event?.data)).toEqual([{ n: 1 }]);
  });

  it('H12: at the current revision is stored again; without a revision it is a retry of the first', async () => {
    const stream = newStream();
    const id = randomUUID();
    await store().client.appendToStream(stream, event('A', { n: 1 }, id), { expectedRevision: NO_STREAM });
    const exact = await store().client.appendToStream(stream, event('A', { n: 2 }, id), { expectedRevision: 0n });
    const any = await store().client.appendToStream(stream, event('A', { n: 3 }, id), { expectedRevision: ANY });
    const exists = await store().client.appendToStream(stream, event('A', { n: 4 }, id), {
      expectedRevision: STREAM_EXISTS,
    });
    expect([exact, any, exists].map((result) => result.nextExpectedRevision)).toEqual([1n, 0n, 0n]);
    expect(await collect(store().client.readStream(stream))).toHaveLength(2);
  });
});
