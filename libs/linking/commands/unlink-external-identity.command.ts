import { Command } from '@nestjs/cqrs';
import type { CommandContext } from '#libs/event-store/event-metadata.js';
import type { UnlinkOutcome } from '../decide.js';

/** The outcome, and the commit position that a read model has to reach to show it. */
export interface UnlinkResult {
  readonly outcome: UnlinkOutcome;
  readonly position: bigint;
}

/** A person gives up an external identity, after a recent re-authentication; or an administrator takes it away. */
export class UnlinkExternalIdentity extends Command<UnlinkResult> {
  constructor(
    readonly userId: string,
    readonly organizationId: string,
    readonly claimId: string,
    readonly context: CommandContext,
    /** An administrator's: the last way in does not stand against it (invariant 2). */
    readonly force = false,
    /** An administrator's: the policy for people does not stand against it. */
    readonly byAdministrator = force,
  ) {
    super();
  }
}
