import { Command } from '@nestjs/cqrs';
import type { CommandContext } from '#libs/event-store/event-metadata.js';
import type { AccountResult } from '../users-dependencies.js';
import type { Role } from '../events.js';
import type { SessionOfAccount } from '../state.js';

/** Whom a command is about, in which organization's context; a user of another one is not found (invariant 11). */
export interface AccountTarget {
  readonly userId: string;
  readonly organizationId: string;
  /** The session that the person gives it in: what took that away meanwhile wins. */
  readonly inSession?: SessionOfAccount | undefined;
}

/**
 * A command on a user's account. The caller has seen what the command needs: a recent re-authentication, or an
 * administrator.
 */
abstract class AccountCommand extends Command<AccountResult> {
  constructor(
    readonly target: AccountTarget,
    readonly context: CommandContext,
  ) {
    super();
  }
}

export class ChangeUsername extends AccountCommand {
  constructor(
    target: AccountTarget,
    readonly username: { readonly username: string; readonly canonical: string },
    context: CommandContext,
  ) {
    super(target, context);
  }
}

export class ChangeDisplayName extends AccountCommand {
  constructor(
    target: AccountTarget,
    readonly displayName: string,
    context: CommandContext,
  ) {
    super(target, context);
  }
}

/** Puts an address on the account that has to be verified before it means anything. */
export class AddEmail extends AccountCommand {
  constructor(
    target: AccountTarget,
    readonly email: { readonly emailId: string; readonly address: string },
    context: CommandContext,
  ) {
    super(target, context);
  }
}

/** The mail to this address came back, in a session of the account. */
export class VerifyEmail extends AccountCommand {
  constructor(
    target: AccountTarget,
    readonly emailId: string,
    context: CommandContext,
  ) {
    super(target, context);
  }
}

export class SetPassword extends AccountCommand {
  constructor(
    target: AccountTarget,
    readonly password: string,
    /** The session that the change is made in, which stays. */
    readonly keptSessionId: string | undefined,
    context: CommandContext,
  ) {
    super(target, context);
  }
}

export class RemovePassword extends AccountCommand {
  constructor(
    target: AccountTarget,
    readonly keptSessionId: string | undefined,
    context: CommandContext,
  ) {
    super(target, context);
  }
}

/** The mail to the verified address came back: a new password, and nothing else of before (L2–L4, L32). */
export class RecoverAccount extends AccountCommand {
  constructor(
    target: AccountTarget,
    readonly emailId: string,
    readonly password: string,
    context: CommandContext,
  ) {
    super(target, context);
  }
}

/** The owner has looked at what a recovery put on hold: every sign-in method of those is kept or removed (L32). */
export class ReviewSignInMethods extends AccountCommand {
  constructor(
    target: AccountTarget,
    /** Claim ids. */
    readonly answers: { readonly kept: readonly string[]; readonly removed: readonly string[] },
    context: CommandContext,
  ) {
    super(target, context);
  }
}

export class DeactivateUser extends AccountCommand {}
export class ReactivateUser extends AccountCommand {}
/** Begins an erasure and carries it out as far as this process lives; the process manager finishes it. */
export class EraseUser extends AccountCommand {}

export class GrantRole extends AccountCommand {
  constructor(
    target: AccountTarget,
    readonly role: Role,
    context: CommandContext,
  ) {
    super(target, context);
  }
}

export class RevokeRole extends AccountCommand {
  constructor(
    target: AccountTarget,
    readonly role: Role,
    context: CommandContext,
  ) {
    super(target, context);
  }
}
