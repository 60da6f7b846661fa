import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { userActivityStream } from '#libs/users/streams.js';
import { appendUnconditionally } from '#libs/event-store/command-execution.js';
import type { RecordedEvent } from '#libs/event-store/recorded-event.js';
import { newUuid } from '#libs/platform/ids.js';
import { startTestInstallation, testContext } from '#test-support/installation.js';
import type { TestInstallation } from '#test-support/installation.js';
import { HistoryIndexMismatchError, organizationEvents } from './organization-events.js';
import type { HistoryIndex, IndexedEvent } from './organization-events.js';

const USERS = 5;
const EVENTS = 300;

let installation: TestInstallation;
let all: readonly RecordedEvent[];
beforeAll(async () => {
  installation = await startTestInstallation();
  const users = Array.from({ length: USERS }, newUuid);
  for (let i = 0; i < EVENTS / USERS; i += 1) {
    for (const subject of users) {
      const events = [{ type: 'SessionEnded', data: { sessionId: `s${i}`, reason: 'signed_out' } }];
      await appendUnconditionally(installation.store, {
        stream: userActivityStream(subject),
        events,
        context: testContext(),
        subject,
      });
    }
  }
  const read = await Promise.all(users.map((userId) => installation.store.read(userActivityStream(userId))));
  all = read.flat().sort((a, b) => (a.position < b.position ? -1 : 1));
}, 60_000);
afterAll(() => installation.stop());

/** An index that knows these events. */
const indexOf = (indexed: readonly IndexedEvent[]): HistoryIndex => ({
  find: (_organizationId, { order, after, limit }) =>
    Promise.resolve(
      (order === 'asc' ? indexed : indexed.toReversed())
        .filter(({ position }) => after === undefined || (order === 'asc' ? position > after : position < after))
        .slice(0, limit),
    ),
});

const eventsBy = async (
  indexed: readonly IndexedEvent[],
  order: 'asc' | 'desc',
  piece: number,
): Promise<RecordedEvent[]> => {
  const events: RecordedEvent[] = [];
  const options = { order, piece };
  for await (const recorded of organizationEvents(installation.store, indexOf(indexed), 'default', options))
    events.push(recorded);
  return events;
};

describe('an organization’s events', () => {
  it('are those that the index finds, dense or sparse, in order and once, whatever is read at once', () =>
    fc.assert(
      fc.asyncProperty(
        fc.oneof(fc.constant(1), fc.constant(1), fc.integer({ min: 2, max: 60 })),
        fc.constantFrom('asc' as const, 'desc' as const),
        fc.integer({ min: 1, max: 120 }),
        async (every, order, piece) => {
          const wanted = all.filter((_, i) => i % every === 0);
          expect(await eventsBy(wanted, order, piece)).toEqual(order === 'asc' ? wanted : wanted.toReversed());
        },
      ),
      { numRuns: 25 },
    ));

  it('that the store does not have where the index says: the index is of another store, and nothing is told', async () => {
    const [first, second] = all;
    if (!first || !second) throw new Error('There are no events');
    for (const wrong of [
      { ...first, revision: 7n },
      { ...first, stream: second.stream },
      { ...first, position: second.position },
    ])
      await expect(eventsBy([wrong], 'asc', 10)).rejects.toThrow(HistoryIndexMismatchError);
    expect(await eventsBy([], 'asc', 10)).toEqual([]);
  });
});
