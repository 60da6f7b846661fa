import { describe, expect, it } from '@jest/globals';
import type { Reading, StoredEvent } from '#libs/event-store/codec.js';
import type { RecordedEvent } from '#libs/event-store/recorded-event.js';
import { SharedDecoding } from './shared-decoding.js';

const stored = (type: string): StoredEvent =>
  ({ id: `id of ${type}`, type, stream: 'user-1', revision: 0n, position: 1n, data: {}, metadata: {} }) as StoredEvent;

/** A codec that says what it was asked for, and cannot read `Poison`. */
const observedCodec = () => {
  const asked: string[][] = [];
  const decode = (events: readonly StoredEvent[], readingOf: (type: string) => Reading = () => 'everything') => {
    asked.push(events.map(({ type }) => `${type} ${readingOf(type)}`));
    if (events.some(({ type }) => type === 'Poison')) return Promise.reject(new Error('poison'));
    return Promise.resolve(events.map(({ type }) => ({ id: `${type} ${readingOf(type)}` }) as RecordedEvent));
  };
  return { asked, decode };
};

const [one, two, poison] = [stored('One'), stored('Two'), stored('Poison')];

describe('SharedDecoding', () => {
  it('decodes what two read in the same way once, and gives it to each in its order', async () => {
    const codec = observedCodec();
    const { decode } = new SharedDecoding(codec);
    const [first, second] = await Promise.all([decode([one], () => 'plain'), decode([two, one], () => 'plain')]);
    expect(codec.asked).toEqual([['One plain'], ['Two plain']]);
    expect([first, second].map((decoded) => decoded.map(({ id }) => id))).toEqual([
      ['One plain'],
      ['Two plain', 'One plain'],
    ]);
  });

  it('gives nobody what another reads in another way', async () => {
    const { decode } = new SharedDecoding(observedCodec());
    await decode([one], () => 'data');
    expect((await decode([one], () => 'plain')).map(({ id }) => id)).toEqual(['One plain']);
  });

  it('fails for each that asks for what cannot be decoded, and for nobody else', async () => {
    const { decode } = new SharedDecoding(observedCodec());
    const asked = [decode([one, poison], () => 'plain'), decode([one], () => 'plain'), decode([poison], () => 'plain')];
    const outcomes = await Promise.allSettled(asked);
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'fulfilled', 'rejected']);
  });
});
