import type { AccountRefusalCode } from '#libs/users/decide.js';
import type { ProviderRefusalCode } from '#libs/identity-providers/decide.js';
import type { UnlinkOutcome } from '#libs/linking/decide.js';
import { RefusedCall } from '#libs/web/refused.js';

type RefusalCode =
  | AccountRefusalCode
  | ProviderRefusalCode
  | Extract<UnlinkOutcome, { kind: 'refused' }>['code']
  | 'removal_not_settled';

/** How the API answers each refusal. A code without an answer does not compile. */
const ANSWERS: Readonly<Record<RefusalCode, readonly [status: number, title: string]>> = {
  user_not_found: [404, 'There is no such user'],
  account_not_active: [409, 'The account is not active'],
  session_ended: [409, 'The session has ended'],
  password_not_allowed: [409, 'The organization does not allow passwords'],
  no_password: [409, 'The account has no password'],
  last_credential: [409, 'This is the last sign-in method of an active user'],
  username_taken: [409, 'The username is taken'],
  email_taken: [409, 'The email address is taken'],
  claim_abandoned: [409, 'The reservation has expired; send the command again'],
  email_verification_invalid: [409, 'The email address cannot be verified this way'],
  review_incomplete: [409, 'The review does not answer for each sign-in method'],
  recovery_not_allowed: [409, 'The organization does not allow recovery'],
  idempotency_key_reused: [422, 'This Idempotency-Key was used for another request'],
  identity_not_linked: [404, 'This identity is not linked to the user'],
  unlinking_not_allowed: [409, 'The organization does not allow unlinking this provider'],
  provider_not_found: [404, 'There is no such identity provider'],
  provider_removed: [410, 'This identity provider was removed, for ever'],
  provider_belongs_to_another: [409, 'The provider belongs to another organization'],
  removal_not_announced: [409, 'The removal is not announced'],
  removal_not_settled: [409, 'Sign-ins that began before the announcement may still be running'],
  people_would_lose_their_last_way_in: [409, 'Users would lose their last sign-in method'],
};

/** The answer to a command that was refused. */
export const refusedCall = (code: RefusalCode, extra?: ConstructorParameters<typeof RefusedCall>[3]): RefusedCall => {
  const [status, title] = ANSWERS[code];
  return new RefusedCall(status, code, title, extra);
};

/** @throws {RefusedCall} when the command was refused */
export const accepted = (
  outcome: { readonly kind: 'refused'; readonly code: RefusalCode } | { readonly kind: string; readonly code?: never },
): void => {
  if (outcome.code !== undefined) throw refusedCall(outcome.code);
};
