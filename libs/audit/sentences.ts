import type { AccountEvent } from '#libs/accounts/events.js';
import type { DomainEvent } from '#libs/event-store/event-definition.js';
import type { IdentityProviderEvent } from '#libs/identity-providers/events.js';
import type { LinkEvent } from '#libs/linking/events.js';
import type { OrganizationEvent } from '#libs/organizations/events.js';
import type { RelyingPartyEvent } from '#libs/relying-parties/events.js';
import type { ActivityEvent, AttemptEvent } from '#libs/sign-in/events.js';
import type { AuditEvent } from './events.js';

/** Everything that a history can show; an event without a sentence does not compile. */
type HistoryEvent =
  AccountEvent | LinkEvent | ActivityEvent | AttemptEvent | OrganizationEvent | IdentityProviderEvent | RelyingPartyEvent | AuditEvent;

const ORIGINS = {
  self_service: 'by the person',
  just_in_time: 'at the first sign-in',
  automatic_by_email: 'automatically, by e-mail',
  automatic_by_username: 'automatically, by username',
  admin: 'by an administrator',
  import: 'by an import',
} as const;

const ENDINGS = {
  signed_out: 'the person signed out',
  ended_by_user: 'the person ended it from another session',
  replaced: 'a new sign-in in the same browser replaced it',
  identity_unlinked: 'the identity that opened it was unlinked',
  password_changed: 'the password was changed',
  account_recovered: 'the account was recovered',
  account_deactivated: 'the account was deactivated',
  account_erased: 'the account was erased',
  refused_after_revocation: 'the account or the link was taken away during the sign-in',
} as const;

const FAILURES: Readonly<Record<string, string>> = {
  credentials_invalid: 'the password did not fit, or the account may not sign in',
  account_not_found: 'no account could be signed in to',
  provider_not_allowed: 'the provider was not allowed',
  identity_already_linked_to_another_account: 'somebody tried to link it to another account',
  linking_not_allowed: 'linking was not allowed',
  link_intent_invalid: 'the link had not been asked for in this browser just before',
  proof_failed: 'it did not prove what it had to prove',
};

const ACCESSES: Readonly<Record<AuditEvent['data']['access'], string>> = {
  history: 'was read',
  export: 'was exported',
  follow: 'was followed',
  as_of: 'was looked at as of a moment',
  difference: 'was compared between two moments',
};

const PROOFS = { mail_loop: 'by a mail', provider: 'by an identity provider' } as const;

const SENTENCES: { readonly [Type in HistoryEvent['type']]: (data: Extract<HistoryEvent, { type: Type }>['data']) => string } = {
  UserProvisioned: ({ providerId }) => `The account was created at the first sign-in through ${providerId}`,
  UserRegistered: () => 'The account was created by hand',
  ProfileUpdated: ({ providerId }) => (providerId ? `The profile was brought up to date by ${providerId}` : 'The name was changed'),
  UsernameChanged: ({ username }) => `The username became ${username}`,
  EmailAdded: ({ address }) => `The address ${address} was added, not verified yet`,
  EmailVerified: ({ address, proof }) => `The address ${address} was verified ${PROOFS[proof.method]}`,
  EmailChanged: ({ address, proof }) => `The verified address became ${address}, verified ${PROOFS[proof.method]}`,
  PasswordSet: () => 'A password was set',
  PasswordRemoved: () => 'The password was removed',
  AccountRecovered: () => 'The account was recovered by its verified e-mail address',
  RoleGranted: ({ role }) => `The role ${role} was granted`,
  RoleRevoked: ({ role }) => `The role ${role} was revoked`,
  UserDeactivated: () => 'The account was deactivated',
  UserReactivated: () => 'The account was activated again',
  ErasureStarted: () => 'The erasure of the account began',
  UserErased: () => 'The account was erased',
  ExternalIdentityLinked: ({ providerId, nameAtProvider, provenance }) =>
    `The ${providerId} identity${nameAtProvider ? ` ${nameAtProvider}` : ''} was linked ${ORIGINS[provenance.origin]}`,
  ExternalIdentityUnlinked: ({ providerId }) => `A ${providerId} identity was unlinked`,
  ClaimAbandoned: () => 'A link that was begun was never completed and has been given up',
  LoginSucceeded: ({ providerId }) => (providerId ? `Signed in through ${providerId}` : 'Signed in with the password'),
  SessionStarted: () => 'A session began',
  SessionEnded: ({ reason }) => `A session ended: ${ENDINGS[reason]}`,
  LoginFailed: ({ code, providerId }) =>
    `A sign-in ${providerId ? `through ${providerId}` : 'with a password'} was refused: ${FAILURES[code] ?? code}`,
  LinkOffered: ({ providerId }) => `A first sign-in through ${providerId} was offered to link the identity to an account`,
  LinkDeclined: ({ providerId }) => `The offer to link the ${providerId} identity was declined`,
  OrganizationCreated: ({ displayName }) => `The organization ${displayName} was created`,
  OrganizationRenamed: ({ displayName }) => `The organization was renamed to ${displayName}`,
  LoginPolicyChanged: () => 'The login policy was changed',
  IdentityProviderOffered: ({ providerId }) => `The identity provider ${providerId} was offered, or its policy was changed`,
  IdentityProviderWithdrawn: ({ providerId }) => `The identity provider ${providerId} is no longer offered`,
  IdentityProviderConfigured: ({ settings }) => `The identity provider ${settings.displayName} was configured`,
  IdentityProviderDeactivated: () => 'The identity provider was deactivated',
  IdentityProviderActivated: () => 'The identity provider was activated again',
  IdentityProviderRemovalAnnounced: () => 'The removal of the identity provider was announced',
  IdentityProviderRemovalCancelled: () => 'The removal of the identity provider was cancelled',
  IdentityProviderRemoved: () => 'The identity provider was removed',
  RelyingPartyConfigured: ({ displayName }) => `The relying app ${displayName} was configured`,
  HistoryAccessed: ({ access, userId }) =>
    `The ${access === 'as_of' || access === 'difference' ? 'account' : 'history'} of ${userId ? `user ${userId}` : 'the organization'} ${ACCESSES[access]}`,
};

/** What happened, in words, for people who do not read event types. */
export const sentenceFor = (event: DomainEvent): string => {
  const sentence = (SENTENCES as Readonly<Record<string, (data: object) => string>>)[event.type];
  return sentence ? sentence(event.data) : event.type;
};
