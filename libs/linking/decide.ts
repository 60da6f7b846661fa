import { usableCredentials } from '#libs/users/credentials.js';
import type { CredentialRules } from '#libs/users/credentials.js';
import { settlementOf } from '#libs/users/state.js';
import type { Account } from '#libs/users/state.js';
import type { Decision } from '#libs/event-store/command-execution.js';
import type { EventOf } from '#libs/event-store/event-definition.js';
import type { externalIdentityLinked, externalIdentityUnlinked } from '#libs/users/link-events.js';
import type { ProviderInOrganization } from './login-via-idp.js';

type Linked = EventOf<typeof externalIdentityLinked>;
type Unlinked = EventOf<typeof externalIdentityUnlinked>;

export type LinkOutcome = 'linked' | 'claim_abandoned' | 'not_linkable';

/**
 * Settles our own claim by linking. Refused when somebody abandoned the claim meanwhile (the caller then starts again
 * with a new one).
 * @param link the event to append; its claim id is ours
 * @param mayLink whether the account is still one that the link was decided for
 */
export const decideLinkExternalIdentity = (
  account: Account,
  link: Linked['data'],
  mayLink: (account: Account) => boolean,
): Decision<Linked, LinkOutcome> => {
  switch (settlementOf(account, link.claimId)) {
    case 'unsettled':
      if (account.status !== 'active' || !mayLink(account)) return { events: [], outcome: 'not_linkable' };
      return { events: [{ type: 'ExternalIdentityLinked', data: link }], outcome: 'linked' };
    case 'held':
      return { events: [], outcome: 'linked' };
    case 'abandoned':
    case 'over':
      return { events: [], outcome: 'claim_abandoned' };
  }
};

export type UnlinkOutcome =
  | { readonly kind: 'unlinked'; readonly claimId: string; readonly identityKey: string }
  | {
      readonly kind: 'refused';
      readonly code: 'identity_not_linked' | 'unlinking_not_allowed' | 'last_credential' | 'idempotency_key_reused';
    };

export interface UnlinkRequest extends CredentialRules {
  readonly claimId: string;
  readonly commandId: string;
  readonly bodyHash?: string | undefined;
  /** The organization that the command runs in; a user of another one is not found (invariant 11). */
  readonly organizationId: string;
  readonly unlinkAllowed: (providerId: string) => boolean;
  /** An administrator may leave a person without a way in; nobody else may (invariant 2). */
  readonly force?: boolean;
}

/**
 * Unlinks an external identity, never the last usable way to sign in (C3, L21). Repeating the command answers as
 * before.
 */
export const decideUnlinkExternalIdentity = (
  account: Account,
  request: UnlinkRequest,
): Decision<Unlinked, UnlinkOutcome> => {
  const refused = (code: Extract<UnlinkOutcome, { kind: 'refused' }>['code']): Decision<Unlinked, UnlinkOutcome> => ({
    events: [],
    outcome: { kind: 'refused', code },
  });
  if (account.organizationId !== request.organizationId) return refused('identity_not_linked');
  const { claimId } = request;
  const earlier = account.commands.get(request.commandId);
  if (earlier && earlier.bodyHash !== request.bodyHash) return refused('idempotency_key_reused');
  const unlinked = earlier?.events.find(
    (event) => event.type === 'ExternalIdentityUnlinked' && event.data.claimId === claimId,
  );
  if (unlinked?.type === 'ExternalIdentityUnlinked')
    return { events: [], outcome: { kind: 'unlinked', claimId, identityKey: unlinked.data.identityKey } };
  const link = account.links.find((l) => l.claimId === claimId);
  if (!link) return refused('identity_not_linked');
  if (!request.unlinkAllowed(link.providerId)) return refused('unlinking_not_allowed');
  if (!request.force) {
    const without = { ...account, links: account.links.filter((other) => other.claimId !== claimId) };
    if (usableCredentials(without, request).length === 0) return refused('last_credential');
  }
  const { providerId, identityKey } = link;
  return {
    events: [{ type: 'ExternalIdentityUnlinked', data: { claimId, providerId, identityKey } }],
    outcome: { kind: 'unlinked', claimId, identityKey },
  };
};

export type ProvenLinkRefusal =
  | 'provider_not_allowed'
  | 'linking_not_allowed'
  | 'account_not_found'
  | 'identity_already_linked_to_another_account'
  | 'assurance_insufficient';

/**
 * Whether an identity may be linked to an account whose control was proven at the page of rows 3, 3′ and 5. Where
 * linking by hand is not allowed, only to whom the offer was made for, and only where the policy links by a match.
 */
export const decideProvenLink = (facts: {
  readonly provider: ProviderInOrganization;
  readonly userId: string;
  readonly maySignIn: boolean;
  /** What control was proven by is as strong as any way into the account (L30). */
  readonly provesEnough: boolean;
  readonly isCandidate: boolean;
  readonly ownerId: string | undefined;
}): { readonly kind: 'link' } | { readonly kind: 'refused'; readonly code: ProvenLinkRefusal } => {
  const refused = (code: ProvenLinkRefusal) => ({ kind: 'refused', code }) as const;
  const { provider, userId, ownerId } = facts;
  if (!provider.active || !provider.offered || !provider.externalSignInAllowed) return refused('provider_not_allowed');
  if (!facts.maySignIn) return refused('account_not_found');
  if (!facts.provesEnough) return refused('assurance_insufficient');
  if (ownerId !== undefined)
    return ownerId === userId ? { kind: 'link' } : refused('identity_already_linked_to_another_account');
  const { linkingAllowed, autoLink } = provider.policy;
  return linkingAllowed || (facts.isCandidate && autoLink.length > 0)
    ? { kind: 'link' }
    : refused('linking_not_allowed');
};
