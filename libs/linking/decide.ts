import type { Decision } from '#libs/event-store/command-execution.js';
import type { EventOf } from '#libs/event-store/event-definition.js';
import type { claimAbandoned, externalIdentityLinked, externalIdentityUnlinked } from './events.js';
import { exists, settlementOf } from './state.js';
import type { LinkingState } from './state.js';

type Linked = EventOf<typeof externalIdentityLinked>;
type Unlinked = EventOf<typeof externalIdentityUnlinked>;
type Abandoned = EventOf<typeof claimAbandoned>;

export type LinkOutcome = 'linked' | 'claim_abandoned' | 'user_not_found';

/**
 * Settles our own claim by linking. Refused when somebody abandoned the claim meanwhile (the caller then starts again with a new one).
 * @param link the event to append; its claim id is ours
 */
export const decideLinkExternalIdentity = (state: LinkingState, link: Linked['data']): Decision<Linked, LinkOutcome> => {
  if (!exists(state)) return { events: [], outcome: 'user_not_found' };
  switch (settlementOf(state, link.claimId)) {
    case 'unsettled':
      return { events: [{ type: 'ExternalIdentityLinked', data: link }], outcome: 'linked' };
    case 'linked':
      return { events: [], outcome: 'linked' };
    case 'abandoned':
    case 'unlinked':
      return { events: [], outcome: 'claim_abandoned' };
  }
};

/** Settles a claim that nobody came back for; what it became when it was settled meanwhile. */
export const decideAbandon = (state: LinkingState, claimId: string): Decision<Abandoned, 'abandoned' | 'linked'> => {
  const settlement = settlementOf(state, claimId);
  if (settlement === 'unsettled') return { events: [{ type: 'ClaimAbandoned', data: { claimId } }], outcome: 'abandoned' };
  return { events: [], outcome: settlement === 'linked' ? 'linked' : 'abandoned' };
};

export type UnlinkOutcome =
  | { readonly kind: 'unlinked'; readonly claimId: string; readonly identityKey: string }
  | { readonly kind: 'refused'; readonly code: 'identity_not_linked' | 'unlinking_not_allowed' | 'last_credential' };

export interface UnlinkRequest {
  readonly claimId: string;
  readonly commandId: string;
  /** The organization that the command runs in; a user of another one is not found (invariant 11). */
  readonly organizationId: string;
  /** Whether a link to this provider is a usable way to sign in now: active, offered, external sign-in allowed (domain.md, "Usable"). */
  readonly isUsable: (providerId: string) => boolean;
  readonly unlinkAllowed: (providerId: string) => boolean;
}

/** Unlinks an external identity, never the last usable way to sign in (C3, L21). Repeating the command answers as before. */
export const decideUnlinkExternalIdentity = (state: LinkingState, request: UnlinkRequest): Decision<Unlinked, UnlinkOutcome> => {
  const refused = (code: Extract<UnlinkOutcome, { kind: 'refused' }>['code']): Decision<Unlinked, UnlinkOutcome> => ({
    events: [],
    outcome: { kind: 'refused', code },
  });
  if (state.organizationId !== request.organizationId) return refused('identity_not_linked');
  const { claimId } = request;
  const link = state.links.find((l) => l.claimId === claimId);
  if (!link) {
    const earlier = state.commands.get(request.commandId);
    return earlier?.type === 'ExternalIdentityUnlinked' && earlier.data.claimId === claimId
      ? { events: [], outcome: { kind: 'unlinked', claimId, identityKey: earlier.data.identityKey } }
      : refused('identity_not_linked');
  }
  if (!request.unlinkAllowed(link.providerId)) return refused('unlinking_not_allowed');
  if (!state.links.some((other) => other.claimId !== claimId && request.isUsable(other.providerId))) return refused('last_credential');
  const { providerId, identityKey } = link;
  return {
    events: [{ type: 'ExternalIdentityUnlinked', data: { claimId, providerId, identityKey } }],
    outcome: { kind: 'unlinked', claimId, identityKey },
  };
};
