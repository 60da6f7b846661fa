import type { Codec, Reading, StoredEvent } from '#libs/event-store/codec.js';
import type { RecordedEvent } from '#libs/event-store/recorded-event.js';

/**
 * Decodes a batch for several read models: an event that more than one of them reads in the same way is decoded once.
 * What cannot be decoded is kept nowhere, and fails for each that asks.
 */
export class SharedDecoding {
  readonly #decoded: Readonly<Record<Reading, Map<StoredEvent, RecordedEvent>>> = {
    everything: new Map(),
    data: new Map(),
    plain: new Map(),
  };
  #turn: Promise<unknown> = Promise.resolve();

  constructor(private readonly codec: Pick<Codec, 'decode'>) {}

  /** As {@link Codec.decode}, one call after the other, so that the second finds what the first has decoded. */
  readonly decode: Codec['decode'] = (events, readingOf = () => 'everything') => {
    const decoded = this.#turn.then(() => this.#decode(events, readingOf));
    this.#turn = decoded.catch(() => undefined);
    return decoded;
  };

  async #decode(
    events: readonly StoredEvent[],
    readingOf: (type: string) => Reading,
  ): Promise<readonly RecordedEvent[]> {
    const decodedAs = ({ type }: StoredEvent): Map<StoredEvent, RecordedEvent> => this.#decoded[readingOf(type)];
    const missing = events.filter((event) => !decodedAs(event).has(event));
    const fresh = await this.codec.decode(missing, readingOf);
    for (const [i, event] of missing.entries()) decodedAs(event).set(event, fresh[i] as RecordedEvent);
    return events.map((event) => decodedAs(event).get(event) as RecordedEvent);
  }
}
