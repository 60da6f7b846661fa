import type { EventStore } from '#libs/event-store/event-store.js';
import type { IdentityProviderSettings } from '#libs/identity-providers/settings.js';
import type { Clock } from '#libs/platform/clock.js';
import type { NewId } from '#libs/platform/ids.js';
import type { Logger } from '#libs/platform/logger.js';
import type { MailTokens } from '#libs/accounts/mail-tokens.postgres.js';
import type { AccountMail } from '#libs/accounts/account-mail.js';
import type { Passwords } from '#libs/accounts/passwords.js';
import type { IndexKeys } from '#libs/privacy/index-key.js';
import type { Throttles } from '#libs/throttling/throttles.js';
import type { CookiePolicy } from '#libs/web/cookies.js';
import type { CsrfTokens } from '#libs/web/csrf.js';
import type { SignInAttempts } from './attempts.js';
import type { BrowserSessions } from './browser-sessions.js';
import type { ExternalSignIn, PostedResponses } from './external-sign-in.js';
import type { SignInInteractions } from './interactions.js';
import type { PendingLinks } from './pending-links.postgres.js';
import type { Reauthentications } from './reauthentications.postgres.js';

/** What the sign-in pages and callbacks need from outside. Injected under this token. */
export const SIGN_IN_DEPENDENCIES = Symbol('SignInDependencies');

export interface SignInDependencies {
  /** The public base URL, without a slash at its end. */
  readonly issuer: string;
  readonly store: EventStore;
  readonly external: ExternalSignIn;
  readonly postedResponses: PostedResponses;
  readonly interactions: SignInInteractions;
  readonly sessions: BrowserSessions;
  readonly reauthentications: Reauthentications;
  readonly attempts: SignInAttempts;
  readonly pendingLinks: PendingLinks;
  readonly passwords: Passwords;
  readonly throttles: Throttles;
  readonly indexKeys: IndexKeys;
  readonly accountMail: AccountMail;
  readonly mailTokens: MailTokens;
  readonly csrf: CsrfTokens;
  readonly cookies: CookiePolicy;
  readonly clock: Clock;
  readonly newId: NewId;
  readonly logger: Logger;
}

/**
 * The sign-in page, for a relying party's interaction or (without one) for the account pages.
 * @param options.choose show the ways in, also when there is only one
 */
export const signInPath = (interactionUid?: string, options: { readonly choose?: boolean } = {}): string =>
  `/sign-in${interactionUid === undefined ? '' : `/${interactionUid}`}${options.choose ? '?choose' : ''}`;

/** One address per provider, so that a response cannot be taken for another provider's (security row O5): redirect URI, assertion consumer service. */
export const callbackUrl = (issuer: string, { id, kind }: Pick<IdentityProviderSettings, 'id' | 'kind'>): string =>
  `${issuer}/providers/${id}/${kind === 'saml' ? 'acs' : 'callback'}`;

/** Where a person chooses what becomes of an identity that nobody owns. */
export const pendingLinkPath = (id: string): string => `/link-account/${id}`;

/** Where a person creates an account by hand; for a relying party's interaction or (without one) for the account pages. */
export const registrationPath = (interactionUid?: string): string => `/register${interactionUid === undefined ? '' : `/${interactionUid}`}`;
