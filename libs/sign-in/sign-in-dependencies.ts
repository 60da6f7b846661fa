import type { EventStore } from '#libs/event-store/event-store.js';
import type { IdentityProviderSettings } from '#libs/identity-providers/settings.js';
import { DEFAULT_ORGANIZATION } from '#libs/organizations/queries/default-organization.js';
import type { Clock } from '#libs/platform/clock.js';
import type { NewId } from '#libs/platform/ids.js';
import type { Logger } from '#libs/platform/logger.js';
import type { MailTokens } from '#libs/users/mail-tokens.postgres.js';
import type { PendingAddresses } from '#libs/users/pending-addresses.postgres.js';
import type { AccountMail } from '#libs/users/account-mail.js';
import type { Passwords } from '#libs/users/passwords.js';
import type { IndexKeys } from '#libs/privacy/index-key.js';
import type { Throttles } from '#libs/throttling/throttles.js';
import type { CookiePolicy } from '#libs/web/cookies.js';
import type { CsrfTokens } from '#libs/web/csrf.js';
import type { SignInAttempts } from './attempts.js';
import type { BrowserSessions } from './browser-sessions.js';
import type { Continuations } from './continuations.js';
import type { BackChannelLogouts, ExternalSignIn, PostedResponses, SamlServiceProvider } from './external-sign-in.js';
import type { SignInInteractions } from './interactions.js';
import type { OpenSessionDependencies } from './open-session.js';
import type { PendingLinks } from './pending-links.postgres.js';
import type { Reauthentications } from './reauthentications.postgres.js';
import type { SessionsAtProviders } from './sessions-at-providers.postgres.js';

/** What the sign-in pages and callbacks need from outside. Injected under this token. */
export const SIGN_IN_DEPENDENCIES = Symbol('SignInDependencies');

export interface SignInDependencies {
  /** The public base URL, without a slash at its end. */
  readonly issuer: string;
  readonly store: EventStore;
  readonly external: ExternalSignIn;
  /** Which providers answer. */
  readonly providerHealth: { isUnreachable(providerId: string): boolean };
  readonly postedResponses: PostedResponses;
  readonly saml: SamlServiceProvider;
  readonly backChannelLogouts: BackChannelLogouts;
  readonly interactions: SignInInteractions;
  readonly sessions: BrowserSessions;
  readonly sessionsAtProviders: SessionsAtProviders;
  readonly reauthentications: Reauthentications;
  readonly attempts: SignInAttempts;
  readonly pendingLinks: PendingLinks;
  readonly isDenied: OpenSessionDependencies['isDenied'];
  readonly passwords: Passwords;
  readonly throttles: Throttles;
  readonly indexKeys: IndexKeys;
  readonly accountMail: AccountMail;
  readonly mailTokens: MailTokens;
  readonly pendingAddresses: PendingAddresses;
  readonly csrf: CsrfTokens;
  readonly continuations: Continuations;
  readonly cookies: CookiePolicy;
  readonly clock: Clock;
  readonly newId: NewId;
  readonly logger: Logger;
}

/** Where the account pages of an organization are entered; the default organization's are at the root. */
export const entranceOf = (organizationId: string | undefined): string =>
  organizationId === undefined || organizationId === DEFAULT_ORGANIZATION ? '' : `/o/${organizationId}`;

/**
 * The sign-in page, for a relying party's interaction or (without one) for the account pages of an organization.
 * @param options.choose show the ways in, also when there is only one
 * @param options.organizationId whose account pages; the default organization's unless told
 */
export const signInPath = (
  interactionUid?: string,
  options: { readonly choose?: boolean; readonly organizationId?: string | undefined } = {},
): string => {
  const path =
    interactionUid === undefined ? `${entranceOf(options.organizationId)}/sign-in` : `/sign-in/${interactionUid}`;
  return `${path}${options.choose ? '?choose' : ''}`;
};

/**
 * One address per provider, so that a response cannot be taken for another provider's (security row O5): redirect URI,
 * assertion consumer service.
 */
export const callbackUrl = (issuer: string, { id, kind }: Pick<IdentityProviderSettings, 'id' | 'kind'>): string =>
  `${issuer}/providers/${id}/${kind === 'saml' ? 'acs' : 'callback'}`;

/** Where the owner of a recovered account looks at the sign-in methods that the recovery put on hold (L32). */
export const REVIEW_PATH = '/account/review';

/** Where a person chooses what becomes of an identity that nobody owns. */
export const pendingLinkPath = (id: string): string => `/link-account/${id}`;

/**
 * Where a person creates an account by hand; for a relying party's interaction or (without one) for the account pages.
 * An interaction's cookie goes to its sign-in page and what is below that.
 */
export const registrationPath = (interactionUid?: string, organizationId?: string): string =>
  interactionUid === undefined ? `${entranceOf(organizationId)}/register` : `/sign-in/${interactionUid}/register`;
