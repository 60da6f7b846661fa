import { Command } from '@nestjs/cqrs';
import type { ProvenCredential } from '#libs/users/assurance.js';
import type { AccountSeen } from '#libs/users/state.js';
import type { CommandContext } from '#libs/event-store/event-metadata.js';
import type { ProvenLinkRefusal } from '../decide.js';
import type { VerifiedAssertion } from '#libs/identity-providers/verified-assertion.js';

export type LinkProvenAccountResult =
  | { readonly kind: 'linked'; readonly userId: string; readonly claimId: string; readonly account: AccountSeen }
  | { readonly kind: 'refused'; readonly code: ProvenLinkRefusal };

/**
 * A first sign-in met a page (rows 3, 3′ and 5), and the person has proven control of an account there by its own
 * methods: link the identity to it. The assertion is the server-side record's, never the form's (L11).
 */
export class LinkProvenAccount extends Command<LinkProvenAccountResult> {
  constructor(
    readonly assertion: VerifiedAssertion,
    readonly organizationId: string,
    /** Whose control was proven just now. */
    readonly userId: string,
    /** … and by what. */
    readonly proven: ProvenCredential,
    /** Where the account stood then: a recovery or another password since takes the proof back. */
    readonly seen: AccountSeen,
    /** Whom the offer was made for; linking to them needs no permission to link by hand. */
    readonly candidateId: string | undefined,
    readonly context: CommandContext,
  ) {
    super();
  }
}
