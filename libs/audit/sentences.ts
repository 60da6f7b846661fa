import type { DomainEvent } from '#libs/event-store/event-definition.js';
import type { AccountEvent } from '#libs/accounts/events.js';
import type { LinkEvent } from '#libs/linking/events.js';
import type { ActivityEvent } from '#libs/sign-in/events.js';
import { LANGUAGES } from '#libs/web/messages.js';
import type { Translate } from '#libs/web/messages.js';
import { ENDINGS, HISTORY_TEXTS as texts, ORIGINS } from './texts.js';

type HistoryEvent = AccountEvent | LinkEvent | ActivityEvent;

/** How to say it. */
export interface Wording {
  readonly t: Translate;
  /** What a provider is called. */
  readonly providerName: (providerId: string) => string;
}

const PROOFS = { mail_loop: texts.byMail, provider: texts.byProvider } as const;

const SENTENCES: {
  readonly [Type in HistoryEvent['type']]: (data: Extract<HistoryEvent, { type: Type }>['data'], wording: Wording) => string;
} = {
  UserProvisioned: ({ providerId }, { t, providerName }) => t(texts.userProvisioned, { provider: providerName(providerId) }),
  UserRegistered: (_, { t }) => t(texts.userRegistered),
  ProfileUpdated: ({ providerId }, { t, providerName }) =>
    providerId ? t(texts.profileUpdatedBy, { provider: providerName(providerId) }) : t(texts.nameChanged),
  UsernameChanged: ({ username }, { t }) => t(texts.usernameChanged, { username: username ?? t(texts.erased) }),
  EmailAdded: ({ address }, { t }) => t(texts.emailAdded, { address: address ?? t(texts.erased) }),
  EmailVerified: ({ address, proof }, { t }) =>
    t(texts.emailVerified, { address: address ?? t(texts.erased), proof: t(PROOFS[proof.method]) }),
  EmailChanged: ({ address, proof }, { t }) =>
    t(texts.emailChanged, { address: address ?? t(texts.erased), proof: t(PROOFS[proof.method]) }),
  PasswordSet: (_, { t }) => t(texts.passwordSet),
  PasswordRehashed: (_, { t }) => t(texts.passwordRehashed),
  PasswordRemoved: (_, { t }) => t(texts.passwordRemoved),
  AccountRecovered: (_, { t }) => t(texts.accountRecovered),
  RoleGranted: ({ role }, { t }) => t(texts.roleGranted, { role }),
  RoleRevoked: ({ role }, { t }) => t(texts.roleRevoked, { role }),
  UserDeactivated: (_, { t }) => t(texts.userDeactivated),
  UserReactivated: (_, { t }) => t(texts.userReactivated),
  ErasureStarted: (_, { t }) => t(texts.erasureStarted),
  UserErased: (_, { t }) => t(texts.userErased),
  ExternalIdentityLinked: ({ providerId, nameAtProvider, provenance }, { t, providerName }) => {
    const how = { provider: providerName(providerId), origin: t(ORIGINS[provenance.origin]) };
    return nameAtProvider ? t(texts.identityLinked, { ...how, name: nameAtProvider }) : t(texts.identityLinkedUnnamed, how);
  },
  ExternalIdentityUnlinked: ({ providerId }, { t, providerName }) => t(texts.identityUnlinked, { provider: providerName(providerId) }),
  ClaimAbandoned: (_, { t }) => t(texts.claimAbandoned),
  LoginSucceeded: ({ providerId }, { t, providerName }) =>
    providerId ? t(texts.signedInThrough, { provider: providerName(providerId) }) : t(texts.signedInByPassword),
  SessionStarted: (_, { t }) => t(texts.sessionStarted),
  SessionEnded: ({ reason }, { t }) => t(texts.sessionEnded, { reason: t(ENDINGS[reason]) }),
};

/** What the API and the command line say: English, and providers by their ids. */
const PLAIN: Wording = { t: LANGUAGES.en.t, providerName: (providerId) => providerId };

/** What happened, in words, for people who do not read event types. */
export const sentenceFor = (event: DomainEvent, wording: Wording = PLAIN): string => {
  const sentence = (SENTENCES as Readonly<Record<string, (data: object, wording: Wording) => string>>)[event.type];
  return sentence ? sentence(event.data, wording) : event.type;
};
