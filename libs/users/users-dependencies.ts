import type { CommandContext } from '#libs/event-store/event-metadata.js';
import type { Executed } from '#libs/event-store/command-execution.js';
import type { AssuranceRules } from './assurance.js';
import type { CreateUserDependencies } from './create-user.js';
import type { AccountOutcome } from './decide.js';
import type { MailTokens } from './mail-tokens.postgres.js';
import type { Passwords } from './passwords.js';
import type { UserStreamEvent } from './state.js';

/** What the account commands need from outside. Injected into their handlers under this token. */
export const USERS_DEPENDENCIES = Symbol('UsersDependencies');

export interface UsersDependencies extends CreateUserDependencies {
  readonly passwords: Passwords;
  readonly mailTokens: MailTokens;
  /** What an organization allows now. */
  readonly rules: (organizationId: string) => Promise<AssuranceRules>;
  /** Ends the sessions and grants that these events of a user take away, before a command answers (invariant 7). */
  readonly carryOutRevocations: (
    userId: string,
    executed: Pick<Executed<unknown, UserStreamEvent>, 'stored' | 'revision'>,
    context: CommandContext,
  ) => Promise<void>;
  /** Destroys the key of a user's personal data for ever; a tombstone stays (domain.md, "Privacy"). */
  readonly destroyKey: (userId: string) => Promise<void>;
  /** Removes what processes keep of a user beside the streams: sessions, grants, one-shot rows. */
  readonly purge: (userId: string) => Promise<void>;
}

/** The answer of a command on an account, and the commit position that a read model has to reach to show it. */
export interface AccountResult {
  readonly outcome: AccountOutcome;
  readonly position: bigint;
}
