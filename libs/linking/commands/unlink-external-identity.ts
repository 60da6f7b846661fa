import { userStream } from '#libs/accounts/streams.js';
import { execute, load } from '#libs/event-store/command-execution.js';
import type { CommandContext } from '#libs/event-store/event-metadata.js';
import { decideUnlinkExternalIdentity } from '../decide.js';
import { linkingFold } from '../state.js';
import { Claims } from './claims.js';
import type { UnlinkExternalIdentity, UnlinkResult } from './unlink-external-identity.command.js';
import type { LinkingDependencies } from './linking-dependencies.js';
import { isUsable, loadProvidersInOrganization } from './provider-in-organization.js';

/** Ends every session, pending ones included, that was opened through a claim. */
export type EndSessionsOfClaim = (userId: string, claimId: string, context: CommandContext) => Promise<void>;

/**
 * Stores the unlink, then ends what was obtained through the identity, before it answers (invariant 7, L20); the claim is released last, and
 * by the next person who meets it when this process dies before.
 */
export const unlinkExternalIdentity = async (
  dependencies: LinkingDependencies & { readonly endSessionsOfClaim: EndSessionsOfClaim },
  { userId, organizationId, claimId, context }: UnlinkExternalIdentity,
): Promise<UnlinkResult> => {
  const { store } = dependencies;
  const stream = userStream(userId);
  const { state } = await load(store, stream, linkingFold);
  const providers = await loadProvidersInOrganization(
    store,
    organizationId,
    state.links.map((link) => link.providerId),
  );
  const executed = await execute(store, {
    stream,
    fold: linkingFold,
    decide: (current) =>
      decideUnlinkExternalIdentity(current, {
        claimId,
        commandId: context.commandId,
        organizationId,
        isUsable: (providerId) => isUsable(providers.get(providerId)),
        unlinkAllowed: (providerId) => providers.get(providerId)?.policy.unlinkAllowed === true,
      }),
    context,
    subject: userId,
  });
  if (executed.outcome.kind === 'unlinked') {
    await dependencies.endSessionsOfClaim(userId, claimId, context);
    await new Claims(dependencies).release(executed.outcome.identityKey, claimId, context);
  }
  return executed;
};
