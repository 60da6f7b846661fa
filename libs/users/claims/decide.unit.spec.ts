import { describe, it } from '@jest/globals';
import type { AccountEvent } from '../events.js';
import { accountFold } from '../state.js';
import type { UserStreamEvent } from '../state.js';
import { given } from '#test-support/given.js';
import { decideAbandon } from './decide.js';

const provisioned: AccountEvent = { type: 'UserProvisioned', data: { organizationId: 'default', providerId: 'acme' } };
const named = (claimId: string): AccountEvent => ({
  type: 'UsernameChanged',
  data: { claimId, usernameKey: `key-${claimId}`, username: 'ann' },
});
const abandoned = (claimId: string): UserStreamEvent => ({ type: 'ClaimAbandoned', data: { claimId } });
const user = (...events: readonly UserStreamEvent[]) => given(accountFold, [provisioned, ...events]);

describe('decideAbandon', () => {
  it('settles a claim that nobody came back for', () =>
    user()
      .when((s) => decideAbandon(s, 'one'))
      .then([abandoned('one')], 'abandoned'));
  it('makes the id of a user that never came to be dead', () =>
    given(accountFold, [])
      .when((s) => decideAbandon(s, 'one'))
      .then([abandoned('one')], 'abandoned'));
  it('leaves a claim alone that was settled meanwhile', () =>
    user(named('one'))
      .when((s) => decideAbandon(s, 'one'))
      .then([], 'held'));
  it('happens once', () =>
    user(abandoned('one'))
      .when((s) => decideAbandon(s, 'one'))
      .then([], 'abandoned'));
  it('has nothing to abandon after it was given up', () =>
    user(named('one'), named('two'))
      .when((s) => decideAbandon(s, 'one'))
      .then([], 'over'));
  it('has nothing to abandon once an erasure began: everything may be released', () =>
    user({ type: 'ErasureStarted', data: {} })
      .when((s) => decideAbandon(s, 'one'))
      .then([], 'over'));
});
