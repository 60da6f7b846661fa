import { execute } from '#libs/event-store/command-execution.js';
import type { Executed } from '#libs/event-store/command-execution.js';
import type { CommandContext } from '#libs/event-store/event-metadata.js';
import type { EventStore } from '#libs/event-store/event-store.js';
import { refused } from './decide.js';
import type { AccountDecision, AccountOutcome } from './decide.js';
import { accountFold, isTakenAway } from './state.js';
import type { Account, SessionOfAccount, UserStreamEvent } from './state.js';
import { userStream } from './streams.js';

export interface AccountExecution {
  readonly userId: string;
  /** The organization that the command runs in; a user of another one is not found (invariant 11). */
  readonly organizationId: string;
  readonly context: CommandContext;
  readonly decide: (account: Account) => AccountDecision;
  /** Commands of the person themselves need an active account; those of an administrator do not. */
  readonly onlyActive?: boolean;
  /** The session that the command is given in; none for an administrator's. */
  readonly inSession?: SessionOfAccount | undefined;
}

/**
 * Runs a command on a user's account. A command whose id the stream shows already answers what was decided then; the
 * same id with another body is refused (domain.md, "Ids").
 */
export const executeOnAccount = (
  store: EventStore,
  { userId, organizationId, context, decide, onlyActive = true, inSession }: AccountExecution,
): Promise<Executed<AccountOutcome, UserStreamEvent>> =>
  execute(store, {
    stream: userStream(userId),
    fold: accountFold,
    decide: (account) => {
      if (account.organizationId !== organizationId) return refused('user_not_found');
      const earlier = account.commands.get(context.commandId);
      if (earlier)
        return earlier.bodyHash === context.bodyHash
          ? { events: [], outcome: { kind: 'done' } }
          : refused('idempotency_key_reused');
      if (onlyActive && account.status !== 'active') return refused('account_not_active');
      if (inSession && isTakenAway(account, inSession)) return refused('session_ended');
      return decide(account);
    },
    context,
    subject: userId,
  });
