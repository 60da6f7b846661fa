import type { UserStreamEvent } from '#libs/accounts/state.js';

export interface Notice {
  readonly subject: string;
  readonly sentence: string;
}

/** What an account's owner is told by mail, so that a change that was not theirs does not stay unseen (L11, L27). Nothing for other events. */
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
      return { subject: 'The password of your account was removed', sentence: 'The password of your account was removed.' };
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
      return { subject: 'Your account was recovered', sentence: 'Your account was recovered by e-mail, and all its sessions were ended.' };
    default:
      return undefined;
  }
};
