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
  replaced: 'a new sign-in in the same browser replaced it',
  identity_unlinked: 'the identity that opened it was unlinked',
  refused_after_revocation: 'the account or the link was taken away during the sign-in',
} as const;

const SENTENCES: { readonly [Type in HistoryEvent['type']]: (data: Extract<HistoryEvent, { type: Type }>['data']) => string } = {
  UserProvisioned: ({ providerId }) => `The account was created at the first sign-in through ${providerId}`,
  ExternalIdentityLinked: ({ providerId, nameAtProvider, provenance }) =>
    `The ${providerId} identity${nameAtProvider ? ` ${nameAtProvider}` : ''} was linked ${ORIGINS[provenance.origin]}`,
  ExternalIdentityUnlinked: ({ providerId }) => `A ${providerId} identity was unlinked`,
  ClaimAbandoned: () => 'A link that was begun was never completed and has been given up',
  LoginSucceeded: ({ providerId }) => `Signed in through ${providerId}`,
  SessionStarted: () => 'A session began',
  SessionEnded: ({ reason }) => `A session ended: ${ENDINGS[reason]}`,
};

/** What happened, in words, for people who do not read event types. */
export const sentenceFor = (event: DomainEvent): string => {
  const sentence = (SENTENCES as Readonly<Record<string, (data: object) => string>>)[event.type];
  return sentence ? sentence(event.data) : event.type;
};
