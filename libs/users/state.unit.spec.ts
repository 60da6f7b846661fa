import { describe, expect, it } from '@jest/globals';
import { accountFold, isTakenAway } from './state.js';

describe('what takes a session away that its sign-in did not know (L2, L20)', () => {
  const link = { providerId: 'acme', identityKey: 'key', linkedAt: '2026-03-03T12:00:00.000Z' };
  const account = {
    ...accountFold.initial,
    links: ['first', 'second'].map((claimId) => ({ ...link, claimId })),
    endings: [{ revision: 5n }],
  } as unknown as typeof accountFold.initial;
  const session = { sessionId: 's', accountRevision: 7n };

  it.each([
    ['nothing, while its link is there', { claimId: 'first' }, false],
    ['nothing, of a password', {}, false],
    ['its link is gone', { claimId: 'gone' }, true],
    [
      'nothing, while all links are there that it was opened and renewed by',
      { claimId: 'first', furtherClaimIds: ['second'] },
      false,
    ],
    ['one that it was opened by before it was renewed is gone', { claimId: 'first', furtherClaimIds: ['gone'] }, true],
    ['an ending after what it was decided from', { accountRevision: 4n }, true],
  ])('%s', (_title, over, expected) => {
    expect(isTakenAway(account, { ...session, ...over })).toBe(expected);
  });
});
