import { signInError } from '#libs/sign-in/refusals.js';
import type { Message } from '#libs/web/messages.js';
import { RefusedPage } from '#libs/web/refused.js';
import { ACCOUNT_REFUSAL_TEXTS as texts } from './refusal-texts.js';
import { ACCOUNT_TEXTS } from './texts.js';

type Refusal = readonly [status: number, title: Message, nextStep: Message];

const REFUSALS = {
  identity_not_linked: [404, texts.notLinked, texts.notLinkedAnyMore],
  unlinking_not_allowed: [403, texts.notUnlinked, texts.unlinkingForbidden],
  last_credential: [409, texts.nothingChanged, texts.lastWayIn],
  password_not_allowed: [403, texts.nothingChanged, texts.passwordsForbidden],
  no_password: [404, texts.nothingChanged, texts.noPassword],
  account_not_active: [403, texts.nothingChanged, texts.cannotBeChanged],
  session_ended: [403, texts.nothingChanged, texts.sessionEnded],
  reauthentication_not_possible: [403, texts.notConfirmed, texts.noIdentityToConfirmWith],
} satisfies Readonly<Record<string, Refusal>>;

const isOwn = (code: string): code is keyof typeof REFUSALS => Object.hasOwn(REFUSALS, code);

/**
 * A change of the account that is refused, as the user is told of it; codes that the sign-in pages explain are
 * explained as there.
 * @param reason for the log only
 */
export const refusedChange = (code: string, reason?: string): RefusedPage => {
  if (!isOwn(code)) return new RefusedPage(signInError(code), reason);
  const [status, title, nextStep] = REFUSALS[code];
  const wayBack = { href: '/account', label: ACCOUNT_TEXTS.backToAccount };
  return new RefusedPage({ status, title, nextStep, code, wayBack }, reason);
};
