import { END, START, eventTypeFilter, excludeSystemEvents, streamNameFilter } from '@eventstore/db-client';
import { describe, expect, it } from '@jest/globals';
import { collect, endOfLog, event, events, newStream, positionOf, until, useContractStore } from './contract-store.js';
import { observe } from './observed-subscription.js';

const store = useContractStore();

describe('a subscription to $all', () => {
  it('from the start delivers everything, from the first event of the log on', async () => {
    const [first] = await collect(store().client.readAll({ maxCount: 1 }));
    const subscription = observe(store().client.subscribeToAll({ fromPosition: START }));
    await subscription.untilReceived(1);
    expect(subscription.said[0]).toBe('confirmation');
    expect(subscription.received[0]?.event).toEqual(first?.event);
    await subscription.unsubscribe();
  });

  it('from a position delivers everything after it, also what others wrote', async () => {
    const [one, other] = [newStream(), newStream()];
    const fromPosition = await endOfLog(store());
    await store().client.appendToStream(one, events(2));
    await store().client.appendToStream(other, event('Other'));
    await store().client.appendToStream(`$${one}`, event('System'));
    const subscription = observe(store().client.subscribeToAll({ fromPosition }));
    await subscription.untilHeard('caughtUp');
    const ours = subscription.received.filter(
      (each) => each.event?.streamId.includes(one) || each.event?.streamId === other,
    );
    expect(ours.map((each) => each.event?.type)).toEqual(['E0', 'E1', 'Other', 'System']);
    await subscription.unsubscribe();
  });

  it('from the end delivers what comes', async () => {
    const stream = newStream();
    await store().client.appendToStream(stream, event('Before'));
    const subscription = observe(
      store().client.subscribeToAll({ fromPosition: END, filter: streamNameFilter({ prefixes: [stream] }) }),
    );
    await subscription.untilHeard('caughtUp');
    await store().client.appendToStream(stream, event('After'));
    await subscription.untilHeard('After');
    expect(subscription.said).toEqual(['confirmation', 'caughtUp', 'After']);
    await subscription.unsubscribe();
  });

  it('from a position delivers what comes after it, also in the middle of a batch', async () => {
    const stream = newStream();
    await store().client.appendToStream(stream, events(3));
    let first: { commit: bigint; prepare: bigint } | undefined;
    for await (const resolved of store().client.readStream(stream, { maxCount: 1 })) first = resolved.event?.position;
    const subscription = observe(
      store().client.subscribeToAll({ fromPosition: first ?? START, filter: streamNameFilter({ prefixes: [stream] }) }),
    );
    await subscription.untilHeard('caughtUp');
    expect(subscription.said).toEqual(['confirmation', 'E1', 'E2', 'caughtUp']);
    await subscription.unsubscribe();
  });

  it('delivers the events of several streams in the order in which they were stored', async () => {
    const fromPosition = await endOfLog(store());
    const stream = newStream();
    for (let n = 0; n < 6; n++) await store().client.appendToStream(`${stream}-${n % 2}`, event(`N${n}`));
    const subscription = observe(
      store().client.subscribeToAll({ fromPosition, filter: streamNameFilter({ prefixes: [`${stream}-`] }) }),
    );
    await subscription.untilHeard('caughtUp');
    for (let n = 6; n < 9; n++) await store().client.appendToStream(`${stream}-${n % 2}`, event(`N${n}`));
    await subscription.untilReceived(9);
    expect(subscription.received.map((each) => each.event?.type)).toEqual(Array.from({ length: 9 }, (_, n) => `N${n}`));
    await subscription.unsubscribe();
  });

  it('delivers each event exactly once while events are appended during its catch-up', async () => {
    const stream = newStream();
    const { position } = await store().client.appendToStream(stream, event('Start'));
    for (let n = 0; n < 5; n++) await store().client.appendToStream(stream, events(500));
    const subscription = observe(
      store().client.subscribeToAll({
        fromPosition: position ?? START,
        filter: streamNameFilter({ prefixes: [stream] }),
      }),
    );
    let appending = true;
    const writer = (async () => {
      for (let n = 0; n < 40; n++) await store().client.appendToStream(stream, events(10));
      appending = false;
    })();
    await subscription.untilReceived(2_900);
    await writer;
    expect(appending).toBe(false);
    expect(subscription.received.map((each) => each.event?.revision)).toEqual(
      Array.from({ length: 2_900 }, (_, n) => BigInt(n + 1)),
    );
    expect(subscription.said.filter((what) => what === 'caughtUp')).toHaveLength(1);
    await subscription.unsubscribe();
  });

  it('H7: from beyond the end goes on with whatever comes next', async () => {
    const stream = newStream();
    const { commit } = positionOf(await store().client.appendToStream(stream, event('Before')));
    const beyond = { commit: commit + 10_000_000n, prepare: commit + 10_000_000n };
    const subscription = observe(
      store().client.subscribeToAll({ fromPosition: beyond, filter: streamNameFilter({ prefixes: [stream] }) }),
    );
    await subscription.untilHeard('caughtUp');
    await store().client.appendToStream(stream, event('Next'));
    await subscription.untilHeard('Next');
    expect(subscription.said).toEqual(['confirmation', 'caughtUp', 'Next']);
    await subscription.unsubscribe();
  });

  it('resumes from its last event, past other events', async () => {
    const fromPosition = await endOfLog(store());
    const stream = newStream();
    const filter = (): ReturnType<typeof streamNameFilter> => streamNameFilter({ prefixes: [stream] });
    await store().client.appendToStream(stream, events(2));
    await store().client.appendToStream(`noise-${stream}`, events(50));
    const first = observe(store().client.subscribeToAll({ fromPosition, filter: filter() }));
    await first.untilReceived(2);
    await first.unsubscribe();
    await store().client.appendToStream(stream, event('Third'));
    const again = observe(
      store().client.subscribeToAll({ fromPosition: first.received[1]?.event?.position ?? START, filter: filter() }),
    );
    await again.untilHeard('caughtUp');
    expect(again.said).toEqual(['confirmation', 'Third', 'caughtUp']);
    await again.unsubscribe();
  });
});

describe('a filter lets through', () => {
  it('streams by any of several prefixes', async () => {
    const fromPosition = await endOfLog(store());
    const stream = newStream();
    for (const suffix of ['a-1', 'b-1', 'c-1', 'ab-1'])
      await store().client.appendToStream(`${stream}${suffix}`, event(suffix));
    const subscription = observe(
      store().client.subscribeToAll({
        fromPosition,
        filter: streamNameFilter({ prefixes: [`${stream}a-`, `${stream}b-`] }),
      }),
    );
    await subscription.untilHeard('caughtUp');
    expect(subscription.said).toEqual(['confirmation', 'a-1', 'b-1', 'caughtUp']);
    await subscription.unsubscribe();
  });

  it('streams by regular expression', async () => {
    const fromPosition = await endOfLog(store());
    const stream = newStream();
    await store().client.appendToStream(stream, event('Match'));
    await store().client.appendToStream(`${stream}x`, event('Longer'));
    const subscription = observe(
      store().client.subscribeToAll({ fromPosition, filter: streamNameFilter({ regex: `^${stream}$` }) }),
    );
    await subscription.untilHeard('caughtUp');
    expect(subscription.said).toEqual(['confirmation', 'Match', 'caughtUp']);
    await subscription.unsubscribe();
  });

  it('what a regular expression finds anywhere, unless it is anchored', async () => {
    const fromPosition = await endOfLog(store());
    const stream = newStream();
    await store().client.appendToStream(`x${stream}y`, event('Found'));
    const subscription = observe(
      store().client.subscribeToAll({ fromPosition, filter: streamNameFilter({ regex: stream }) }),
    );
    await subscription.untilHeard('caughtUp');
    expect(subscription.received.map((each) => each.event?.type)).toEqual(['Found']);
    await subscription.unsubscribe();
  });

  it('types by prefix', async () => {
    const fromPosition = await endOfLog(store());
    const [stream, type] = [newStream(), newStream('Type')];
    await store().client.appendToStream(stream, [event(`${type}A`), event('Other'), event(`${type}B`)]);
    const subscription = observe(
      store().client.subscribeToAll({ fromPosition, filter: eventTypeFilter({ prefixes: [type] }) }),
    );
    await subscription.untilHeard('caughtUp');
    expect(subscription.said).toEqual(['confirmation', `${type}A`, `${type}B`, 'caughtUp']);
    await subscription.unsubscribe();
  });

  it('types by regular expression', async () => {
    const fromPosition = await endOfLog(store());
    const [stream, type] = [newStream(), newStream('Type')];
    await store().client.appendToStream(stream, [event(`${type}A1`), event(`${type}B`), event(`${type}A2`)]);
    const subscription = observe(
      store().client.subscribeToAll({ fromPosition, filter: eventTypeFilter({ regex: `^${type}A\\d$` }) }),
    );
    await subscription.untilHeard('caughtUp');
    expect(subscription.said).toEqual(['confirmation', `${type}A1`, `${type}A2`, 'caughtUp']);
    await subscription.unsubscribe();
  });

  it('everything but system events, which goes by the type only', async () => {
    const stream = newStream();
    const { position } = await store().client.appendToStream(stream, event('Before'));
    await store().client.setStreamMetadata(stream, { maxCount: 5 });
    await store().client.appendToStream(`$${stream}`, event(`In${stream}`));
    await store().client.appendToStream(stream, [event(`Plain${stream}`), event(`$odd${stream}`)]);
    const subscription = observe(
      store().client.subscribeToAll({ fromPosition: position ?? START, filter: excludeSystemEvents() }),
    );
    await subscription.untilHeard(`Plain${stream}`);
    expect(subscription.said.filter((what) => what.includes(stream))).toEqual([`In${stream}`, `Plain${stream}`]);
    await subscription.unsubscribe();
  });
});

describe('a filter that takes for ever elsewhere', () => {
  it('is answered in time or refused, and others are served meanwhile', async () => {
    const fromPosition = await endOfLog(store());
    const stream = newStream();
    await store().client.appendToStream(stream, event(`${'a'.repeat(1_900)}!`));
    const subscription = observe(
      store().client.subscribeToAll({ fromPosition, filter: eventTypeFilter({ regex: '^(a+)+$' }) }),
    );
    await subscription.untilSaid(1);
    expect(await store().client.appendToStream(stream, event('Meanwhile'))).toMatchObject({ nextExpectedRevision: 1n });
    await until(() => subscription.said.includes('caughtUp') || subscription.error() !== undefined);
    await subscription.unsubscribe();
  });
});

describe('checkpoints', () => {
  /** Subscribes past noise that the filter holds back, and gathers checkpoints until `enough`. */
  const checkpoints = async (
    options: { maxSearchWindow: number; checkpointInterval: number },
    enough: number,
  ): Promise<bigint[]> => {
    const stream = newStream();
    const { position } = await store().client.appendToStream(stream, event('Start'));
    for (let n = 0; n < 10; n++) await store().client.appendToStream(stream, events(20));
    const reached: bigint[] = [];
    const subscription = observe(
      store().client.subscribeToAll({
        fromPosition: position ?? START,
        filter: streamNameFilter({
          prefixes: [newStream('nothing')],
          ...options,
          checkpointReached: (_subscription, { commit }) => {
            reached.push(commit);
            return Promise.resolve();
          },
        }),
      }),
    );
    await until(() => reached.length >= enough);
    await subscription.unsubscribe();
    expect(subscription.received).toEqual([]);
    return reached;
  };

  it('come while everything is held back, at growing positions', async () => {
    const reached = await checkpoints({ maxSearchWindow: 32, checkpointInterval: 1 }, 6);
    expect(reached.every((position, n) => n === 0 || position > (reached[n - 1] ?? 0n))).toBe(true);
  });

  it('come after each checkpointInterval × maxSearchWindow considered events', async () => {
    const often = await checkpoints({ maxSearchWindow: 10, checkpointInterval: 2 }, 10);
    expect(often.length).toBe(10);
  });

  it('come live as well', async () => {
    const stream = newStream();
    const reached: bigint[] = [];
    const subscription = observe(
      store().client.subscribeToAll({
        fromPosition: END,
        filter: streamNameFilter({
          prefixes: [newStream('nothing')],
          maxSearchWindow: 1,
          checkpointInterval: 1,
          checkpointReached: (_subscription, { commit }) => {
            reached.push(commit);
            return Promise.resolve();
          },
        }),
      }),
    );
    await subscription.untilHeard('caughtUp');
    const { commit } = positionOf(await store().client.appendToStream(stream, event('Live')));
    await until(() => reached.some((position) => position >= commit));
    await subscription.unsubscribe();
  });
});
