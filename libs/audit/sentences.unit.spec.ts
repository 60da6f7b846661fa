import { describe, expect, it } from '@jest/globals';
import type { UserStreamEvent } from '#libs/users/state.js';
import { sentenceFor } from './sentences.js';

describe('sentences say what a history’s reader has to know', () => {
  const name = { claimId: 'c', usernameKey: 'k', username: 'ada' };
  it.each<[string, UserStreamEvent, string]>([
    [
      'L31: that a provider gave a username',
      { type: 'UsernameChanged', data: { ...name, givenBy: { by: 'provider', providerId: 'acme' } } },
      'The username became ada, given by acme',
    ],
    [
      'L31: that an administrator did',
      { type: 'UsernameChanged', data: { ...name, givenBy: { by: 'administrator' } } },
      'The username became ada, given by an administrator',
    ],
    [
      'L31: nothing of a name from before that was recorded',
      { type: 'UsernameChanged', data: name },
      'The username became ada',
    ],
    [
      'L32: how many sign-in methods a recovery put on hold',
      { type: 'AccountRecovered', data: { emailId: 'e', onHold: ['one', 'two'] } },
      'The account was recovered by its verified e-mail address; sign-in methods on hold until reviewed: 2',
    ],
    [
      'L32: what became of them',
      { type: 'SignInMethodsReviewed', data: { kept: ['one'], removed: ['two', 'three'] } },
      'The sign-in methods on hold were reviewed: 1 kept, 2 removed',
    ],
  ])('%s', (_title, event, sentence) => expect(sentenceFor(event, [])).toBe(sentence));

  it('of an erased name, that it was erased', () =>
    expect(
      sentenceFor({ type: 'UsernameChanged', data: { claimId: 'c', usernameKey: 'k', givenBy: { by: 'self' } } }, [
        'username',
      ]),
    ).toBe('The username became (erased)'));
});
