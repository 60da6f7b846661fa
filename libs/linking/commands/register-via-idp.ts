import { createUser } from '#libs/users/create-user.js';
import { loadAccount } from '#libs/users/queries/load-account.js';
import { seenAt } from '#libs/users/state.js';
import { ContentionError } from '#libs/event-store/command-execution.js';
import { isUsable, loadProviderInOrganization } from '../queries/providers-in-organization.js';
import { beginAttempt } from './attempt.js';
import { givenUsernameOf, verifiedAddressOf } from './find-matches.js';
import { linkOf } from './link-external-identity.js';
import type { LinkingDependencies } from './linking-dependencies.js';
import type { RegisterViaIdp, RegisterViaIdpResult } from './register-via-idp.command.js';

const MAX_ATTEMPTS = 20;

/** Creates the user with the identity linked, under the policy as of this moment (L8). */
export const registerViaIdp = async (
  dependencies: LinkingDependencies,
  { assertion, organizationId, form, context }: RegisterViaIdp,
): Promise<RegisterViaIdpResult> => {
  const attempt = beginAttempt(dependencies, assertion, organizationId, context);
  for (let tries = 0; tries < MAX_ATTEMPTS; tries += 1) {
    const ownership = await attempt.claims.ownerOf(attempt.identity, context);
    if (ownership.kind === 'owned') return { kind: 'refused', code: 'identity_already_linked_to_another_account' };
    const provider = await loadProviderInOrganization(dependencies.store, organizationId, assertion.providerId);
    if (!isUsable(provider)) return { kind: 'refused', code: 'provider_not_allowed' };
    if (!provider.policy.creationAllowed) return { kind: 'refused', code: 'creation_not_allowed' };
    // An address that the person changed is no longer the one that the provider verified (L11).
    const asserted = verifiedAddressOf(attempt, provider);
    const isAsserted = asserted !== undefined && asserted.canonical === form.email?.canonical;
    // Nor is a username that the person changed the one that the provider gave (L31).
    const given = givenUsernameOf(attempt, provider);
    const created = await createUser(
      dependencies,
      {
        organizationId,
        first: { type: 'UserRegistered', data: { organizationId, displayName: form.displayName } },
        username: form.username && {
          ...form.username,
          givenBy: given?.canonical === form.username.canonical ? given.givenBy : { by: 'self' },
        },
        ifUsernameTaken: 'refuse',
        email: form.email && {
          ...form.email,
          proof: isAsserted
            ? { method: 'provider', providerId: assertion.providerId, policyRevision: provider.policyRevision }
            : undefined,
        },
        identity: {
          thing: attempt.identity,
          freeAt: ownership.revision,
          linked: (claimId) => ({
            type: 'ExternalIdentityLinked',
            data: linkOf(attempt, claimId, provider, { origin: 'self_service', proof: 'assertion' }),
          }),
        },
      },
      context,
    );
    if (created.kind === 'refused') return created;
    if (created.kind === 'created' && created.identityClaimId !== undefined) {
      const { userId, identityClaimId: claimId, emailId } = created;
      const { state, revision } = await loadAccount(dependencies.store, userId);
      const unverified = emailId !== undefined && state.unverifiedEmail?.emailId === emailId;
      return {
        kind: 'registered',
        userId,
        claimId,
        account: seenAt(state, revision),
        ...(unverified ? { unverifiedEmailId: emailId } : {}),
      };
    }
  }
  throw new ContentionError(attempt.identity.stream);
};
