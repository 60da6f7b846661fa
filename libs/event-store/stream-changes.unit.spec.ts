import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { StreamChanges } from './stream-changes.js';
import type { Change, Moment } from './stream-changes.js';
import type { StreamName } from './stream-name.js';

const change = (stream: StreamName, position: bigint): Change => ({ stream, position });

/** One that follows from position 10 on. */
const following = (): StreamChanges => {
  const changes = new StreamChanges();
  changes.start(10n);
  return changes;
};
const momentOf = (changes: StreamChanges, position: bigint): Moment => {
  const moment = changes.momentOf({ position }, changes.following);
  if (!moment) throw new Error('not followed');
  return moment;
};

describe('which streams have not changed', () => {
  it('says so up to an event that it has received', async () => {
    const changes = following();
    changes.receive([change('userActivity-ann', 11n), change('user-bob', 12n), change('userActivity-ann', 13n)]);
    expect(await changes.isUnchanged('user-ann', momentOf(changes, 11n), change('userActivity-ann', 13n))).toBe(true);
    expect(await changes.isUnchanged('user-bob', momentOf(changes, 11n), change('userActivity-ann', 13n))).toBe(false);
    expect(await changes.isUnchanged('user-bob', momentOf(changes, 12n), change('userActivity-ann', 13n))).toBe(true);
  });

  it('waits for the event, and knows what was received before it', async () => {
    const changes = following();
    const [ann, bob] = ['user-ann', 'user-bob'].map((stream) =>
      changes.isUnchanged(stream as StreamName, momentOf(changes, 11n), change('userActivity-ann', 14n)),
    );
    changes.receive([change('user-bob', 12n)]);
    changes.receive([change('userActivity-ann', 14n)]);
    expect([await ann, await bob]).toEqual([true, false]);
  });

  it.each<[string, (changes: StreamChanges) => void]>([
    ['an event that does not come', () => undefined],
    ['an event of another stream at its position', (changes) => changes.receive([change('userActivity-bob', 14n)])],
    ['a following that ended', (changes) => changes.stop()],
    [
      'a following that began anew, with the event',
      (changes) => {
        changes.start(9n);
        changes.receive([change('userActivity-ann', 14n)]);
      },
    ],
  ])('does not say so after %s', async (_title, happens) => {
    const changes = following();
    const since = momentOf(changes, 11n);
    const asked = changes.isUnchanged('user-ann', since, change('userActivity-ann', 14n));
    happens(changes);
    expect(await asked).toBe(false);
    expect(await changes.isUnchanged('user-ann', since, change('userActivity-ann', 14n))).toBe(false);
  });

  it('knows no moment before following began, nor of an event of another following, nor while it does not', () => {
    const changes = following();
    const before = changes.following;
    expect(changes.momentOf({ position: 9n }, before)).toBeUndefined();
    expect(changes.momentOf({ position: 10n }, before)).toBeDefined();
    changes.start(9n);
    expect(changes.momentOf({ position: 10n }, before)).toBeUndefined();
    changes.stop();
    expect(changes.momentOf({ position: 11n }, changes.following)).toBeUndefined();
  });

  it('forgets what changed longest ago, and then no longer vouches for that time', async () => {
    const changes = following();
    const before = momentOf(changes, 11n);
    const last = 60_100n;
    changes.receive(Array.from({ length: 60_089 }, (_, i) => change(`user-${i}`, 12n + BigInt(i))));
    changes.receive([change('userActivity-ann', last + 1n)]);
    expect(await changes.isUnchanged('user-ann', before, change('userActivity-ann', last + 1n))).toBe(false);
    expect(await changes.isUnchanged('user-ann', momentOf(changes, last), change('userActivity-ann', last + 1n))).toBe(
      true,
    );
    expect(
      await changes.isUnchanged('user-60088', momentOf(changes, last - 5n), change('userActivity-ann', last + 1n)),
    ).toBe(false);
  });

  it('invariant: whatever is received, dropped and begun anew, what it calls unchanged has not changed', async () => {
    const streams: readonly StreamName[] = ['user-a', 'user-b', 'userActivity-a', 'userActivity-b'];
    const step = fc.oneof(
      {
        weight: 8,
        arbitrary: fc.record({ kind: fc.constant('stored' as const), stream: fc.constantFrom(...streams) }),
      },
      {
        weight: 4,
        arbitrary: fc.record({ kind: fc.constant('delivered' as const), count: fc.integer({ min: 1, max: 4 }) }),
      },
      { weight: 1, arbitrary: fc.constant({ kind: 'begun anew' as const }) },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 40 }), async (steps) => {
        const changes = new StreamChanges();
        const log: Change[] = [];
        let delivered = 0;
        const moments: Moment[] = [];
        changes.start(0n);
        for (const { kind, ...rest } of steps) {
          if ('stream' in rest) log.push(change(rest.stream, BigInt(log.length + 1)));
          else if ('count' in rest) {
            changes.receive(log.slice(delivered, delivered + rest.count));
            delivered = Math.min(log.length, delivered + rest.count);
          } else if (kind === 'begun anew') {
            changes.start(BigInt(log.length));
            delivered = log.length;
          }
          const moment = changes.momentOf({ position: BigInt(log.length) }, changes.following);
          if (moment) moments.push(moment);
        }
        const asked = log.slice(0, delivered).flatMap((asOf) => moments.map((since) => ({ asOf, since })));
        for (const { asOf, since } of asked.slice(-60))
          for (const stream of streams) {
            // What is behind the moment is no question: nothing can have changed in between.
            if (asOf.position <= since.position || !(await changes.isUnchanged(stream, since, asOf))) continue;
            const between = log.filter(({ position }) => position > since.position && position <= asOf.position);
            expect(between.map((each) => each.stream)).not.toContain(stream);
          }
      }),
      { numRuns: 100 },
    );
  });
});
