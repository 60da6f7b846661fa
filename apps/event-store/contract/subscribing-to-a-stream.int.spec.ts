import { END, StreamDeletedError } from '@eventstore/db-client';
import { describe, expect, it } from '@jest/globals';
import { event, events, newStream, useContractStore } from './contract-store.js';
import { observe } from './observed-subscription.js';

const store = useContractStore();

const fiveEvents = async (): Promise<string> => {
  const stream = newStream();
  await store().client.appendToStream(stream, events(5));
  return stream;
};

describe('a subscription to a stream', () => {
  it('from the start: confirmation, the events, caught up, then what comes', async () => {
    const stream = await fiveEvents();
    const subscription = observe(store().client.subscribeToStream(stream));
    await subscription.untilHeard('caughtUp');
    await store().client.appendToStream(stream, event('Live'));
    await subscription.untilHeard('Live');
    expect(subscription.said).toEqual(['confirmation', 'E0', 'E1', 'E2', 'E3', 'E4', 'caughtUp', 'Live']);
    await subscription.unsubscribe();
  });

  it('from a revision: what comes after it', async () => {
    const stream = await fiveEvents();
    const subscription = observe(store().client.subscribeToStream(stream, { fromRevision: 1n }));
    await subscription.untilHeard('caughtUp');
    expect(subscription.said).toEqual(['confirmation', 'E2', 'E3', 'E4', 'caughtUp']);
    await subscription.unsubscribe();
  });

  it('from the end: what comes', async () => {
    const stream = await fiveEvents();
    const subscription = observe(store().client.subscribeToStream(stream, { fromRevision: END }));
    await subscription.untilHeard('caughtUp');
    await store().client.appendToStream(stream, event('New'));
    await subscription.untilHeard('New');
    expect(subscription.said).toEqual(['confirmation', 'caughtUp', 'New']);
    await subscription.unsubscribe();
  });

  it('hears nothing of other streams', async () => {
    const stream = await fiveEvents();
    const subscription = observe(store().client.subscribeToStream(stream, { fromRevision: 4n }));
    await subscription.untilHeard('caughtUp');
    await store().client.appendToStream(`${stream}x`, event('Other'));
    await store().client.appendToStream(stream, event('Own'));
    await subscription.untilHeard('Own');
    expect(subscription.received.map((each) => each.event?.type)).toEqual(['Own']);
    await subscription.unsubscribe();
  });

  it('H11: on a stream that does not exist yet, is caught up only after the first event', async () => {
    const stream = newStream();
    const subscription = observe(store().client.subscribeToStream(stream));
    await subscription.untilHeard('confirmation');
    await store().client.appendToStream(stream, event('First'));
    await subscription.untilHeard('caughtUp');
    expect(subscription.said).toEqual(['confirmation', 'First', 'caughtUp']);
    await subscription.unsubscribe();
  });

  it('delivers a tombstone, then ends with an error', async () => {
    const stream = await fiveEvents();
    const subscription = observe(store().client.subscribeToStream(stream, { fromRevision: 3n }));
    await subscription.untilHeard('caughtUp');
    await store().client.tombstoneStream(stream);
    await subscription.untilHeard('error stream-deleted');
    expect(subscription.said).toEqual(['confirmation', 'E4', 'caughtUp', '$streamDeleted', 'error stream-deleted']);
    expect(subscription.error()).toBeInstanceOf(StreamDeletedError);
  });

  it('of a stream with a tombstone is refused', async () => {
    const stream = await fiveEvents();
    await store().client.tombstoneStream(stream);
    const subscription = observe(store().client.subscribeToStream(stream));
    await subscription.untilSaid(1);
    expect(subscription.said).toEqual(['error stream-deleted']);
  });

  it('shows no event that metadata hides', async () => {
    const stream = await fiveEvents();
    await store().client.setStreamMetadata(stream, { truncateBefore: 3 });
    const subscription = observe(store().client.subscribeToStream(stream));
    await subscription.untilHeard('caughtUp');
    expect(subscription.said).toEqual(['confirmation', 'E3', 'E4', 'caughtUp']);
    await subscription.unsubscribe();
  });

  it('goes on over a soft delete with the new events', async () => {
    const stream = await fiveEvents();
    const subscription = observe(store().client.subscribeToStream(stream, { fromRevision: 4n }));
    await subscription.untilHeard('caughtUp');
    await store().client.deleteStream(stream);
    await store().client.appendToStream(stream, event('Again'));
    await subscription.untilHeard('Again');
    expect(subscription.received.map((each) => each.event?.revision)).toEqual([5n]);
    await subscription.unsubscribe();
  });

  it('H6: that falls behind gets every event once, in order, resubscribing from the last one where the store ends it', async () => {
    const stream = newStream();
    await store().client.appendToStream(stream, event('First'));
    const seen: bigint[] = [];
    const TOTAL = 2_000n;
    const finished = new Promise<void>((resolve, reject) => {
      const subscribe = (): void => {
        const last = seen.at(-1);
        const subscription = store().client.subscribeToStream(stream, last === undefined ? {} : { fromRevision: last });
        subscription.on('data', (resolved) => {
          seen.push(resolved.event?.revision ?? -1n);
          // Slower than the events come.
          if (seen.length % 50 === 0) {
            subscription.pause();
            setImmediate(() => subscription.resume());
          }
          if (seen.length > Number(TOTAL)) resolve();
        });
        subscription.on('error', (error: Error & { type?: string }) =>
          error.type === 'timeout' ? subscribe() : reject(error),
        );
      };
      subscribe();
    });
    for (let n = 0n; n < TOTAL; n += 100n) await store().client.appendToStream(stream, events(100));
    await finished;
    expect(seen).toEqual(Array.from({ length: Number(TOTAL) + 1 }, (_, revision) => BigInt(revision)));
  });
});

it('a subscription that was given up hears nothing more', async () => {
  const stream = await fiveEvents();
  const subscription = observe(store().client.subscribeToStream(stream));
  await subscription.untilHeard('caughtUp');
  await subscription.unsubscribe();
  const other = observe(store().client.subscribeToStream(stream, { fromRevision: END }));
  await other.untilHeard('caughtUp');
  await store().client.appendToStream(stream, event('Unheard'));
  await other.untilHeard('Unheard');
  expect(subscription.said).not.toContain('Unheard');
  await other.unsubscribe();
});
