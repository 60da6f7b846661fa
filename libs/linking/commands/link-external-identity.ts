import { createUser } from '#libs/users/create-user.js';
import { accountFold } from '#libs/users/state.js';
import type { Account } from '#libs/users/state.js';
import { userStream } from '#libs/users/streams.js';
import { execute } from '#libs/event-store/command-execution.js';
import type { EventOf } from '#libs/event-store/event-definition.js';
import type { CommandContext } from '#libs/event-store/event-metadata.js';
import type { Revision } from '#libs/event-store/recorded-event.js';
import { unlessErased } from '#libs/privacy/subject-keys.js';
import { decideLinkExternalIdentity } from '../decide.js';
import type { externalIdentityLinked } from '#libs/users/link-events.js';
import type { ProviderWithPolicy } from '../queries/providers-in-organization.js';
import type { Attempt } from './attempt.js';
import { givenUsernameOf, verifiedAddressOf } from './find-matches.js';

type Linked = EventOf<typeof externalIdentityLinked>['data'];
export type Provenance = Pick<Linked['provenance'], 'origin' | 'proof'>;

/** By the person, who has proven control of both sides. */
export const SELF_SERVICE: Provenance = { origin: 'self_service', proof: 'assertion_and_reauthentication' };

/** What came of it; nothing when somebody else was first, and the table has to decide again. */
export type LinkMade = { readonly userId: string; readonly claimId: string } | undefined;

/**
 * LinkExternalIdentity: claims a free identity for a user who is there, and settles the claim by linking.
 * @param free revision at which the identity was seen free
 * @param mayLink whether the account, as it is when the link is stored, is still one that this was decided for
 */
export const linkExternalIdentity = async (
  attempt: Attempt,
  free: Revision,
  provider: ProviderWithPolicy,
  userId: string,
  provenance: Provenance,
  mayLink: (account: Account) => boolean,
): Promise<LinkMade> => {
  const { dependencies, claims, identity } = attempt;
  const context = asUser(attempt, userId);
  // Whoever was erased meanwhile is linked to nothing: decide again, by the streams.
  const claimId = await unlessErased(claims.claim(identity, free, userId, context));
  if (claimId === undefined) return undefined;
  const { outcome } = await execute(dependencies.store, {
    stream: userStream(userId),
    fold: accountFold,
    decide: (account) => decideLinkExternalIdentity(account, linkOf(attempt, claimId, provider, provenance), mayLink),
    context,
    subject: userId,
  });
  if (outcome === 'linked') return { userId, claimId };
  if (outcome === 'not_linkable') await claims.giveUp(identity, { claimId, ownerId: userId }, context);
  return undefined;
};

/**
 * A just-in-time user and its link (C2). A username or e-mail that is taken never blocks: the user is created without
 * it.
 */
export const provisionUser = async (
  attempt: Attempt,
  free: Revision,
  provider: ProviderWithPolicy,
): Promise<LinkMade> => {
  const { dependencies, identity, assertion, organizationId, context } = attempt;
  const { name: displayName, givenName, familyName, email } = assertion.claims;
  const address = verifiedAddressOf(attempt, provider);
  const created = await createUser(
    dependencies,
    {
      organizationId,
      first: {
        type: 'UserProvisioned',
        data: { organizationId, providerId: assertion.providerId, displayName, givenName, familyName, email },
      },
      username: givenUsernameOf(attempt, provider),
      ifUsernameTaken: 'leave_out',
      email: address && {
        ...address,
        proof: { method: 'provider', providerId: assertion.providerId, policyRevision: provider.policyRevision },
      },
      identity: {
        thing: identity,
        freeAt: free,
        linked: (claimId) => ({
          type: 'ExternalIdentityLinked',
          data: linkOf(attempt, claimId, provider, { origin: 'just_in_time', proof: 'assertion' }),
        }),
      },
    },
    context,
  );
  return created.kind === 'created' && created.identityClaimId !== undefined
    ? { userId: created.userId, claimId: created.identityClaimId }
    : undefined;
};

/** The person is the actor of what is stored about them, so that their key protects it. */
const asUser = ({ context }: Attempt, userId: string): CommandContext => ({
  ...context,
  actor: { type: 'user', id: userId },
});

/** The event that settles the claim, with where the link comes from (U3). */
export const linkOf = (
  { identityKey, assertion }: Pick<Attempt, 'identityKey' | 'assertion'>,
  claimId: string,
  provider: ProviderWithPolicy,
  provenance: Provenance,
): Linked => ({
  claimId,
  providerId: assertion.providerId,
  identityKey,
  issuer: assertion.issuer,
  subject: assertion.subject,
  nameAtProvider: assertion.claims.email ?? assertion.claims.preferredUsername ?? assertion.claims.name,
  provenance: { ...provenance, policyRevision: provider.policyRevision, assertionId: assertion.assertionId },
});
