import type { CommandContext } from '#libs/event-store/event-metadata.js';
import type { EventStore } from '#libs/event-store/event-store.js';
import type { NewId } from '#libs/platform/ids.js';
import type { SignInDependencies } from '#libs/sign-in/sign-in-dependencies.js';

/** What the account pages need from outside. Injected under this token. */
export const ACCOUNT_DEPENDENCIES = Symbol('AccountDependencies');

export interface AccountDependencies extends Pick<
  SignInDependencies,
  | 'issuer'
  | 'clock'
  | 'interactions'
  | 'external'
  | 'sessions'
  | 'reauthentications'
  | 'csrf'
  | 'cookies'
  | 'logger'
  | 'passwords'
  | 'throttles'
  | 'accountMail'
  | 'continuations'
> {
  readonly store: EventStore;
  readonly newId: NewId;
  readonly readModels: AccountReadModels;
  readonly apps: AccountApps;
}

/** An app with access to the account. */
export interface AppOfUser {
  readonly clientId: string;
  readonly displayName: string;
  readonly since: Date;
  /** Also while the person is not signed in. */
  readonly offline: boolean;
}

export interface AccountApps {
  ofUser(userId: string): Promise<readonly AppOfUser[]>;
  /** Takes an app's access away, its event first. */
  revoke(userId: string, clientId: string, context: CommandContext): Promise<void>;
}

/** The read models behind the pages; each answer waits, within bounds, until it shows `atLeast`. */
export interface AccountReadModels {
  profile(
    userId: string,
    atLeast: bigint,
  ): Promise<{ readonly displayName: string | null; readonly email: string | null } | undefined>;
  links(userId: string, atLeast: bigint): Promise<readonly LinkedIdentity[]>;
}

export interface LinkedIdentity {
  readonly claimId: string;
  readonly providerId: string;
  readonly nameAtProvider: string | null;
  readonly linkedAt: Date;
  readonly lastUsedAt: Date | null;
}
