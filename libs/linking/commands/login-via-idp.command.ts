import { Command } from '@nestjs/cqrs';
import type { AccountSeen } from '#libs/users/state.js';
import type { CommandContext } from '#libs/event-store/event-metadata.js';
import type { FlowFacts, LoginOutcome } from '../login-via-idp.js';
import type { VerifiedAssertion } from '#libs/identity-providers/verified-assertion.js';

/** A verified response of an external identity provider, with the flow that it answers. */
export class LoginViaIdp extends Command<LoginResult> {
  constructor(
    readonly assertion: VerifiedAssertion,
    /** From the one-shot row that the response's state names. */
    readonly flow: FlowFacts & { readonly organizationId: string },
    readonly context: CommandContext,
  ) {
    super();
  }
}

/** The outcome, carried out: what was to be provisioned or linked is stored. */
export interface LoginResult {
  readonly row: string;
  readonly policyRevision: string;
  readonly identityKey: string;
  /** Who owns the identity, whatever the outcome. */
  readonly ownerId?: string;
  /** Where the account stood of the user that the outcome names. */
  readonly account?: AccountSeen;
  readonly outcome:
    | Exclude<LoginOutcome, { kind: 'link' | 'link_automatically' | 'provision' }>
    | {
        readonly kind: 'linked' | 'linked_automatically' | 'provisioned';
        readonly userId: string;
        readonly claimId: string;
      };
}
