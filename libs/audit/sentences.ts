import type { DomainEvent } from '#libs/event-store/event-definition.js';
import type { AccountEvent } from '#libs/accounts/events.js';
import type { LinkEvent } from '#libs/linking/events.js';
import type { ActivityEvent } from '#libs/sign-in/events.js';

type HistoryEvent = AccountEvent | LinkEvent | ActivityEvent;

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
  signed_out_at_provider: 'the person signed out at the identity provider',
  ended_by_user: 'the person ended it from another session',
  replaced: 'a new sign-in in the same browser replaced it',
  identity_unlinked: 'the identity that opened it was unlinked',
  password_changed: 'the password was changed',
  account_recovered: 'the account was recovered',
  account_deactivated: 'the account was deactivated',
  account_erased: 'the account was erased',
  refused_after_revocation: 'the account or the link was taken away during the sign-in',
} as const;

const PROOFS = { mail_loop: 'by a mail', provider: 'by an identity provider' } as const;

const SENTENCES: { readonly [Type in HistoryEvent['type']]: (data: Extract<HistoryEvent, { type: Type }>['data']) => string } = {
  UserProvisioned: ({ providerId }) => `The account was created at the first sign-in through ${providerId}`,
  UserRegistered: () => 'The account was created by hand',
  ProfileUpdated: ({ providerId }) => (providerId ? `The profile was brought up to date by ${providerId}` : 'The name was changed'),
  UsernameChanged: ({ username }) => `The username became ${username ?? 'another one'}`,
  EmailAdded: ({ address }) => `The address ${address ?? '(erased)'} was added, not verified yet`,
  EmailVerified: ({ address, proof }) => `The address ${address ?? '(erased)'} was verified ${PROOFS[proof.method]}`,
  EmailChanged: ({ address, proof }) => `The verified address became ${address ?? '(erased)'}, verified ${PROOFS[proof.method]}`,
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
};

/** What happened, in words, for people who do not read event types. */
export const sentenceFor = (event: DomainEvent): string => {
  const sentence = (SENTENCES as Readonly<Record<string, (data: object) => string>>)[event.type];
  return sentence ? sentence(event.data) : event.type;
};
