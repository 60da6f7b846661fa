import { userStream } from '#libs/accounts/streams.js';
import { execute } from '#libs/event-store/command-execution.js';
import type { EventOf } from '#libs/event-store/event-definition.js';
import type { CommandContext } from '#libs/event-store/event-metadata.js';
import type { Revision } from '#libs/event-store/recorded-event.js';
import { decideLinkExternalIdentity } from '../decide.js';
import type { externalIdentityLinked } from '../events.js';
import { linkingFold } from '../state.js';
import type { VerifiedAssertion } from '../verified-assertion.js';
import type { Claims } from './claims.js';
import type { LinkingDependencies } from './linking-dependencies.js';
import type { ProviderWithPolicy } from './provider-in-organization.js';

type Linked = EventOf<typeof externalIdentityLinked>['data'];

/** One assertion that is being acted on, in one organization. */
export interface Attempt {
  readonly dependencies: LinkingDependencies;
  readonly claims: Claims;
  readonly identityKey: string;
  readonly assertion: VerifiedAssertion;
  readonly organizationId: string;
  readonly context: CommandContext;
}

/** What came of it; nothing when somebody else was first, and the table has to decide again. */
export type LinkMade = { readonly userId: string; readonly claimId: string } | undefined;

/**
 * LinkExternalIdentity: claims a free identity for a user who is there, and settles the claim by linking.
 * @param free revision at which the identity was seen free
 */
export const linkExternalIdentity = async (
  attempt: Attempt,
  free: Revision,
  provider: ProviderWithPolicy,
  userId: string,
): Promise<LinkMade> => {
  const { dependencies, claims, identityKey } = attempt;
  const context = asUser(attempt, userId);
  const claimId = await claims.claim(identityKey, free, userId, context);
  if (claimId === undefined) return undefined;
  const { outcome } = await execute(dependencies.store, {
    stream: userStream(userId),
    fold: linkingFold,
    decide: (state) => decideLinkExternalIdentity(state, linkOf(attempt, claimId, provider, 'self_service')),
    context,
    subject: userId,
  });
  if (outcome === 'user_not_found') throw new Error(`An identity was claimed for ${userId}, who does not exist`);
  return outcome === 'linked' ? { userId, claimId } : undefined;
};

/**
 * A just-in-time user and its link (C2): claims the identity for a fresh user id, and settles the claim in one batch on a stream that nobody has
 * written to.
 */
export const provisionUser = async (attempt: Attempt, free: Revision, provider: ProviderWithPolicy): Promise<LinkMade> => {
  const { dependencies, claims, identityKey, assertion, organizationId } = attempt;
  const userId = dependencies.newId();
  const context = asUser(attempt, userId);
  const claimId = await claims.claim(identityKey, free, userId, context);
  if (claimId === undefined) return undefined;
  const { name: displayName, givenName, familyName, email } = assertion.claims;
  const appended = await dependencies.store.append({
    stream: userStream(userId),
    expectedRevision: 'no_stream',
    events: [
      { type: 'UserProvisioned', data: { organizationId, providerId: assertion.providerId, displayName, givenName, familyName, email } },
      { type: 'ExternalIdentityLinked', data: linkOf(attempt, claimId, provider, 'just_in_time') },
    ],
    context,
    subject: userId,
  });
  // A conflict: somebody abandoned the claim, and this user id is dead.
  return appended.kind === 'appended' ? { userId, claimId } : undefined;
};

/** The person is the actor of what is stored about them, so that their key protects it. */
const asUser = ({ context }: Attempt, userId: string): CommandContext => ({ ...context, actor: { type: 'user', id: userId } });

const linkOf = (
  { identityKey, assertion }: Attempt,
  claimId: string,
  provider: ProviderWithPolicy,
  origin: Linked['provenance']['origin'],
): Linked => ({
  claimId,
  providerId: assertion.providerId,
  identityKey,
  issuer: assertion.issuer,
  subject: assertion.subject,
  nameAtProvider: assertion.claims.email ?? assertion.claims.preferredUsername ?? assertion.claims.name,
  provenance: {
    origin,
    proof: origin === 'self_service' ? 'assertion_and_reauthentication' : 'assertion',
    policyRevision: provider.policyRevision,
    assertionId: assertion.assertionId,
  },
});
