import type { PageError } from '#libs/web/error-page.js';

interface Text {
  readonly status: number;
  readonly title: string;
  readonly nextStep: string;
}

const NOT_SIGNED_IN = 'You are not signed in';

/**
 * What a person is told, by code. Codes of the upstream protocol checks share one text: which check failed is for the log, not for whoever is
 * trying (L25 for `account_not_found`: the same for unknown users and for those who may not sign in).
 */
const TEXTS: Readonly<Record<string, Text>> = {
  sign_in_expired: { status: 400, title: 'This sign-in has expired', nextStep: 'Go back to the app and start again.' },
  form_expired: { status: 403, title: 'This form has expired', nextStep: 'Open the page again and repeat what you did.' },
  provider_not_allowed: { status: 403, title: NOT_SIGNED_IN, nextStep: 'This identity provider cannot be used here. Choose another way.' },
  provider_unreachable: {
    status: 502,
    title: 'The identity provider cannot be reached',
    nextStep: 'Try again in a moment, or choose another way to sign in.',
  },
  provider_error: {
    status: 400,
    title: NOT_SIGNED_IN,
    nextStep: 'The identity provider ended the sign-in. Start again, or choose another way.',
  },
  account_not_found: {
    status: 403,
    title: NOT_SIGNED_IN,
    nextStep: 'No account can be used with this identity. Choose another way, or ask your administrator.',
  },
  identity_already_linked_to_another_account: {
    status: 409,
    title: 'Not linked',
    nextStep: 'This identity is linked to another account. Sign in with it and unlink it there first.',
  },
  linking_not_allowed: { status: 403, title: 'Not linked', nextStep: 'Your organization does not allow linking this identity provider.' },
  link_intent_invalid: {
    status: 400,
    title: 'Not linked',
    nextStep: 'The request to link has expired or belongs to another sign-in. Start again from your account.',
  },
  assurance_insufficient: {
    status: 403,
    title: 'Not confirmed',
    nextStep: 'This account has a stronger way to sign in. Start again, and use that one.',
  },
  creation_not_allowed: { status: 403, title: NOT_SIGNED_IN, nextStep: 'Your organization does not allow creating accounts this way.' },
  registration_not_allowed: {
    status: 403,
    title: 'No account was created',
    nextStep: 'Your organization does not allow creating accounts by hand.',
  },
  recovery_not_allowed: { status: 403, title: 'Nothing was changed', nextStep: 'This mail can no longer be used. Ask for another one.' },
  too_many_attempts: { status: 429, title: 'That was too often', nextStep: 'Wait a few minutes and try again.' },
  proof_failed: {
    status: 403,
    title: 'Not confirmed',
    nextStep: 'That was not an identity of your account. Try again with one that is linked to it.',
  },
  reauthentication_not_proven: {
    status: 403,
    title: 'Not confirmed',
    nextStep: 'The identity provider did not confirm that you signed in just now. Try again.',
  },
};

const UPSTREAM_REFUSAL: Text = {
  status: 400,
  title: NOT_SIGNED_IN,
  nextStep:
    'The identity provider’s answer could not be accepted. Start again; if it happens again, tell your administrator the reference below.',
};

/** @param startAgain path to begin again at; the account page unless told */
export const signInRefusal = (code: string, correlationId: string, startAgain = '/account'): PageError => ({
  ...(TEXTS[code] ?? UPSTREAM_REFUSAL),
  code,
  correlationId,
  wayBack: { href: startAgain, label: 'Start again' },
});
