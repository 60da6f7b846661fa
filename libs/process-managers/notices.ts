import { createHash } from 'node:crypto';
import type { Account, UserStreamEvent } from '#libs/users/state.js';
import type { IdentityProviderEvent } from '#libs/identity-providers/events.js';
import type { IdentityProvider } from '#libs/identity-providers/state.js';
import { changesWhoIsBelieved } from '#libs/identity-providers/who-is-believed.js';
import type { DueNotice } from './due-notices.postgres.js';

/** What happened longer ago is told to nobody any more: a process manager that begins anew does not mail the past. */
export const NOTICE_AGE_MS = 24 * 3_600_000;

export const isRecent = (occurredAt: string, now: Date): boolean =>
  now.getTime() - Date.parse(occurredAt) < NOTICE_AGE_MS;

/** One mail for each event and receiver. */
export const noticeId = (eventId: string, receiver: string): string =>
  createHash('sha256')
    .update(`${eventId} ${receiver}`)
    .digest('hex')
    .slice(0, 32)
    .replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');

/**
 * Which of an account's addresses hear of an event: a changed one is told to both, since whoever had the old one must
 * learn of it. Pure.
 */
export const receiversOf = (before: Account, after: Account): readonly DueNotice['receiver'][] => [
  ...(before.verifiedEmail && before.verifiedEmail.address !== after.verifiedEmail?.address
    ? (['before'] as const)
    : []),
  ...(after.verifiedEmail ? (['after'] as const) : []),
];

export interface Notice {
  readonly subject: string;
  readonly sentence: string;
}

/**
 * What an account's owner is told by mail, so that a change that was not theirs does not stay unseen (L11, L27).
 * Nothing for other events.
 */
export const noticeOf = (event: UserStreamEvent): Notice | undefined => {
  switch (event.type) {
    case 'ExternalIdentityLinked':
      // The first one came with the account.
      if (event.data.provenance.origin === 'just_in_time') return undefined;
      return {
        subject: 'An identity was linked to your account',
        sentence: `An identity of ${event.data.providerId}${event.data.nameAtProvider ? ` (${event.data.nameAtProvider})` : ''} was linked to your account and can sign in to it.`,
      };
    case 'ExternalIdentityUnlinked':
      return {
        subject: 'An identity was unlinked from your account',
        sentence: `An identity of ${event.data.providerId} was unlinked from your account and can no longer sign in to it.`,
      };
    case 'PasswordSet':
      return {
        subject: 'The password of your account was set',
        sentence: 'A new password was set for your account, and its other sessions were ended.',
      };
    case 'PasswordRemoved':
      return {
        subject: 'The password of your account was removed',
        sentence: 'The password of your account was removed.',
      };
    case 'EmailVerified':
      return {
        subject: 'This address was verified for your account',
        sentence: 'This e-mail address is now the verified address of your account.',
      };
    case 'EmailChanged':
      return {
        subject: 'The e-mail address of your account was changed',
        sentence: 'Another e-mail address is now the verified address of your account.',
      };
    case 'AccountRecovered':
      return {
        subject: 'Your account was recovered',
        sentence: `Your account was recovered by e-mail, and all its sessions were ended.${
          event.data.onHold
            ? ' Sign in to review the identities that were linked to it: until then they do not work.'
            : ''
        }`,
      };
    default:
      return undefined;
  }
};

/**
 * What the people who sign in through a provider are told of a change; nothing where their way in is what it was. Pure.
 */
export const providerNoticeOf = (
  event: IdentityProviderEvent,
  before: IdentityProvider,
  after: IdentityProvider,
): string | undefined => {
  const name = after.settings?.displayName ?? 'an identity provider';
  switch (event.type) {
    case 'IdentityProviderConfigured':
      return before.settings && after.settings && changesWhoIsBelieved(before.settings, after.settings)
        ? `An administrator changed how ${name} says who you are. Whoever it takes for you can sign in to your account.`
        : undefined;
    case 'IdentityProviderDeactivated':
      return `An administrator switched off signing in through ${name}. The identity stays linked to your account.`;
    case 'IdentityProviderActivated':
      return `An administrator switched on signing in through ${name} again. The identity that is linked to your account can sign in to it.`;
    case 'IdentityProviderRemoved':
      return `An administrator removed ${name}. Your identity there can no longer sign in to your account.`;
    case 'IdentityProviderRemovalAnnounced':
    case 'IdentityProviderRemovalCancelled':
      return undefined;
  }
};
