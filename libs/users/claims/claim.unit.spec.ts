import { describe, expect, it } from '@jest/globals';
import { recorded } from '#test-support/given.js';
import { claimFold, nextClaimStep } from './claim.js';
import type { Claim } from './claim.js';
import type { ClaimEvent } from '../link-events.js';

const DEADLINE = '2026-03-03T12:00:05.000Z';
const claimed = (claimId: string, ownerId = 'owner'): ClaimEvent => ({
  type: 'ExternalIdentityClaimed',
  data: { claimId, ownerId, deadline: DEADLINE },
});
const released = (claimId: string): ClaimEvent => ({ type: 'ExternalIdentityReleased', data: { claimId } });
const claim = (claimId: string, ownerId = 'owner'): Claim => ({ claimId, ownerId, deadline: new Date(DEADLINE) });

describe('the current claim of a thing', () => {
  const currentAfter = (...events: ClaimEvent[]): Claim | undefined =>
    events.reduce<Claim | undefined>(
      (current, event) => claimFold.evolve(current, event, recorded(event)),
      claimFold.initial,
    );

  it.each<[string, ClaimEvent[], Claim | undefined]>([
    ['none on a stream that does not exist', [], undefined],
    ['the claim', [claimed('one')], claim('one')],
    ['none after its release', [claimed('one'), released('one')], undefined],
    [
      'the next claim after a release',
      [claimed('one'), released('one'), claimed('two', 'other')],
      claim('two', 'other'),
    ],
    [
      'the claim still, when one before it is released again',
      [claimed('one'), released('one'), claimed('two'), released('one')],
      claim('two'),
    ],
    ['none when nothing was claimed', [released('one')], undefined],
  ])('%s', (_title, events, expected) => expect(currentAfter(...events)).toEqual(expected));
});

describe('what anybody who meets a claim does next', () => {
  const before = new Date('2026-03-03T12:00:04.999Z');
  const at = new Date(DEADLINE);
  const one = claim('one');

  it('claims what nobody claims', () => expect(nextClaimStep(undefined, 'unsettled', at)).toEqual({ step: 'claim' }));
  it.each([before, at])('a held claim owns the thing, whatever the time (%s)', (now) =>
    expect(nextClaimStep(one, 'held', now)).toEqual({ step: 'owned', ownerId: 'owner', claimId: 'one' }),
  );
  it('waits for an unsettled claim until its deadline', () =>
    expect(nextClaimStep(one, 'unsettled', before)).toEqual({ step: 'wait', until: at }));
  it('abandons an unsettled claim from its deadline on', () =>
    expect(nextClaimStep(one, 'unsettled', at)).toEqual({ step: 'abandon', claim: one }));
  it.each([
    ['abandoned', before],
    ['abandoned', at],
    ['over', before],
    ['over', at],
  ] as const)('releases an %s claim, whatever the time (%s)', (settlement, now) =>
    expect(nextClaimStep(one, settlement, now)).toEqual({ step: 'release', claim: one }),
  );
});
