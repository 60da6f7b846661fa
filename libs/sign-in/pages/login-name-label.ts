import type { LoginPolicy } from '#libs/organizations/events.js';
import type { Message } from '#libs/web/messages.js';
import { SIGN_IN_TEXTS } from '../texts.js';

/** What people type to say who they are. */
export const loginNameLabel = ({ loginNames }: LoginPolicy): Message => {
  if (!loginNames.includes('email')) return SIGN_IN_TEXTS.username;
  return loginNames.includes('username') ? SIGN_IN_TEXTS.usernameOrEmail : SIGN_IN_TEXTS.email;
};
