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
  stillSignedIn: { en: 'Still signed in', de: 'Weiterhin angemeldet' },
  youAreStillSignedIn: { en: 'You are still signed in', de: 'Sie sind weiterhin angemeldet' },
  closeThisPage: { en: 'You can close this page.', de: 'Sie können diese Seite schließen.' },
  didNotWork: { en: 'That did not work', de: 'Das hat nicht funktioniert' },
  goBackToTheApp: {
    en: 'The request could not be answered. Go back to the app and start again.',
    de: 'Die Anfrage konnte nicht beantwortet werden. Gehen Sie zurück zur Anwendung und beginnen Sie von vorn.',
  },
  signOutHere: { en: 'Sign out here', de: 'Hier abmelden' },
  connectDevice: { en: 'Connect a device', de: 'Gerät verbinden' },
  typeDeviceCode: { en: 'Type the code that your device shows.', de: 'Geben Sie den Code ein, den Ihr Gerät anzeigt.' },
  deviceCode: { en: 'Code', de: 'Code' },
  continue: { en: 'Continue', de: 'Weiter' },
  deviceCodeWrong: {
    en: 'This code is not known, has expired, or was used. Check it, or have your device show a new one.',
    de: 'Dieser Code ist unbekannt, abgelaufen oder wurde schon verwendet. Prüfen Sie ihn, oder lassen Sie Ihr Gerät einen neuen anzeigen.',
  },
  deviceAborted: { en: 'Nothing was connected.', de: 'Es wurde nichts verbunden.' },
  deviceFailed: {
    en: 'That did not work. Have your device show a new code.',
    de: 'Das hat nicht funktioniert. Lassen Sie Ihr Gerät einen neuen Code anzeigen.',
  },
  deviceTooMany: {
    en: 'Too many codes were tried. Wait a few minutes.',
    de: 'Es wurden zu viele Codes versucht. Warten Sie einige Minuten.',
  },
  deviceQuestion: { en: 'Give {app} access?', de: '{app} Zugriff geben?' },
  deviceExplanation: {
    en: 'A device wants to use {app} with your account. It shows this code:',
    de: 'Ein Gerät möchte {app} mit Ihrem Konto verwenden. Es zeigt diesen Code:',
  },
  deviceWarning: {
    en: 'Continue only if you started this yourself, and the device before you shows exactly this code. Whoever sent you the code, by mail, chat or phone, would get into your account.',
    de: 'Fahren Sie nur fort, wenn Sie dies selbst begonnen haben und das Gerät vor Ihnen genau diesen Code zeigt. Wer Ihnen den Code per E-Mail, Chat oder Telefon geschickt hat, käme in Ihr Konto.',
  },
  deviceConfirm: { en: 'It is my device: continue', de: 'Es ist mein Gerät: weiter' },
  cancel: { en: 'Cancel', de: 'Abbrechen' },
  deviceConnected: { en: 'Your device is connected', de: 'Ihr Gerät ist verbunden' },
  goBackToTheDevice: {
    en: 'You can close this page and go back to it.',
    de: 'Sie können diese Seite schließen und zu ihm zurückkehren.',
  },
  allowAccess: { en: 'Allow access', de: 'Zugriff erlauben' },
  consentQuestion: { en: 'Allow {app} to use your account?', de: '{app} erlauben, Ihr Konto zu verwenden?' },
  consentExplanation: { en: 'It asks for:', de: 'Sie bittet um:' },
  consentResource: { en: '{scopes} at {resource}', de: '{scopes} bei {resource}' },
  allow: { en: 'Allow', de: 'Erlauben' },
  doNotAllow: { en: 'Do not allow', de: 'Nicht erlauben' },
  pageExpired: { en: 'This page has expired', de: 'Diese Seite ist abgelaufen' },
  goBackAndStartAgain: {
    en: 'Go back to the app and start again.',
    de: 'Gehen Sie zurück zur Anwendung und beginnen Sie von vorn.',
  },
});

/** What a scope gives an app, in words. */
export const SCOPE_TEXTS = messages({
  openid: { en: 'an identifier that stands for you', de: 'eine Kennung, die für Sie steht' },
  profile: { en: 'your name', de: 'Ihren Namen' },
  email: { en: 'your e-mail address', de: 'Ihre E-Mail-Adresse' },
  linked_identities: {
    en: 'which identities you linked to your account',
    de: 'welche Identitäten Sie mit Ihrem Konto verknüpft haben',
  },
  offline_access: {
    en: 'access while you are not signed in, until you take it away',
    de: 'Zugriff, während Sie nicht angemeldet sind, bis Sie ihn entziehen',
  },
});
