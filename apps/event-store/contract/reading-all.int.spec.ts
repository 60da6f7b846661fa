import { BACKWARDS, END, FORWARDS, START } from '@eventstore/db-client';
import { describe, expect, it } from '@jest/globals';
import { collect, event, events, newStream, positionOf, typesOf, useContractStore } from './contract-store.js';

const store = useContractStore();

describe('$all', () => {
  it('begins with system events, so that whoever reads it must filter', async () => {
    const [first] = await collect(store().client.readAll({ direction: FORWARDS, fromPosition: START, maxCount: 1 }));
    expect(first?.event?.streamId).toMatch(/^\$/);
  });

  it('holds the events of all streams in the order in which they were stored', async () => {
    const [one, other] = [newStream(), newStream()];
    const first = positionOf(await store().client.appendToStream(one, event('A')));
    await store().client.appendToStream(other, events(2));
    await store().client.appendToStream(one, event('B'));
    const own = (await collect(store().client.readAll({ fromPosition: first }))).filter((each) =>
      [one, other].includes(each.event?.streamId ?? ''),
    );
    expect(own.map((each) => each.event?.type)).toEqual(['A', 'E0', 'E1', 'B']);
    const positions = own.map((each) => each.event?.position?.commit ?? 0n);
    expect(positions.every((position, n) => n === 0 || position > (positions[n - 1] ?? 0n))).toBe(true);
  });

  it('reads backwards from the end, newest first', async () => {
    const stream = newStream();
    await store().client.appendToStream(stream, events(3));
    const newest = await collect(store().client.readAll({ direction: BACKWARDS, fromPosition: END, maxCount: 50 }));
    expect(newest.filter((each) => each.event?.streamId === stream).map((each) => each.event?.type)).toEqual([
      'E2',
      'E1',
      'E0',
    ]);
  });

  it('shows an event at the position that its stream shows', async () => {
    const stream = newStream();
    const appended = positionOf(await store().client.appendToStream(stream, event('A')));
    const [inStream] = await collect(store().client.readStream(stream));
    const [inAll] = await collect(store().client.readAll({ fromPosition: appended, maxCount: 1 }));
    expect(inStream?.event?.position).toEqual(appended);
    expect(inAll?.event).toMatchObject({ streamId: stream, position: appended });
    expect(inAll?.commitPosition).toBe(appended.commit);
  });
});

describe('$all from a position', () => {
  it('forwards includes its event', async () => {
    const stream = newStream();
    const appended = positionOf(await store().client.appendToStream(stream, event('A')));
    expect(await typesOf(store().client.readAll({ fromPosition: appended, maxCount: 1 }))).toEqual(['A']);
  });

  it('backwards leaves its event out', async () => {
    const stream = newStream();
    const before = positionOf(await store().client.appendToStream(stream, event('Before')));
    const appended = positionOf(await store().client.appendToStream(stream, event('At')));
    const read = await collect(store().client.readAll({ direction: BACKWARDS, fromPosition: appended, maxCount: 20 }));
    const types = read.filter((each) => each.event?.streamId === stream).map((each) => each.event?.type);
    expect(types).toEqual(['Before']);
    expect(before.commit).toBeLessThan(appended.commit);
  });

  it('that belongs to no event is refused', async () => {
    const { commit } = positionOf(await store().client.appendToStream(newStream(), event('A')));
    const between = { commit: commit - 3n, prepare: commit - 3n };
    await expect(collect(store().client.readAll({ fromPosition: between, maxCount: 2 }))).rejects.toMatchObject({
      type: 'unknown',
      code: 2,
    });
  });

  it('beyond the end reads nothing', async () => {
    const { commit } = positionOf(await store().client.appendToStream(newStream(), event('A')));
    const beyond = { commit: commit + 10_000_000n, prepare: commit + 10_000_000n };
    expect(await collect(store().client.readAll({ fromPosition: beyond, maxCount: 2 }))).toEqual([]);
  });

  it('forwards from the end reads nothing', async () => {
    await store().client.appendToStream(newStream(), event('A'));
    expect(await collect(store().client.readAll({ fromPosition: END, maxCount: 1 }))).toEqual([]);
  });

  it('backwards from the start reads nothing', async () => {
    expect(await collect(store().client.readAll({ direction: BACKWARDS, fromPosition: START, maxCount: 1 }))).toEqual(
      [],
    );
  });
});
