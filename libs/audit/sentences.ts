import type { AccountEvent } from '#libs/users/events.js';
import type { DomainEvent } from '#libs/event-store/event-definition.js';
import type { IdentityProviderEvent } from '#libs/identity-providers/events.js';
import type { LinkEvent } from '#libs/users/link-events.js';
import type { GrantEvent } from '#libs/openid-provider/events.js';
import type { OrganizationEvent } from '#libs/organizations/events.js';
import type { RelyingPartyEvent } from '#libs/relying-parties/events.js';
import type { ActivityEvent, AttemptEvent } from '#libs/sign-in/events.js';
import { LANGUAGES } from '#libs/web/messages.js';
import type { Translate } from '#libs/web/messages.js';
import { messageFor } from '#libs/web/messages.js';
import type { AuditEvent } from '#libs/audit-access/events.js';
import { ACCESSES, ENDINGS, FAILURES, GRANTS, HISTORY_TEXTS as texts, ORIGINS, TOKEN_ENDINGS } from './texts.js';

/** Everything that a history can show; an event without a sentence does not compile. */
type HistoryEvent =
  | AccountEvent
  | LinkEvent
  | ActivityEvent
  | GrantEvent
  | AttemptEvent
  | OrganizationEvent
  | IdentityProviderEvent
  | RelyingPartyEvent
  | AuditEvent;

/** How to say it. */
export interface Wording {
  readonly t: Translate;
  /** What a provider is called. */
  readonly providerName: (providerId: string) => string;
}

const PROOFS = { mail_loop: texts.byMail, provider: texts.byProvider } as const;

const SENTENCES: {
  readonly [Type in HistoryEvent['type']]: (
    data: Extract<HistoryEvent, { type: Type }>['data'],
    wording: Wording,
  ) => string;
} = {
  UserProvisioned: ({ providerId }, { t, providerName }) =>
    t(texts.userProvisioned, { provider: providerName(providerId) }),
  UserRegistered: (_, { t }) => t(texts.userRegistered),
  ProfileUpdated: ({ providerId }, { t, providerName }) =>
    providerId ? t(texts.profileUpdatedBy, { provider: providerName(providerId) }) : t(texts.nameChanged),
  UsernameChanged: ({ username = '', givenBy = { by: 'self' } }, { t, providerName }) => {
    switch (givenBy.by) {
      case 'provider':
        return t(texts.usernameGivenByProvider, { username, provider: providerName(givenBy.providerId) });
      case 'administrator':
        return t(texts.usernameGivenByAdministrator, { username });
      case 'self':
        return t(texts.usernameChanged, { username });
    }
  },
  EmailAdded: ({ address }, { t }) => t(texts.emailAdded, { address: address ?? '' }),
  EmailVerified: ({ address, proof }, { t }) =>
    t(texts.emailVerified, { address: address ?? '', proof: t(PROOFS[proof.method]) }),
  EmailChanged: ({ address, proof }, { t }) =>
    t(texts.emailChanged, { address: address ?? '', proof: t(PROOFS[proof.method]) }),
  PasswordSet: (_, { t }) => t(texts.passwordSet),
  PasswordRehashed: (_, { t }) => t(texts.passwordRehashed),
  PasswordRemoved: (_, { t }) => t(texts.passwordRemoved),
  AccountRecovered: ({ onHold = [] }, { t }) =>
    onHold.length === 0
      ? t(texts.accountRecovered)
      : t(texts.accountRecoveredWithMethodsOnHold, { count: String(onHold.length) }),
  SignInMethodsReviewed: ({ kept, removed }, { t }) =>
    t(texts.signInMethodsReviewed, { kept: String(kept.length), removed: String(removed.length) }),
  RoleGranted: ({ role }, { t }) => t(texts.roleGranted, { role }),
  RoleRevoked: ({ role }, { t }) => t(texts.roleRevoked, { role }),
  UserDeactivated: (_, { t }) => t(texts.userDeactivated),
  UserReactivated: (_, { t }) => t(texts.userReactivated),
  ErasureStarted: (_, { t }) => t(texts.erasureStarted),
  UserErased: (_, { t }) => t(texts.userErased),
  ExternalIdentityLinked: ({ providerId, nameAtProvider, provenance }, { t, providerName }) => {
    const how = { provider: providerName(providerId), origin: t(ORIGINS[provenance.origin]) };
    return nameAtProvider
      ? t(texts.identityLinked, { ...how, name: nameAtProvider })
      : t(texts.identityLinkedUnnamed, how);
  },
  ExternalIdentityUnlinked: ({ providerId }, { t, providerName }) =>
    t(texts.identityUnlinked, { provider: providerName(providerId) }),
  ClaimAbandoned: (_, { t }) => t(texts.claimAbandoned),
  LoginSucceeded: ({ providerId }, { t, providerName }) =>
    providerId ? t(texts.signedInThrough, { provider: providerName(providerId) }) : t(texts.signedInByPassword),
  SessionStarted: (_, { t }) => t(texts.sessionStarted),
  SessionRenewed: (_, { t }) => t(texts.sessionRenewed),
  SessionEnded: ({ reason }, { t }) => t(texts.sessionEnded, { reason: t(ENDINGS[reason]) }),
  ConsentGranted: ({ clientId }, { t }) => t(texts.consentGranted, { app: clientId }),
  ConsentRevoked: ({ clientId }, { t }) => t(texts.consentRevoked, { app: clientId }),
  TokensIssued: ({ clientId, grantType }, { t }) => t(texts.tokensIssued, { app: clientId, how: t(GRANTS[grantType]) }),
  TokensRevoked: ({ clientId, reason }, { t }) =>
    t(texts.tokensRevoked, { app: clientId, reason: t(TOKEN_ENDINGS[reason]) }),
  RefreshTokenReuseDetected: ({ clientId }, { t }) => t(texts.refreshTokenReuse, { app: clientId }),
  LoginFailed: ({ code, providerId }, { t, providerName }) => {
    const known = messageFor(FAILURES, code);
    const reason = known ? t(known) : code;
    return providerId
      ? t(texts.refusedThrough, { provider: providerName(providerId), reason })
      : t(texts.refusedByPassword, { reason });
  },
  LinkOffered: ({ providerId }, { t, providerName }) => t(texts.linkOffered, { provider: providerName(providerId) }),
  LinkDeclined: ({ providerId }, { t, providerName }) => t(texts.linkDeclined, { provider: providerName(providerId) }),
  OrganizationCreated: ({ displayName }, { t }) => t(texts.organizationCreated, { name: displayName }),
  OrganizationRenamed: ({ displayName }, { t }) => t(texts.organizationRenamed, { name: displayName }),
  BrandingChanged: (_, { t }) => t(texts.brandingChanged),
  LoginPolicyChanged: (_, { t }) => t(texts.loginPolicyChanged),
  IdentityProviderOffered: ({ providerId }, { t, providerName }) =>
    t(texts.providerOffered, { provider: providerName(providerId) }),
  IdentityProviderWithdrawn: ({ providerId }, { t, providerName }) =>
    t(texts.providerWithdrawn, { provider: providerName(providerId) }),
  RestrictionAnnounced: (_, { t }) => t(texts.restrictionAnnounced),
  RestrictionCancelled: (_, { t }) => t(texts.restrictionCancelled),
  RestrictionCommitted: ({ peopleWithoutWayIn }, { t }) =>
    t(texts.restrictionCommitted, { people: String(peopleWithoutWayIn) }),
  IdentityProviderConfigured: ({ settings }, { t }) => t(texts.providerConfigured, { provider: settings.displayName }),
  IdentityProviderDeactivated: (_, { t }) => t(texts.providerDeactivated),
  IdentityProviderActivated: (_, { t }) => t(texts.providerActivated),
  IdentityProviderRemovalAnnounced: (_, { t }) => t(texts.providerRemovalAnnounced),
  IdentityProviderRemovalCancelled: (_, { t }) => t(texts.providerRemovalCancelled),
  IdentityProviderRemoved: (_, { t }) => t(texts.providerRemoved),
  RelyingPartyConfigured: ({ displayName }, { t }) => t(texts.appConfigured, { app: displayName }),
  HistoryAccessed: ({ access, userId }, { t }) => {
    if (access === 'look_up')
      return userId === undefined ? t(texts.nobodyLookedUp) : t(texts.userLookedUp, { user: userId });
    return t(ACCESSES[access], {
      whose: userId === undefined ? t(texts.ofTheOrganization) : t(texts.ofUser, { user: userId }),
    });
  },
};

/** What the API and the command line say: English, and providers by their ids. */
const PLAIN: Wording = { t: LANGUAGES.en.t, providerName: (providerId) => providerId };

/**
 * What happened, in words, for people who do not read event types.
 * @param erased fields that cannot be read any more; the sentence says so in their places
 */
export const sentenceFor = (
  { type, data }: DomainEvent,
  erased: readonly string[],
  wording: Wording = PLAIN,
): string => {
  const sentence = (SENTENCES as Readonly<Record<string, (data: object, wording: Wording) => string>>)[type];
  const marks = Object.fromEntries(erased.map((field) => [field, wording.t(texts.erased)]));
  return sentence ? sentence({ ...data, ...marks }, wording) : type;
};
