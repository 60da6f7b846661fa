import { messages } from '#libs/web/messages.js';

/** What the OpenID Provider's own pages say. */
export const OPENID_TEXTS = messages({
  signOut: { en: 'Sign out', de: 'Abmelden' },
  signOutQuestion: { en: 'Sign out?', de: 'Abmelden?' },
  signOutExplanation: {
    en: 'You are about to sign out of every app that you use with this account in this browser.',
    de: 'Sie melden sich von allen Anwendungen ab, die Sie in diesem Browser mit diesem Konto verwenden.',
  },
  staySignedIn: { en: 'Stay signed in', de: 'Angemeldet bleiben' },
  signedOut: { en: 'Signed out', de: 'Abgemeldet' },
  youAreSignedOut: { en: 'You are signed out', de: 'Sie sind abgemeldet' },
  closeThisPage: { en: 'You can close this page.', de: 'Sie können diese Seite schließen.' },
  didNotWork: { en: 'That did not work', de: 'Das hat nicht funktioniert' },
  goBackToTheApp: {
    en: 'The request could not be answered. Go back to the app and start again.',
    de: 'Die Anfrage konnte nicht beantwortet werden. Gehen Sie zurück zur Anwendung und beginnen Sie von vorn.',
  },
  signOutHere: { en: 'Sign out here', de: 'Hier abmelden' },
});
