import type { PageError } from '#libs/web/error-page.js';
import type { Message } from '#libs/web/messages.js';
import { ACCOUNT_REFUSAL_TEXTS as texts } from './refusal-texts.js';
import { ACCOUNT_TEXTS } from './texts.js';

type Refusal = readonly [status: number, title: Message, nextStep: Message];

const REFUSALS: Readonly<Record<string, Refusal>> = {
  identity_not_linked: [404, texts.notLinked, texts.notLinkedAnyMore],
  unlinking_not_allowed: [403, texts.notUnlinked, texts.unlinkingForbidden],
  last_credential: [409, texts.nothingChanged, texts.lastWayIn],
  password_not_allowed: [403, texts.nothingChanged, texts.passwordsForbidden],
  no_password: [404, texts.nothingChanged, texts.noPassword],
  account_not_active: [403, texts.nothingChanged, texts.cannotBeChanged],
  session_ended: [403, texts.nothingChanged, texts.sessionEnded],
  reauthentication_not_possible: [403, texts.notConfirmed, texts.noIdentityToConfirmWith],
};

/**
 * What the person is told about a change of the account that was refused; nothing for codes that the sign-in pages
 * explain.
 */
export const accountRefusal = (code: string, correlationId: string): PageError | undefined => {
  const refusal = REFUSALS[code];
  if (!refusal) return undefined;
  const [status, title, nextStep] = refusal;
  return {
    status,
    title,
    nextStep,
    code,
    correlationId,
    wayBack: { href: '/account', label: ACCOUNT_TEXTS.backToAccount },
  };
};
