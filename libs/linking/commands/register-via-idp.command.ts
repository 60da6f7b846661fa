import { Command } from '@nestjs/cqrs';
import type { AccountSeen } from '#libs/users/state.js';
import type { CommandContext } from '#libs/event-store/event-metadata.js';
import type { VerifiedAssertion } from '#libs/identity-providers/verified-assertion.js';

export type RegisterViaIdpResult =
  | {
      readonly kind: 'registered';
      readonly userId: string;
      readonly claimId: string;
      readonly account: AccountSeen;
      /** Set when the address still has to be verified by mail. */
      readonly unverifiedEmailId?: string;
    }
  | {
      readonly kind: 'refused';
      readonly code:
        | 'provider_not_allowed'
        | 'creation_not_allowed'
        | 'username_taken'
        | 'identity_already_linked_to_another_account';
    };

/** What the person filled in; each value's form was checked. */
export interface RegistrationForm {
  readonly displayName: string | undefined;
  readonly username: { readonly username: string; readonly canonical: string } | undefined;
  readonly email: { readonly address: string; readonly canonical: string; readonly domain: string } | undefined;
}

/**
 * A first sign-in met a page, and the person chose to create an account (row 5). The assertion is the server-side
 * record's (L11).
 */
export class RegisterViaIdp extends Command<RegisterViaIdpResult> {
  constructor(
    readonly assertion: VerifiedAssertion,
    readonly organizationId: string,
    readonly form: RegistrationForm,
    readonly context: CommandContext,
  ) {
    super();
  }
}
