import { Claims } from '../claims/claims.js';
import { heldBy } from '../claims/held-by.js';
import type { CommandContext } from '#libs/event-store/event-metadata.js';
import type { AccountResult, UsersDependencies } from '../users-dependencies.js';
import { decideFinishErasure, decideStartErasure } from '../decide.js';
import { executeOnAccount } from '../execute-on-account.js';
import { loadAccount } from '../queries/load-account.js';
import type { EraseUser } from './account.command.js';

export const eraseUser = async (
  dependencies: UsersDependencies,
  { target, context }: EraseUser,
): Promise<AccountResult> => {
  const started = await executeOnAccount(dependencies.store, {
    ...target,
    context,
    decide: decideStartErasure,
    onlyActive: false,
  });
  await dependencies.carryOutRevocations(target.userId, started, context);
  if (started.outcome.kind === 'done') await finishErasure(dependencies, target.userId, context);
  return started;
};

/**
 * Everything after `ErasureStarted`: release what the account held, destroy its key, say so, and purge what processes
 * keep of it. Each step is idempotent, and the next process that calls this goes on wherever the last one died
 * (domain.md, "Erasure").
 */
export const finishErasure = async (
  dependencies: Omit<UsersDependencies, 'passwords' | 'mailTokens' | 'rules' | 'carryOutRevocations' | 'indexKeys'>,
  userId: string,
  from: CommandContext,
): Promise<void> => {
  const { store, newId } = dependencies;
  const { state } = await loadAccount(store, userId);
  if (state.status !== 'erasing' && state.status !== 'erased') return;
  // Nothing about where the command came from is stored with these: the person's key is about to be gone.
  const context: CommandContext = {
    commandId: newId(),
    correlationId: from.correlationId,
    causationId: from.commandId,
    actor: { type: 'system', id: 'erasure' },
    ...(state.organizationId === undefined ? {} : { organizationId: state.organizationId }),
  };
  const claims = new Claims(dependencies);
  for (const { thing, claimId } of heldBy(state)) await claims.release(thing, claimId, context);
  await dependencies.destroyKey(userId);
  if (state.organizationId !== undefined) {
    const { organizationId } = state;
    await executeOnAccount(store, { userId, organizationId, context, decide: decideFinishErasure, onlyActive: false });
  }
  await dependencies.purge(userId);
};
