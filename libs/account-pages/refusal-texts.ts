import { messages } from '#libs/web/messages.js';

/** Titles and next steps of the account pages' refusals. */
export const ACCOUNT_REFUSAL_TEXTS = messages({
  notLinked: { en: 'Not linked', de: 'Nicht verknüpft' },
  notUnlinked: { en: 'Not unlinked', de: 'Nicht gelöst' },
  nothingChanged: { en: 'Nothing was changed', de: 'Nichts wurde geändert' },
  notConfirmed: { en: 'Not confirmed', de: 'Nicht bestätigt' },
  notLinkedAnyMore: {
    en: 'This identity is not linked to your account (any more).',
    de: 'Diese Identität ist nicht (mehr) mit Ihrem Konto verknüpft.',
  },
  unlinkingForbidden: {
    en: 'Your organization does not allow unlinking this identity provider.',
    de: 'Ihre Organisation erlaubt nicht, diesen Identitätsanbieter zu lösen.',
  },
  lastWayIn: {
    en: 'This is your last way to sign in. Link another identity or set a password first.',
    de: 'Das ist Ihr letzter Weg zur Anmeldung. Verknüpfen Sie zuerst eine andere Identität oder setzen Sie ein Passwort.',
  },
  passwordsForbidden: {
    en: 'Your organization does not allow passwords.',
    de: 'Ihre Organisation erlaubt keine Passwörter.',
  },
  noPassword: { en: 'Your account has no password.', de: 'Ihr Konto hat kein Passwort.' },
  cannotBeChanged: { en: 'Your account cannot be changed now.', de: 'Ihr Konto kann jetzt nicht geändert werden.' },
  sessionEnded: {
    en: 'Your session has ended. Sign in again.',
    de: 'Ihre Sitzung ist beendet. Melden Sie sich erneut an.',
  },
  noIdentityToConfirmWith: {
    en: 'None of your identities can be used now to confirm that it is you. Ask your administrator.',
    de: 'Keine Ihrer Identitäten kann jetzt bestätigen, dass Sie es sind. Fragen Sie Ihre Verwaltung.',
  },
});
