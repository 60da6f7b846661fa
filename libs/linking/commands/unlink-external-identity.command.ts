import { Command } from '@nestjs/cqrs';
import type { CommandContext } from '#libs/event-store/event-metadata.js';
import type { UnlinkOutcome } from '../decide.js';

/** The outcome, and the commit position that a read model has to reach to show it. */
export interface UnlinkResult {
  readonly outcome: UnlinkOutcome;
  readonly position: bigint;
}

/** A person gives up an external identity. The caller has seen a recent re-authentication. */
export class UnlinkExternalIdentity extends Command<UnlinkResult> {
  constructor(
    readonly userId: string,
    readonly organizationId: string,
    readonly claimId: string,
    readonly context: CommandContext,
  ) {
    super();
  }
}
