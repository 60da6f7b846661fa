import type { PageError } from '#libs/web/error-page.js';

const TEXTS: Readonly<Record<string, Pick<PageError, 'status' | 'title' | 'nextStep'>>> = {
  identity_not_linked: { status: 404, title: 'Not linked', nextStep: 'This identity is not linked to your account (any more).' },
  unlinking_not_allowed: {
    status: 403,
    title: 'Not unlinked',
    nextStep: 'Your organization does not allow unlinking this identity provider.',
  },
  last_credential: {
    status: 409,
    title: 'Nothing was changed',
    nextStep: 'This is your last way to sign in. Link another identity or set a password first.',
  },
  email_verification_invalid: {
    status: 400,
    title: 'Not verified',
    nextStep: 'This mail can no longer be used. Add the address again to get another one.',
  },
  email_taken: { status: 409, title: 'Not verified', nextStep: 'That address is verified for another account.' },
  password_not_allowed: { status: 403, title: 'Nothing was changed', nextStep: 'Your organization does not allow passwords.' },
  no_password: { status: 404, title: 'Nothing was changed', nextStep: 'Your account has no password.' },
  account_not_active: { status: 403, title: 'Nothing was changed', nextStep: 'Your account cannot be changed now.' },
  reauthentication_not_possible: {
    status: 403,
    title: 'Not confirmed',
    nextStep: 'None of your identities can be used now to confirm that it is you. Ask your administrator.',
  },
};

/** What the person is told about a change of the account that was refused; nothing for codes that the sign-in pages explain. */
export const accountRefusal = (code: string, correlationId: string): PageError | undefined => {
  const text = TEXTS[code];
  return text && { ...text, code, correlationId, wayBack: { href: '/account', label: 'Back to your account' } };
};
