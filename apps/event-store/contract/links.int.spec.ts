import { binaryEvent } from '@eventstore/db-client';
import { describe, expect, it } from '@jest/globals';
import { collect, events, newStream, useContractStore } from './contract-store.js';
import { observe } from './observed-subscription.js';

const store = useContractStore();

/** A stream of three events, and a stream that links to one of its revisions. */
const linked = async (revision: number): Promise<{ target: string; links: string }> => {
  const [target, links] = [newStream(), newStream('links')];
  await store().client.appendToStream(target, events(3));
  await store().client.appendToStream(links, binaryEvent({ type: '$>', data: Buffer.from(`${revision}@${target}`) }));
  return { target, links };
};

describe('a link', () => {
  it('is followed when the reader asks for it', async () => {
    const { target, links } = await linked(1);
    const [resolved] = await collect(store().client.readStream(links, { resolveLinkTos: true }));
    expect(resolved?.event).toMatchObject({ streamId: target, type: 'E1', revision: 1n });
    expect(resolved?.link).toMatchObject({ streamId: links, type: '$>', revision: 0n });
  });

  it('is an event of its own otherwise', async () => {
    const { links } = await linked(1);
    const [resolved] = await collect(store().client.readStream(links));
    expect(resolved?.event).toMatchObject({ streamId: links, type: '$>' });
    expect(resolved?.link).toBeUndefined();
  });

  it.each([
    ['a revision that does not exist', async ({ links }: { links: string }) => links, 99],
    [
      'an event that is truncated',
      async ({ target, links }: { target: string; links: string }) => {
        await store().client.setStreamMetadata(target, { truncateBefore: 2 });
        return links;
      },
      1,
    ],
    [
      'a deleted stream',
      async ({ target, links }: { target: string; links: string }) => {
        await store().client.deleteStream(target);
        return links;
      },
      1,
    ],
  ] as const)('to %s comes without its event', async (_title, prepare, revision) => {
    const links = await prepare(await linked(revision));
    const [resolved] = await collect(store().client.readStream(links, { resolveLinkTos: true }));
    expect(resolved?.event).toBeUndefined();
    expect(resolved?.link).toMatchObject({ streamId: links, type: '$>' });
  });

  it('is followed in a subscription', async () => {
    const { links, target } = await linked(2);
    const subscription = observe(store().client.subscribeToStream(links, { resolveLinkTos: true }));
    await subscription.untilReceived(1);
    expect(subscription.received[0]?.event).toMatchObject({ streamId: target, type: 'E2' });
    await subscription.unsubscribe();
  });
});
