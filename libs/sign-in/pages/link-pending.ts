import type { CommandBus } from '@nestjs/cqrs';
import type { Request } from 'express';
import type { ProvenCredential } from '#libs/users/assurance.js';
import type { AccountSeen } from '#libs/users/state.js';
import type { CommandContext } from '#libs/event-store/event-metadata.js';
import { LinkProvenAccount } from '#libs/linking/commands/link-proven-account.command.js';
import { browserIdOf } from '#libs/web/browser-binding.js';
import type { SignInDependencies } from '../sign-in-dependencies.js';

/**
 * Links the identity that waits under `pendingLinkId` to an account whose control was proven just now, in the same
 * browser. The record is used up by it, whatever comes of it. @returns why it was refused, or nothing
 */
export const linkPending = async (
  { pendingLinks, cookies }: SignInDependencies,
  commands: CommandBus,
  pendingLinkId: string,
  {
    userId,
    proven,
    account,
  }: { readonly userId: string; readonly proven: ProvenCredential; readonly account: AccountSeen },
  request: Request,
  context: CommandContext,
): Promise<string | undefined> => {
  const pending = await pendingLinks.consume(pendingLinkId, browserIdOf(request, cookies));
  if (!pending) return 'link_intent_invalid';
  const { assertion, organizationId, candidateId, identityKey } = pending;
  const result = await commands.execute(
    new LinkProvenAccount(assertion, organizationId, userId, proven, account, candidateId, context),
  );
  if (result.kind === 'refused') return result.code;
  await pendingLinks.discardOf(identityKey);
  return undefined;
};
