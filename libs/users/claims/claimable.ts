import type { StreamName } from '#libs/event-store/stream-name.js';
import type { ClaimStreamEvent } from './claim.js';

interface ClaimedData {
  readonly claimId: string;
  readonly ownerId: string;
  readonly deadline: string;
}

/** Something that has at most one owner: its stream, and how its events are called. */
export interface Claimable {
  readonly stream: StreamName;
  claimed(data: ClaimedData): ClaimStreamEvent;
  released(data: { readonly claimId: string }): ClaimStreamEvent;
}

export const claimableExternalIdentity = (stream: StreamName): Claimable => ({
  stream,
  claimed: (data) => ({ type: 'ExternalIdentityClaimed', data }),
  released: (data) => ({ type: 'ExternalIdentityReleased', data }),
});

export const claimableUsername = (stream: StreamName): Claimable => ({
  stream,
  claimed: (data) => ({ type: 'UsernameReserved', data }),
  released: (data) => ({ type: 'UsernameReleased', data }),
});

export const claimableEmail = (stream: StreamName): Claimable => ({
  stream,
  claimed: (data) => ({ type: 'EmailReserved', data }),
  released: (data) => ({ type: 'EmailReleased', data }),
});
