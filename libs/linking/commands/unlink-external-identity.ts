import { accountFold } from '#libs/users/state.js';
import type { UserStreamEvent } from '#libs/users/state.js';
import { userStream } from '#libs/users/streams.js';
import { claimableExternalIdentity } from '#libs/users/claims/claimable.js';
import { Claims } from '#libs/users/claims/claims.js';
import { execute } from '#libs/event-store/command-execution.js';
import type { Executed } from '#libs/event-store/command-execution.js';
import type { CommandContext } from '#libs/event-store/event-metadata.js';
import { decideUnlinkExternalIdentity } from '../decide.js';
import { loadWaysIn } from '../queries/providers-in-organization.js';
import { externalIdentityStream } from '#libs/users/external-identity-stream.js';
import type { UnlinkExternalIdentity, UnlinkResult } from './unlink-external-identity.command.js';
import type { LinkingDependencies } from './linking-dependencies.js';

/** Ends the sessions and grants that these events of a user take away, pending sessions included. */
export type CarryOutRevocations = (
  userId: string,
  executed: Pick<Executed<unknown, UserStreamEvent>, 'stored' | 'revision'>,
  context: CommandContext,
) => Promise<void>;

/**
 * Stores the unlink, then ends what was obtained through the identity, before it answers (invariant 7, L20); the claim
 * is released last, and by the next person who meets it, or the process manager, when this process dies before.
 */
export const unlinkExternalIdentity = async (
  dependencies: LinkingDependencies & { readonly carryOutRevocations: CarryOutRevocations },
  { userId, organizationId, claimId, context, force, byAdministrator }: UnlinkExternalIdentity,
): Promise<UnlinkResult> => {
  const { store } = dependencies;
  const stream = userStream(userId);
  const { provider, rules } = await loadWaysIn(store, organizationId);
  const executed = await execute(store, {
    stream,
    fold: accountFold,
    decide: (current) =>
      decideUnlinkExternalIdentity(current, {
        ...rules,
        claimId,
        commandId: context.commandId,
        bodyHash: context.bodyHash,
        organizationId,
        unlinkAllowed: (providerId) => byAdministrator || provider(providerId).policy.unlinkAllowed,
        force,
      }),
    context,
    subject: userId,
  });
  if (executed.outcome.kind === 'unlinked') {
    await dependencies.carryOutRevocations(userId, executed, context);
    await new Claims(dependencies).release(
      claimableExternalIdentity(externalIdentityStream(executed.outcome.identityKey)),
      claimId,
      context,
    );
  }
  return executed;
};
