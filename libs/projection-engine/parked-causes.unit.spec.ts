import { describe, expect, it } from '@jest/globals';
import { LOOKED_INTO_FIRST, MOST_CAUSES, ParkedCauses } from './parked-causes.js';
import type { Failure } from './parked-causes.js';
import { retryAfterMs } from './retries.js';

const of = (organizationId: string | null, failure: string): Failure => ({ organizationId, failure });

const among = (...organizations: readonly string[]): ReadonlySet<string> => new Set(organizations);

/** So many different causes in an organization, a stream each. */
const different = (count: number, organizationId: string | null = 'acme'): [string, Failure][] =>
  Array.from({ length: count }, (_, n) => [`user-${organizationId}-${n}`, of(organizationId, `cause ${n}`)]);

describe('T2: what is parked', () => {
  it('with one cause stops nothing, however many streams there are', () => {
    const parked = new ParkedCauses(
      Array.from({ length: 100_000 }, (_, n) => [`user-${n}`, of('acme', 'UserRegistered 22P02')]),
    );
    expect(parked.isDefectWith(of('acme', 'UserRegistered 22P02'), among('acme'))).toBe(false);
    expect(parked.streamsOf('UserRegistered 22P02')).toBe(100_000);
  });

  it('with many different causes in the only organization stops the read model', () => {
    const parked = new ParkedCauses(different(MOST_CAUSES - 1));
    expect(parked.isDefectWith(of('acme', 'cause 0'), among('acme'))).toBe(false);
    expect(parked.isDefectWith(of('acme', 'another'), among('acme'))).toBe(true);
  });

  it('in one organization of several never stops it for the others; in more than half of them it does', () => {
    const one = new ParkedCauses(different(10 * MOST_CAUSES));
    expect(one.isDefectWith(of('acme', 'another'), among('acme', 'globex'))).toBe(false);
    const two = new ParkedCauses([...different(MOST_CAUSES), ...different(MOST_CAUSES, 'globex')]);
    const all = ['acme', 'globex', 'initech', 'umbrella'];
    expect([2, 3, 4].map((size) => two.isDefectWith(of('acme', 'cause 0'), among(...all.slice(0, size))))).toEqual([
      true,
      true,
      false,
    ]);
  });

  it('that belongs to no organization counts only where none is known', () => {
    const parked = new ParkedCauses(different(MOST_CAUSES - 1, null));
    expect(parked.isDefectWith(of(null, 'another'), among())).toBe(true);
    expect(parked.isDefectWith(of(null, 'another'), among('acme'))).toBe(false);
    expect(parked.isDefectWith(of('acme', 'another'), among('acme'))).toBe(false);
  });

  it('is looked into at the 32nd stream of a cause, the 64th, and so on', () => {
    const parked = new ParkedCauses();
    const lookedInto: number[] = [];
    for (let n = 1; n <= 300; n += 1) {
      if (parked.isToBeLookedInto('cause')) {
        lookedInto.push(n);
        parked.noteLookedInto('cause');
      }
      parked.set(`user-${n}`, of('acme', 'cause'));
    }
    expect(lookedInto).toEqual([LOOKED_INTO_FIRST, 64, 128, 256]);
    // Streams that fail in another way than before, all at once.
    for (let n = 1; n <= 300; n += 1) parked.set(`user-${n}`, of('acme', 'another'));
    expect([parked.isToBeLookedInto('another'), parked.isToBeLookedInto('cause')]).toEqual([true, false]);
  });

  it('is forgotten when it goes on, and counted once when it fails in another way', () => {
    const parked = new ParkedCauses(different(MOST_CAUSES));
    parked.set('user-acme-0', of('acme', 'cause 1'));
    expect([parked.size, parked.streamsOf('cause 0'), parked.streamsOf('cause 1')]).toEqual([MOST_CAUSES, 0, 2]);
    for (const [stream] of different(MOST_CAUSES)) parked.delete(stream);
    parked.delete('user-nobody');
    expect([parked.size, parked.isDefectWith(of('acme', 'cause'), among('acme'))]).toEqual([0, false]);
  });
});

describe('T2: a parked stream', () => {
  it('is tried again after a minute, then after twice as long each time, up to six hours', () => {
    const minutes = Array.from({ length: 12 }, (_, tries) => retryAfterMs(tries) / 60_000);
    expect(minutes).toEqual([1, 2, 4, 8, 16, 32, 64, 128, 256, 360, 360, 360]);
    expect(retryAfterMs(5_000)).toBe(6 * 3_600_000);
  });
});
