import type { PageError } from '#libs/web/error-page.js';
import type { Message } from '#libs/web/messages.js';
import { WEB_TEXTS } from '#libs/web/texts.js';
import { REFUSAL_TEXTS as texts } from './refusal-texts.js';

type Refusal = readonly [status: number, title: Message, nextStep: Message];

/**
 * What a person is told, by code. Codes of the upstream protocol checks share one text: which check failed is for the
 * log, not for whoever is trying (L25 for `account_not_found`: the same for unknown users and for those who may not
 * sign in).
 */
const REFUSALS: Readonly<Record<string, Refusal>> = {
  organization_unknown: [404, texts.organizationUnknown, texts.checkTheAddress],
  sign_in_expired: [400, texts.signInExpired, texts.goBackToTheApp],
  form_expired: [403, texts.formExpired, texts.openThePageAgain],
  provider_not_allowed: [403, texts.notSignedIn, texts.chooseAnotherWay],
  provider_unreachable: [502, texts.providerUnreachable, texts.tryAgainOrAnotherWay],
  provider_error: [400, texts.notSignedIn, texts.providerEnded],
  account_not_found: [403, texts.notSignedIn, texts.noAccount],
  identity_already_linked_to_another_account: [409, texts.notLinked, texts.linkedToAnother],
  linking_not_allowed: [403, texts.notLinked, texts.linkingForbidden],
  link_intent_invalid: [400, texts.notLinked, texts.linkExpired],
  assurance_insufficient: [403, texts.notConfirmed, texts.useTheStrongerWay],
  creation_not_allowed: [403, texts.notSignedIn, texts.creationForbidden],
  registration_not_allowed: [403, texts.noAccountCreated, texts.registrationForbidden],
  recovery_not_allowed: [403, texts.nothingChanged, texts.mailUsedUp],
  email_verification_invalid: [400, texts.notVerified, texts.verificationUsedUp],
  email_taken: [409, texts.notVerified, texts.addressOfAnother],
  too_many_attempts: [429, texts.tooOften, texts.waitAFewMinutes],
  proof_failed: [403, texts.notConfirmed, texts.notYourIdentity],
  reauthentication_not_proven: [403, texts.notConfirmed, texts.notSignedInJustNow],
};

const UPSTREAM_REFUSAL: Refusal = [400, texts.notSignedIn, texts.answerNotAccepted];

/** @param startAgain path to begin again at; the account page by default */
export const signInError = (code: string, startAgain = '/account'): Omit<PageError, 'correlationId'> => {
  const [status, title, nextStep] = REFUSALS[code] ?? UPSTREAM_REFUSAL;
  return { status, title, nextStep, code, wayBack: { href: startAgain, label: WEB_TEXTS.startAgain } };
};

export const signInRefusal = (code: string, correlationId: string, startAgain?: string): PageError => ({
  ...signInError(code, startAgain),
  correlationId,
});
