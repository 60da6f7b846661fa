import type { Account } from '../state.js';
import { usernameStream, verifiedEmailStream } from '../streams.js';
import { externalIdentityStream } from '../external-identity-stream.js';
import { claimableEmail, claimableExternalIdentity, claimableUsername } from './claimable.js';
import type { Claimable } from './claimable.js';

/** A thing, and the claim by which an account holds it. */
export interface Held {
  readonly thing: Claimable;
  readonly claimId: string;
}

/** Everything that has at most one owner, and that this account holds. */
export const heldBy = ({ username, verifiedEmail, links }: Account): readonly Held[] => [
  ...(username ? [{ thing: claimableUsername(usernameStream(username.usernameKey)), claimId: username.claimId }] : []),
  ...(verifiedEmail
    ? [{ thing: claimableEmail(verifiedEmailStream(verifiedEmail.emailKey)), claimId: verifiedEmail.claimId }]
    : []),
  ...links.map(({ identityKey, claimId }) => ({
    thing: claimableExternalIdentity(externalIdentityStream(identityKey)),
    claimId,
  })),
];
