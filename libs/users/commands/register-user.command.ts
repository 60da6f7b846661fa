import { Command } from '@nestjs/cqrs';
import type { CommandContext } from '#libs/event-store/event-metadata.js';
import type { CreatedUser, NewUser } from '../create-user.js';

/** What a person gives to create an account by hand. Every value is checked for its form already. */
export interface Registration extends Pick<NewUser, 'organizationId' | 'email' | 'identity'> {
  readonly displayName: string | undefined;
  /** Chosen by the person themselves. */
  readonly username: { readonly username: string; readonly canonical: string } | undefined;
  readonly password: string | undefined;
}

export class RegisterUser extends Command<CreatedUser> {
  constructor(
    readonly registration: Registration,
    readonly context: CommandContext,
  ) {
    super();
  }
}
